"""Small files of the data folder, read without trust: people, editors and backups write there, too.

What can't be used is told with its path, the reason and the way out.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from aca_local.state.regular_files import check_regular, read_regular

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes; the ports of ten thousand apps are less."""


class OwnFileError(Exception):
    """A file of the data folder that can't be used; the text says which, why, and what to do."""


class OwnFile(NamedTuple):
    """A small file, and what a person can do when it is damaged.

    Attributes:
        remedy: A sentence.
    """

    path: Path
    remedy: str = "Delete it, then try again."

    def data(self, largest: int = LARGEST) -> bytes | None:
        """Return the content, None where there is no file. Raises OwnFileError."""
        try:
            return read_regular(self.path, largest)
        except FileNotFoundError:
            return None
        except NotADirectoryError:  # not this file is wrong, but the folder
            raise
        except OSError as problem:
            raise self._unusable(problem) from None

    def text(self) -> str | None:
        """Return the text without a byte order mark, None where there is no file. Raises OwnFileError."""
        found = self.data()
        try:
            return None if found is None else found.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise self.damaged("it is not UTF-8 text") from None

    def document(self) -> dict[str, Any] | None:
        """Return the JSON object that it holds, None where there is no file. Raises OwnFileError."""
        text = self.text()
        if text is None:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):  # not JSON, a number of too many digits, too deep
            raise self.damaged("it holds no JSON that can be read") from None
        if not isinstance(found, dict):
            raise self.damaged("it holds no JSON object")
        return found

    def write(self, data: bytes) -> None:
        """Replace it at once or not at all, for its owner only. Raises OwnFileError and OSError."""
        self.check_kind()
        partial = self.path.with_name(f"{self.path.name}.{os.getpid()}.partial")
        partial.unlink(missing_ok=True)
        with open(partial, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(data)
        partial.replace(self.path)

    def check_kind(self) -> None:
        """Raise OwnFileError where it is there and no file, so that to open it could wait for ever."""
        try:
            check_regular(self.path)
        except FileNotFoundError:
            return
        except NotADirectoryError:  # not this file is wrong, but the folder
            raise
        except OSError as problem:
            raise self._unusable(problem) from None

    def damaged(self, reason: str) -> OwnFileError:
        """Return the error about it."""
        return OwnFileError(f"{self.path} can't be used: {reason}. {self.remedy}")

    def _unusable(self, problem: OSError) -> OwnFileError:
        return self.damaged(problem.strerror or "it can't be read")
