"""Which line of a project's own files a console speaks of."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Problem
from aitk_inference.core.regular_files import read_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINES = (
    re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+)'),
    re.compile(r"\(from -r (?P<path>\S+) \(line (?P<line>\d+)\)\)"),
)
"""Python's tracebacks and pip's words about a line of a file of requirements."""
_CARET = re.compile(r"^\s*(?P<mark>[\^~]+)\s*$")
_FOREIGN = frozenset({"site-packages", "dist-packages"})


def blamed_line(lines: Sequence[str], project: Path, message: str) -> Problem | None:
    """Return the last place in the project's own files that the lines name, with the message.

    Args:
        lines: The end of a console, up to the error.
        project: The project's folder; in the container it lies where the share is mounted.
        message: What is wrong there.
    """
    for number in range(len(lines) - 1, -1, -1):
        for pattern in _LINES:
            found = pattern.search(lines[number])
            path = _in_project(found["path"], project) if found else None
            if found and path:
                line, column = (
                    int(found["line"]) - 1,
                    _column(lines[number + 1 : number + 3], path, int(found["line"])),
                )
                return Problem(path, message, line, column, code="start")
    return None


def _in_project(named: str, project: Path) -> Path | None:
    """Return the project's file that a path of the container stands for: the longest end of it that is there."""
    parts = PurePosixPath(named.replace("\\", "/")).parts
    if _FOREIGN.intersection(parts):
        return None
    ends = (project.joinpath(*parts[start:]) for start in range(parts[:1] == ("/",), len(parts)))
    return next((path for path in ends if path.is_file()), None)


def _column(lines: Sequence[str], path: Path, number: int) -> int:
    """Return where Python's caret points at; it is under the source line, whose indentation was replaced."""
    if len(lines) < 2 or not (caret := _CARET.match(lines[1])):  # noqa: PLR2004 - the source line and the caret's
        return 0
    offset = caret.start("mark") - (len(lines[0]) - len(lines[0].lstrip()))
    source = read_bytes(path).decode("utf-8", "replace").splitlines()[number - 1 : number]
    indent = len(source[0]) - len(source[0].lstrip()) if source else 0
    return max(indent + offset, 0)
