"""SQLite files of the data folder, opened without trust."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from aca_local.state.own_files import OwnFile

if TYPE_CHECKING:
    from pathlib import Path

REMEDY = "Restore the data folder from a copy, or start with an empty one: --data-dir FOLDER."


def open_database(path: Path, preparation: str, *, cached_statements: int = 128) -> sqlite3.Connection:
    """Open a database for several threads and with explicit transactions; make one for its owner only.

    Args:
        preparation: Statements to begin with.

    Raises:
        OwnFileError: it can't be opened, or is no database.
    """
    file = OwnFile(path, REMEDY)
    file.check_kind()
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        found = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=cached_statements
        )
        found.executescript(preparation)
    except sqlite3.Error as problem:
        raise file.damaged(str(problem)) from None
    return found
