"""A file share in memory."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Conflict, NotFound
from aitk_inference.core.share import ShareEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime


@dataclass
class FakeFile:
    """A file on the share in memory."""

    content: bytes
    etag: str
    modified: datetime | None = None
    ranges: list[tuple[int, int]] = field(default_factory=list)


class FakeShare:
    """A share in memory, as Azure Files behaves: parents first, names without case, atomic renames.

    Each call is told to ``step``, which may end it.
    """

    def __init__(self, step: Callable[[str], None]) -> None:
        self.stored: dict[str, FakeFile] = {}
        self.folders: dict[str, dict[str, str]] = {}
        self.calls: list[str] = []
        self._step = step
        self._version = 0

    @property
    def requests(self) -> int:
        return len(self.calls)

    @property
    def files(self) -> dict[str, bytes]:
        """Every file's content."""
        return {path: file.content for path, file in self.stored.items()}

    def edit(self, path: str, content: bytes, modified: datetime | None = None) -> None:
        """Somebody else writes a file."""
        self._put(path, content, modified)

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        self._call("list")
        inside = [p for p in [*self.stored, *self.folders] if p.rpartition("/")[0] == directory]
        return [self._entry(path) for path in inside]

    async def entry(self, path: str) -> ShareEntry | None:
        self._call("entry")
        found = self._find(path, self.stored)
        return None if found is None else self._entry(found)._replace(md5=self._md5(found))

    async def read(self, path: str) -> bytes | None:
        self._call("read")
        found = self._find(path, self.stored)
        return None if found is None else self.stored[found].content

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> bool:
        self._call("make")
        self._need_parent(path)
        if self._find(path, self.folders) or self._find(path, self.stored):
            return False
        self.folders[path] = dict(metadata or {})
        return True

    async def directory_metadata(self, path: str) -> Mapping[str, str] | None:
        self._call("metadata")
        return self.folders.get(path)

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        if path in self.folders:
            self.folders[path] = dict(metadata)

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        self._call("put")
        assert len(content) <= 4 << 20
        return self._put(path, content, modified)

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        self._call("create")
        entry = self._put(path, bytes(size), modified)
        self.stored[entry.path].ranges.clear()
        return entry

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        self._call("range")
        assert 0 < len(content) <= 4 << 20
        found = self.stored[self._find(path, self.stored) or path]
        old, end = found.content, offset + len(content)
        found.content = old[:offset] + content + old[end:]
        found.ranges.append((offset, end))
        found.etag = self._next()

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        self._call("ranges")
        return sorted(self.stored[self._find(path, self.stored) or path].ranges)

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        self._call("copy")
        return self._put(target, self.stored[source].content, modified)

    async def rename(self, source: str, target: str, *, replace: bool) -> None:
        self._call("rename")
        assert replace or target not in self.stored
        self.stored[target] = self.stored.pop(source)

    async def rename_directory(self, source: str, target: str) -> bool:
        self._call("move")
        if source not in self.folders or target in self.folders:
            return False
        self.folders[target] = self.folders.pop(source)
        return True

    async def delete_file(self, path: str) -> bool:
        self._call("delete")
        found = self._find(path, self.stored)
        return found is not None and self.stored.pop(found) is not None

    async def delete_directory(self, path: str) -> bool:
        self._call("remove")
        found = self._find(path, self.folders)
        if found is None or any(other.startswith(f"{found}/") for other in [*self.stored, *self.folders]):
            return False
        return self.folders.pop(found) is not None

    def _put(self, path: str, content: bytes, modified: datetime | None) -> ShareEntry:
        self._need_parent(path)
        if self._find(path, self.folders):
            raise Conflict(f"ResourceTypeMismatch: {path}")
        name = self._find(path, self.stored) or self._spelled(path)
        whole = [(0, len(content))] if content else []
        self.stored[name] = FakeFile(content, self._next(), modified, whole)
        return self._entry(name)

    def _entry(self, path: str) -> ShareEntry:
        file = self.stored.get(path)
        if file is None:
            return ShareEntry(path, is_directory=True)
        return ShareEntry(path, False, len(file.content), file.etag, file.modified)

    def _md5(self, path: str) -> str:
        digest = hashlib.md5(self.stored[path].content, usedforsecurity=False)
        return base64.b64encode(digest.digest()).decode()

    def _spelled(self, path: str) -> str:
        """The path, with its folder spelled as it was made."""
        parent, _, name = path.rpartition("/")
        return f"{self._find(parent, self.folders)}/{name}" if parent else name

    def _find(self, path: str, names: Iterable[str]) -> str | None:
        return next((name for name in names if name.lower() == path.lower()), None)

    def _need_parent(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent and not self._find(parent, self.folders):
            raise NotFound(f"ParentNotFound: {parent}")

    def _next(self) -> str:
        self._version += 1
        return f'"{self._version}"'

    def _call(self, kind: str) -> None:
        self.calls.append(kind)
        self._step(f"share {kind}")
