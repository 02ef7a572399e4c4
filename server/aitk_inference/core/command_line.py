"""Commands of ours as a person can paste them into a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def command_line(words: Sequence[str], project: Path) -> str:
    """Return a command that works from this folder.

    Args:
        words: The verb and its arguments.
        project: The project as the person named it.
    """
    is_here = project.expanduser().resolve() == Path.cwd()
    whole = ["aitk-inference", *words, *([] if is_here else ["--project", str(project)])]
    return subprocess.list2cmdline(whole) if os.name == "nt" else shlex.join(whole)
