"""Lists the project's files, and every reason why one can't be sent, before anything is sent."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.sync.manifest import LARGEST_FILE
from aitk_inference.sync.names import name_problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.sync.ignore import Rules

_WAY_OUT = "Rename it, or list it in .aitkignore."


class LocalFile(NamedTuple):
    """A file to sync.

    Attributes:
        path: Relative to the project, ``/`` between parts: also its path on the share.
        size: Bytes.
        mtime_ns: Modification time, nanoseconds since 1970.
    """

    path: str
    size: int
    mtime_ns: int


class Scanned(NamedTuple):
    """What a folder holds.

    Attributes:
        files: To sync, sorted by path.
        skipped: What is left out; a folder (with ``/`` at its end) stands for all that it holds.
    """

    files: tuple[LocalFile, ...]
    skipped: tuple[str, ...]


def scan(root: Path, rules: Rules) -> Scanned:
    """Return what a folder holds, sorted by path.

    Raises:
        InvalidProject: with every file that can't be sent: names that Azure Files refuses, names that differ
            only in case, symbolic links, special and unreadable files.
    """
    walk = _Walk(root, rules)
    walk.run()
    if walk.problems:
        raise _unsendable(walk.problems)
    return Scanned(tuple(sorted(walk.files)), tuple(sorted(walk.skipped)))


class _Walk:
    """Every entry that is not ignored; folders that fail or have a wrong name are not entered."""

    def __init__(self, root: Path, rules: Rules) -> None:
        self._root = root
        self._user = os.geteuid() if hasattr(os, "geteuid") else None
        self._rules = rules
        self.files: list[LocalFile] = []
        self.skipped: list[str] = []
        self.problems: list[Problem] = []

    def run(self) -> None:
        """Walk the whole folder."""
        waiting = [""]
        while waiting:
            waiting += self._folder(waiting.pop())

    def _folder(self, folder: str) -> list[str]:
        """Take the folder's files; return its own folders."""
        inside: list[str] = []
        spelled: dict[str, str] = {}
        for entry, path in _entries(self._root, folder, self.problems):
            is_folder = entry.is_dir(follow_symlinks=False)
            if self._rules.suspect(entry.name) and self._is_left_out(entry, path, is_folder=is_folder):
                self.skipped.append(f"{path}/" if is_folder else path)
            elif (other := spelled.setdefault(entry.name.lower(), path)) != path:
                self._refuse(path, f"Azure Files takes it and {other} for one. {_WAY_OUT}")
            elif not is_folder:
                self._file(entry, path)
            elif wrong := name_problem(entry.name, path):
                self._refuse(path, wrong)
            else:
                inside.append(path)
        return inside

    def _is_left_out(self, entry: os.DirEntry[str], path: str, *, is_folder: bool) -> bool:
        """Return True if an entry is ignored. A link counts as what it points to, too: a virtual environment may be one."""
        if not is_folder and self._rules(path):
            return True
        return (is_folder or entry.is_symlink()) and self._rules(f"{path}/")

    def _refuse(self, path: str, wrong: str) -> None:
        self.problems.append(Problem(self._root / path, wrong, code="sync"))

    def _file(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:
            return  # it is gone since the folder was read
        wrong = _wrong(entry, path, found, self._user)
        if wrong:
            self._refuse(path, wrong)
        else:
            self.files.append(LocalFile(path, found.st_size, found.st_mtime_ns))


def _entries(root: Path, folder: str, problems: list[Problem]) -> list[tuple[os.DirEntry[str], str]]:
    try:
        with os.scandir(root / folder) as entries:
            return [(entry, f"{folder}/{entry.name}" if folder else entry.name) for entry in entries]
    except OSError as error:
        problems.append(Problem(root / folder, f"The folder can't be read: {error.strerror}.", code="sync"))
        return []


def _wrong(entry: os.DirEntry[str], path: str, found: os.stat_result, user: int | None) -> str:
    if stat.S_ISLNK(found.st_mode):
        return (
            "Azure Files can't hold a symbolic link. Copy the file in its place, or list it in .aitkignore."
        )
    return name_problem(entry.name, path) or _file_problem(entry, found, user)


def _file_problem(entry: os.DirEntry[str], found: os.stat_result, user: int | None) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "It is neither a file nor a folder. List it in .aitkignore."
    if found.st_size > LARGEST_FILE:
        return "It is larger than 4 TiB, which Azure Files can't hold."
    says_so_itself = found.st_uid == user and found.st_mode & stat.S_IRUSR  # of others' the system is asked
    if not says_so_itself and not os.access(entry.path, os.R_OK):
        return "It can't be read. Change its permissions, or list it in .aitkignore."
    return ""


def _unsendable(problems: Sequence[Problem]) -> InvalidProject:
    count = len(problems)
    what = "A file or folder" if count == 1 else f"{count} files or folders"
    return InvalidProject(
        f"{what} can't be sent to Azure Files; nothing was sent.",
        sorted(problems, key=lambda problem: str(problem.path)),
        suggestion="Mend or ignore each of them and run it again.",
    )
