"""The manifest as this computer saw it last, so that a run knows what it will do before it asks the share.

Only a hint: nothing is written to a share before its own manifest was found to be the one that is kept here.
Modification times in it are this computer's, so that a clone hashes its files once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Conflict
from aitk_inference.flows.sync.manifest import Base, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

    _Stamp = tuple[int, int, int]


class Cache(NamedTuple):
    """What was seen of one share by one project.

    Args:
        state: The user's folder for such things.
        place: Names share and project.
    """

    state: Path
    place: str

    def load(self) -> Base | None:
        """What was kept last; None: nothing, or nothing that can be used."""
        path = self._path
        try:
            stamp = _stamp(path)
            if (path, stamp) not in _last():
                _remember(path, stamp, _read(path))
        except (OSError, Conflict, UnicodeDecodeError):
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
                file.write(base.mark.encode() + b"\n")
                file.write(content or encode(base.manifest))
            stamp = _stamp(staged)
            staged.replace(path)
            _remember(path, stamp, base)

    @property
    def _path(self) -> Path:
        name = hashlib.sha256(self.place.encode()).hexdigest()[:32]
        return self.state / "shares" / f"{name}.manifest"


def _read(path: Path) -> Base:
    mark, _, content = path.read_bytes().partition(b"\n")
    return Base(decode(content), mark.decode("ascii"))


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


@cache
def _last() -> dict[tuple[Path, _Stamp], Base]:
    """The file that this process read or wrote last: a server that stays decodes none twice."""
    return {}


def _remember(path: Path, stamp: _Stamp, base: Base) -> None:
    _last().clear()
    _last()[path, stamp] = base
