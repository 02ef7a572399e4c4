"""What this computer remembers of a share: its manifest as it was seen last, and which projects it held.

The manifest is only a hint, so that a run knows what it will do before it asks the share: nothing is written to a
share before its own manifest was found to be the one that is kept here. Modification times in it are this
computer's, so that a clone hashes its files once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypedDict

from aitk_inference.core.errors import Conflict
from aitk_inference.core.regular_files import read_bytes, read_text
from aitk_inference.sync.manifest import Base, decode, encode

_Stamp = tuple[int, int, int]
_MOST_PROJECTS = 50
_LARGEST = 1 << 28
"""Bytes of the largest manifest: some million files."""


class ProjectNote(TypedDict):
    """A project that a folder of this computer synced.

    Attributes:
        root: The folder.
        folder_id: Device and inode of it: a folder keeps them where it is moved.
    """

    id: str
    root: str
    folder_id: str


class BaseCache(NamedTuple):
    """The share's manifest as one folder of this computer saw it last.

    Args:
        state: The user's folder for such things.
        key: Names share, project and folder.
    """

    state: Path
    key: str

    def load(self) -> Base | None:
        """Return what was kept last; None: nothing, or nothing that can be used."""
        path = self._path
        try:
            stamp = _stamp(path)
            if (path, stamp) not in _last():
                etag, unknown, content = read_bytes(path, largest=_LARGEST).split(b"\n", 2)
                manifest = decode(content, trusted=True)
                _remember(path, stamp, Base(manifest, etag.decode("ascii"), frozenset(json.loads(unknown))))
        except (OSError, Conflict, ValueError, TypeError, RecursionError):
            return None
        return _last()[path, stamp]

    def save(self, base: Base, content: bytes | None = None) -> None:
        """Keep it; where that fails the next run asks the share.

        Args:
            base: What to keep.
            content: Its manifest, where it was encoded already.
        """
        path = self._path
        staged = path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with staged.open("wb") as file:
                file.write(base.etag.encode() + b"\n" + json.dumps(sorted(base.unknown)).encode() + b"\n")
                file.write(content or encode(base.manifest))
            stamp = _stamp(staged)
            staged.replace(path)
            _remember(path, stamp, base)

    @property
    def _path(self) -> Path:
        return _file(self.state, self.key, ".manifest")


class ProjectHistory(NamedTuple):
    """Which projects folders of this computer synced to a share.

    Args:
        state: The user's folder for such things.
        name: Names the share.
    """

    state: Path
    name: str

    def had(self, project: str, root: Path) -> bool:
        """Return True if a folder seems to have had a project's id before: under another remote, path or host.

        It does when it is in the same place, when it was moved there (and kept its inode), or when the other one is
        gone; all three may be chance, so the caller compares the files, too.
        """
        notes = [note for note in self._notes() if note["id"] == project]
        ours = (str(root), _folder_id(root) or "none")
        return any(
            note["root"] == ours[0] or note["folder_id"] == ours[1] or not Path(note["root"]).exists()
            for note in notes
        )

    def add(self, project: str, root: Path) -> None:
        """Note that a folder synced a project; where that fails a later run asks."""
        note = ProjectNote(id=project, root=str(root), folder_id=_folder_id(root))
        notes = self._notes()
        if note in notes:
            return
        kept = [other for other in notes if (other["id"], other["root"]) != (project, str(root))]
        path = self._path
        staged = path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            staged.write_text(json.dumps([note, *kept][:_MOST_PROJECTS]), encoding="utf-8")
            staged.replace(path)

    def _notes(self) -> list[ProjectNote]:
        try:
            found = json.loads(read_text(self._path))
            return [ProjectNote(id=n["id"], root=n["root"], folder_id=n["folder_id"]) for n in found]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return []

    @property
    def _path(self) -> Path:
        return _file(self.state, self.name, ".projects")


def _folder_id(root: Path) -> str:
    try:
        found = root.stat()
    except OSError:
        return ""
    return f"{found.st_dev}-{found.st_ino}"


def _file(state: Path, key: str, ending: str) -> Path:
    return state / "shares" / (hashlib.sha256(os.fsencode(key)).hexdigest()[:32] + ending)


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


@cache
def _last() -> dict[tuple[Path, _Stamp], Base]:
    """Return the file that this process read or wrote last: a server that stays decodes none twice."""
    return {}


def _remember(path: Path, stamp: _Stamp, base: Base) -> None:
    _last().clear()
    _last()[path, stamp] = base
