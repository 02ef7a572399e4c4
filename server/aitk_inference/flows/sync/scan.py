"""Lists the project's files, and every reason why one can't be sent, before anything is sent."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import InvalidProject, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.flows.sync.ignore import Rules

_FORBIDDEN = re.compile(r'["\\:|<>*?\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?i)^(?:lpt[1-9]|com[1-9]|prn|aux|nul|con|clock\$)(?:\..*)?$")
_PLAIN = re.compile(r"(?!(?i:lpt|com|prn|aux|nul|con|clock))[\w. -]{0,199}[\w-]", re.ASCII)
"""Names that need no closer look: most."""
_LONGEST_NAME, _LONGEST_PATH, _DEEPEST = 255, 2048, 250
_LARGEST = 4 << 40
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
    """What a folder holds, sorted by path.

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
        waiting = [""]
        while waiting:
            waiting += self._folder(waiting.pop())

    def _folder(self, folder: str) -> list[str]:
        """Take the folder's files; its own folders come back."""
        inside: list[str] = []
        spelled: dict[str, str] = {}
        for entry, path in _entries(self._root, folder, self.problems):
            is_folder = entry.is_dir(follow_symlinks=False)
            if self._rules.suspect(entry.name) and self._is_left_out(entry, path, is_folder=is_folder):
                self.skipped.append(f"{path}/" if is_folder else path)
            elif (other := spelled.setdefault(entry.name.lower(), path)) != path:
                self._tell(path, f"Azure Files takes it and {other} for one. {_WAY_OUT}")
            elif not is_folder:
                self._file(entry, path)
            elif wrong := _name_problem(entry.name, path):
                self._tell(path, wrong)
            else:
                inside.append(path)
        return inside

    def _is_left_out(self, entry: os.DirEntry[str], path: str, *, is_folder: bool) -> bool:
        """A link counts as what it points to, too: a virtual environment may be one."""
        if not is_folder and self._rules(path):
            return True
        return (is_folder or entry.is_symlink()) and self._rules(f"{path}/")

    def _tell(self, path: str, wrong: str) -> None:
        self.problems.append(Problem(self._root / path, wrong, code="sync"))

    def _file(self, entry: os.DirEntry[str], path: str) -> None:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:
            return  # it is gone since the folder was read
        wrong = _wrong(entry, path, found, self._user)
        if wrong:
            self._tell(path, wrong)
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
    return _name_problem(entry.name, path) or _file_problem(entry, found, user)


def _file_problem(entry: os.DirEntry[str], found: os.stat_result, user: int | None) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "It is neither a file nor a folder. List it in .aitkignore."
    if found.st_size > _LARGEST:
        return "It is larger than 4 TiB, which Azure Files can't hold."
    if not _is_readable(entry, found, user):
        return "It can't be read. Change its permissions, or list it in .aitkignore."
    return ""


def _is_readable(entry: os.DirEntry[str], found: os.stat_result, user: int | None) -> bool:
    """Our own files say so by themselves; of others' the system is asked."""
    if found.st_uid == user and found.st_mode & stat.S_IRUSR:
        return True
    return os.access(entry.path, os.R_OK)


def _name_problem(name: str, path: str) -> str:
    """Why Azure Files refuses a name (Naming and referencing shares, directories, files, and metadata)."""
    is_plain = _PLAIN.fullmatch(name) and len(path) < _LONGEST_NAME  # such a path is not too deep, either
    return "" if is_plain else _closer_look(name, path)


def _closer_look(name: str, path: str) -> str:
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
    if _length(name) > _LONGEST_NAME or _length(path) > _LONGEST_PATH or path.count("/") >= _DEEPEST:
        return f"Its name or path is longer, or lies deeper, than Azure Files allows. {_WAY_OUT}"
    return ""


def _length(text: str) -> int:
    """In UTF-16 code units, as the service counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _unsendable(problems: Sequence[Problem]) -> InvalidProject:
    count = len(problems)
    what = "A file or folder" if count == 1 else f"{count} files or folders"
    return InvalidProject(
        f"{what} can't be sent to Azure Files; nothing was sent.",
        sorted(problems, key=lambda problem: str(problem.path)),
        suggestion="Mend or ignore each of them and run it again.",
    )
