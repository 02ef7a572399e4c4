"""A file share in memory."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Conflict, NotFound
from aitk_inference.core.share import Directory, ShareEntry
from support.scripted import FakeClock, Steps

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence


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

    def __init__(self, step: Callable[[str], None], now: Callable[[], datetime] | None = None) -> None:
        self._now = now or (lambda: datetime.now(UTC))
        self._check: Callable[[], Awaitable[None]] | None = None
        self.instances: dict[str, tuple[str, datetime]] = {}
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

    async def read_range(self, path: str, offset: int, length: int) -> bytes | None:
        self._call("read")
        found = self._find(path, self.stored)
        return None if found is None else self.stored[found].content[offset : offset + length]

    def before_writes(self, check: Callable[[], Awaitable[None]] | None) -> None:
        self._check = check

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> Directory | None:
        await self._write("make")
        self._need_parent(path)
        if self._find(path, self.folders) or self._find(path, self.stored):
            return None
        self.folders[path] = dict(metadata or {})
        self.instances[path] = (self._next(), self._now())
        return self._directory(path)

    async def directory(self, path: str) -> Directory | None:
        self._call("metadata")
        found = self._find(path, self.folders)
        return None if found is None else self._directory(found)

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        self._call("note")
        if path not in self.folders:
            raise NotFound(f"ResourceNotFound: {path}")
        self.folders[path] = dict(metadata)
        self.instances[path] = (self._directory(path).instance, self._now())

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        await self._write("put")
        assert len(content) <= 4 << 20
        return self._put(path, content, modified)

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        await self._write("create")
        entry = self._put(path, bytes(size), modified)
        self.stored[entry.path].ranges.clear()
        return entry

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        await self._write("range")
        assert 0 < len(content) <= 4 << 20
        found = self._stored(path)
        old, end = found.content, offset + len(content)
        found.content = old[:offset] + content + old[end:]
        found.ranges.append((offset, end))
        found.etag = self._next()

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        self._call("ranges")
        return sorted(self._stored(path).ranges)

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        await self._write("copy")
        return self._put(target, self.stored[source].content, modified)

    async def rename(self, source: str, target: str, *, replace: bool) -> ShareEntry:
        await self._write("rename")
        self._need_parent(target)
        found = self._find(source, self.stored)
        if found is None:
            raise NotFound(f"ResourceNotFound: {source}")
        there = self._find(target, self.stored)
        assert replace or there is None
        file = self.stored.pop(found)
        file.etag = self._next()
        name = there or self._spelled(target)
        self.stored[name] = file
        return self._entry(name)._replace(path=target)

    async def rename_directory(self, source: str, target: str) -> bool:
        await self._write("move")
        found = self._find(source, self.folders)
        if found is None or self._find(target, self.folders):
            return False
        for names in (self.stored, self.folders, self.instances):
            moved = {name: names[name] for name in names if name == found or name.startswith(f"{found}/")}
            for name, value in moved.items():
                del names[name]
                names[target + name[len(found) :]] = value
        return True

    async def delete_file(self, path: str) -> bool:
        await self._write("delete")
        found = self._find(path, self.stored)
        return found is not None and self.stored.pop(found) is not None

    async def delete_directory(self, path: str) -> bool:
        await self._write("remove")
        found = self._find(path, self.folders)
        if found is None or any(other.startswith(f"{found}/") for other in [*self.stored, *self.folders]):
            return False
        self.instances.pop(found, None)
        return self.folders.pop(found) is not None

    def _stored(self, path: str) -> FakeFile:
        found = self._find(path, self.stored)
        if found is None:
            raise NotFound(f"ResourceNotFound: {path}")
        return self.stored[found]

    def _directory(self, path: str) -> Directory:
        """A folder that a test laid down itself has no instance and no time: an older service's."""
        instance, modified = self.instances.get(path, ("", None))
        return Directory(self.folders[path], instance, modified, self._now())

    async def _write(self, kind: str) -> None:
        if self._check is not None:
            await self._check()
        self._call(kind)

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


class ShareWorld(Steps):
    """A share and a clock, for tests of the sync alone."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.share = FakeShare(self.step, self.clock.now)
