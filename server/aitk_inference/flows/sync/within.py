"""A folder of a share as if it were a share of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.errors import NotFound
from aitk_inference.flows.sync.send import make_folders_above

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aitk_inference.core.ports import Share
    from aitk_inference.core.share import ShareEntry


class Within:
    """The ``Share`` port, for one folder; the folder is made when the first thing is written.

    Args:
        share: The share.
        folder: ``/`` between parts.
    """

    def __init__(self, share: Share, folder: str) -> None:
        self._share = share
        self._folder = folder

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._share.requests

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        """Entries of one folder."""
        path = f"{self._folder}/{directory}" if directory else self._folder
        return [self._inside(entry) for entry in await self._share.list(path)]

    async def entry(self, path: str) -> ShareEntry | None:
        """One file."""
        found = await self._share.entry(self._at(path))
        return None if found is None else self._inside(found)

    async def read(self, path: str) -> bytes | None:
        """A whole small file."""
        return await self._share.read(self._at(path))

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> bool:
        """Make one folder."""
        try:
            return await self._share.make_directory(self._at(path), metadata)
        except NotFound:
            await make_folders_above(self._share, self._at(path))
            return await self._share.make_directory(self._at(path), metadata)

    async def directory_metadata(self, path: str) -> Mapping[str, str] | None:
        """A folder's metadata."""
        return await self._share.directory_metadata(self._at(path))

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        """Replace a folder's metadata."""
        await self._share.set_directory_metadata(self._at(path), metadata)

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a small file."""
        return self._inside(await self._share.put_file(self._at(path), content, modified=modified))

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of a size."""
        return self._inside(await self._share.create_file(self._at(path), size, modified=modified))

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        """Write a part of a file."""
        await self._share.put_range(self._at(path), offset, content)

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        """The parts of a file that were written."""
        return await self._share.ranges(self._at(path))

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        """Copy a file within the folder."""
        return self._inside(await self._share.copy(self._at(source), self._at(target), modified=modified))

    async def rename(self, source: str, target: str, *, replace: bool) -> None:
        """Rename a file."""
        await self._share.rename(self._at(source), self._at(target), replace=replace)

    async def rename_directory(self, source: str, target: str) -> bool:
        """Rename a folder."""
        return await self._share.rename_directory(self._at(source), self._at(target))

    async def delete_file(self, path: str) -> bool:
        """Delete a file."""
        return await self._share.delete_file(self._at(path))

    async def delete_directory(self, path: str) -> bool:
        """Delete an empty folder."""
        return await self._share.delete_directory(self._at(path))

    def _at(self, path: str) -> str:
        return f"{self._folder}/{path}"

    def _inside(self, entry: ShareEntry) -> ShareEntry:
        return entry._replace(path=entry.path[len(self._folder) + 1 :])
