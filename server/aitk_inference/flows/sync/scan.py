"""Lists the project's files, and every reason why one can't be sent, before anything is sent."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.errors import InvalidProject, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_FORBIDDEN = re.compile(r'["\\:|<>*?\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?i)^(?:lpt[1-9]|com[1-9]|prn|aux|nul|con|clock\$)(?:\..*)?$")
_LONGEST_NAME, _LONGEST_PATH, _DEEPEST = 255, 2048, 250
_LARGEST = 4 << 40
_WAY_OUT = "Rename it, or list it in .aitkignore."


@dataclass(frozen=True)
class LocalFile:
    """A file to sync.

    Attributes:
        path: Relative to the project, ``/`` between parts: also its path on the share.
        size: Bytes.
        mtime_ns: Modification time, nanoseconds since 1970.
    """

    path: str
    size: int
    mtime_ns: int


def scan(root: Path, ignored: Callable[[str], bool]) -> tuple[LocalFile, ...]:
    """The files to sync, sorted by path.

    Raises:
        InvalidProject: with every file that can't be sent: names that Azure Files refuses, names that differ
            only in case, symbolic links, special and unreadable files.
    """
    files: list[LocalFile] = []
    problems: list[Problem] = []
    for entry, path in _walk(root, "", ignored, problems):
        wrong = _wrong(entry, path)
        if wrong:
            problems.append(Problem(root / path, wrong, code="sync"))
        elif entry.is_file(follow_symlinks=False):
            found = entry.stat(follow_symlinks=False)
            files.append(LocalFile(path, found.st_size, found.st_mtime_ns))
    problems += _collisions(root, files)
    if problems:
        raise _unsendable(problems)
    return tuple(sorted(files, key=lambda file: file.path))


def _walk(
    root: Path, folder: str, ignored: Callable[[str], bool], problems: list[Problem]
) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Every entry that is not ignored, folders before what they hold; folders that fail are not entered."""
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        for entry, path in _entries(root, folder, problems):
            is_folder = entry.is_dir(follow_symlinks=False)
            if ignored(f"{path}/" if is_folder else path):
                continue
            yield entry, path
            if is_folder and not _name_problem(entry.name, path):
                waiting.append(path)


def _entries(root: Path, folder: str, problems: list[Problem]) -> list[tuple[os.DirEntry[str], str]]:
    try:
        with os.scandir(root / folder) as entries:
            return [(entry, f"{folder}/{entry.name}" if folder else entry.name) for entry in entries]
    except OSError as error:
        problems.append(Problem(root / folder, f"The folder can't be read: {error.strerror}.", code="sync"))
        return []


def _wrong(entry: os.DirEntry[str], path: str) -> str:
    if entry.is_symlink():
        return (
            "Azure Files can't hold a symbolic link. Copy the file in its place, or list it in .aitkignore."
        )
    return _name_problem(entry.name, path) or _file_problem(entry)


def _file_problem(entry: os.DirEntry[str]) -> str:
    if entry.is_dir(follow_symlinks=False):
        return ""
    found = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        return "It is neither a file nor a folder. List it in .aitkignore."
    if found.st_size > _LARGEST:
        return "It is larger than 4 TiB, which Azure Files can't hold."
    if not os.access(entry.path, os.R_OK):
        return "It can't be read. Change its permissions, or list it in .aitkignore."
    return ""


def _name_problem(name: str, path: str) -> str:
    """Why Azure Files refuses a name (Naming and referencing shares, directories, files, and metadata)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return f"Its name is not valid text. {_WAY_OUT}"
    if _FORBIDDEN.search(name):
        return f'Azure Files refuses names with " \\ : | < > * ? or control characters. {_WAY_OUT}'
    if _DEVICES.match(name):
        return f"Azure Files refuses {name}, the name of a device. {_WAY_OUT}"
    if name.endswith((".", " ")):
        return f"Azure Files would drop the dot or space at the end of its name. {_WAY_OUT}"
    if len(name) > _LONGEST_NAME or len(path) > _LONGEST_PATH or path.count("/") >= _DEEPEST:
        return f"Its name or path is longer, or lies deeper, than Azure Files allows. {_WAY_OUT}"
    return ""


def _collisions(root: Path, files: Sequence[LocalFile]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for file in files:
        parts = file.path.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            other = seen.setdefault(path.lower(), path)
            if other != path:
                yield Problem(
                    root / path, f"Azure Files takes it and {other} for one. {_WAY_OUT}", code="sync"
                )
                break


def _unsendable(problems: Sequence[Problem]) -> InvalidProject:
    count = len(problems)
    what = "A file or folder" if count == 1 else f"{count} files or folders"
    return InvalidProject(
        f"{what} can't be sent to Azure Files; nothing was sent.",
        sorted(problems, key=lambda problem: str(problem.path)),
        suggestion="Mend or ignore each of them and run Deploy again.",
    )
