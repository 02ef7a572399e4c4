"""Finding things in a share's folder: names without case, symbolic links never followed out of the share."""

import os
import re
import stat
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from aca_local.files.errors import FilesError

INDEXED_FOLDERS = 512  # how many folders' names are kept in memory
_SURROGATE = re.compile("[\ud800-\udfff]")  # what Python holds for a byte that is no UTF-8


@dataclass(slots=True)
class Found:
    """A path in a share: where it is on disk, its names as they are there, its stat (None: nothing there)."""

    path: str
    names: tuple[str, ...]
    stat: os.stat_result | None
    folder: os.stat_result  # of the folder it is in; of itself for the share's root

    @property
    def is_directory(self) -> bool:
        """Return True if a folder stands there."""
        return self.stat is not None and stat.S_ISDIR(self.stat.st_mode)


class NameIndex:
    """The names in folders by lower case, so that a new name is checked without listing its folder.

    A folder's list holds as long as its modification time is the one the list was made at.
    """

    def __init__(self) -> None:
        self._folders: OrderedDict[str, tuple[int, dict[str, str]]] = OrderedDict()

    def is_new(self, folder: str, mtime: int, name: str) -> bool:
        """Return True if it is known without a look at the disk that `folder` has no such name."""
        known = self._folders.get(folder)
        return known is not None and known[0] == mtime and name.lower() not in known[1]

    def find(self, folder: str, mtime: int, name: str) -> str | None:
        """Return the name that stands in `folder` for `name`, whatever its case."""
        known = self._folders.get(folder)
        if known is None or known[0] != mtime:
            known = (mtime, {entry.lower(): entry for entry in os.listdir(folder)})
            self._keep(folder, known)
        return known[1].get(name.lower())

    def added(self, folder: str, before: int, name: str) -> None:
        """Note a name that was just made in a folder whose modification time was `before`."""
        known = self._folders.get(folder)
        if known is not None and known[0] == before:
            known[1][name.lower()] = name
            self._folders[folder] = (os.stat(folder).st_mtime_ns, known[1])

    def _keep(self, folder: str, known: tuple[int, dict[str, str]]) -> None:
        self._folders[folder] = known
        self._folders.move_to_end(folder)
        if len(self._folders) > INDEXED_FOLDERS:
            self._folders.popitem(last=False)


class Tree:
    """The files of one share or snapshot, below `root`."""

    def __init__(self, root: str, index: NameIndex) -> None:
        self.root = root
        self._index = index

    def find(self, names: Sequence[str]) -> Found:
        """Look up a path, given as its components; no components name the root.

        Raises ParentNotFound when the folder it would be in is missing, is no folder, or is reached through a
        symbolic link that leaves the share.
        """
        here = os.lstat(self.root)
        found = Found(self.root, (), here, here)
        for name in names:
            found = self._step(found, name)
        return found

    def find_target(self, names: Sequence[str]) -> Found:
        """Look up a path to put a file at: as `find`, but a new name in a known folder is not looked for."""
        parent = self.find(names[:-1])
        path, name = f"{parent.path}/{names[-1]}", names[-1]
        if (
            parent.is_directory
            and parent.stat
            and self._index.is_new(parent.path, parent.stat.st_mtime_ns, name)
        ):
            return Found(path, (*parent.names, name), None, parent.stat)
        return self._step(parent, name)

    def _step(self, parent: Found, name: str) -> Found:
        folder = parent.stat
        if folder is None or not parent.is_directory:
            raise FilesError("ParentNotFound")
        path = f"{parent.path}/{name}"
        there = self.stat(path)
        if there is None and (actual := self._index.find(parent.path, folder.st_mtime_ns, name)) is not None:
            name, path = actual, f"{parent.path}/{actual}"
            there = self.stat(path)
        return Found(path, (*parent.names, name), there, folder)

    def stat(self, path: str) -> os.stat_result | None:
        """Return what stands at a path of this share; None for nothing that SMB could show.

        That is a link out of the share, a FIFO (to open one waits for its other end), a socket, a device.
        """
        try:
            there = os.lstat(path)
            if stat.S_ISLNK(there.st_mode):
                if not self._inside(os.path.realpath(path)):
                    return None
                there = os.stat(path)
            return there if stat.S_ISREG(there.st_mode) or stat.S_ISDIR(there.st_mode) else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as problem:  # the name is too long for this file system, or a loop of links
            raise FilesError("InvalidResourceName") from problem

    def _inside(self, path: str) -> bool:
        root = os.path.realpath(self.root)
        return path == root or path.startswith(root + os.sep)

    def added(self, found: Found) -> None:
        """Note that something new stands at `found`."""
        name = found.names[-1]
        self._index.added(found.path[: -len(name) - 1], found.folder.st_mtime_ns, name)

    def children(self, folder: str) -> list[str]:
        """Return the names of the files and folders in a folder, sorted without case; none is looked at.

        Names that are not UTF-8 can't stand in a listing, nor be asked for.
        """
        with os.scandir(folder) as entries:
            served = (entry.name for entry in entries if self._is_served(entry))
            names = [name for name in served if not _SURROGATE.search(name)]
        return sorted(names, key=str.lower)

    def _is_served(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink():
            return self.stat(entry.path) is not None
        return entry.is_file() or entry.is_dir()
