"""The manifest as this computer saw it last, so that a run knows what it will do before it asks the share.

Only a hint: nothing is written to a share before its own manifest was found to be the one that is kept here.
Modification times in it are this computer's, so that a clone hashes its files once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Conflict
from aitk_inference.flows.sync.manifest import Manifest, decode, encode

if TYPE_CHECKING:
    from pathlib import Path


class Base(NamedTuple):
    """A state of the share to compare with.

    Attributes:
        manifest: What it holds of ours; its modification times are this computer's.
        mark: Of the manifest as it stands on the share (``mark_of``).
    """

    manifest: Manifest
    mark: str


@dataclass(frozen=True)
class Cache:
    """What was seen of one share by one project.

    Args:
        state: The user's folder for such things.
        place: Names share and project.
    """

    state: Path
    place: str

    def load(self) -> Base | None:
        """What was kept last; None: nothing, or nothing that can be used."""
        try:
            found = self._path.stat()
            return _read(self._path, found.st_mtime_ns, found.st_size)
        except (OSError, Conflict, UnicodeDecodeError):
            return None

    def save(self, base: Base, content: bytes | None = None) -> None:
        """Keep it; where that fails the next run asks the share.

        Args:
            base: What to keep.
            content: Its manifest, where it was encoded already.
        """
        staged = self._path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(base.mark.encode() + b"\n" + (content or encode(base.manifest)))
            staged.replace(self._path)

    @property
    def _path(self) -> Path:
        name = hashlib.sha256(self.place.encode()).hexdigest()[:32]
        return self.state / "shares" / f"{name}.manifest"


@lru_cache(maxsize=2)
def _read(path: Path, mtime_ns: int, size: int) -> Base:
    """The kept state in a file of that time and size: a server that stays reads it once."""
    del mtime_ns, size
    mark, _, content = path.read_bytes().partition(b"\n")
    return Base(decode(content), mark.decode("ascii"))
