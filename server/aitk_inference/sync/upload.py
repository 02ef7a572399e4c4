"""Sends files to a share: small ones in one request each, many at a time; large ones by ``large_files.py``."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import NotFound
from aitk_inference.core.regular_files import open_regular
from aitk_inference.sync.concurrency import Budget, each
from aitk_inference.sync.folders import make_folders_above
from aitk_inference.sync.large_files import TRIES, LargeFiles, changing, sent_as, unreadable
from aitk_inference.sync.manifest import moment
from aitk_inference.sync.plan import PIECE
from aitk_inference.sync.scan import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aitk_inference.core.share import Share, ShareEntry
    from aitk_inference.sync.manifest import Sent
    from aitk_inference.sync.remote import Seen

_BATCHES_AT_ONCE = 16
"""So that there is always a file to send, however many requests the share takes at once."""
_LARGE_AT_ONCE = 4
_HELD = 32 << 20
"""Bytes of content in memory at once."""
_BATCH_FILES, _BATCH_BYTES = 32, 1 << 20
"""What one visit to the disk reads: a thread for each small file would cost more than the file."""


@dataclass(eq=False, repr=False)
class Tally:
    """What was sent so far; ``changed`` hears files and bytes."""

    changed: Callable[[int, int], None]
    files: int = 0
    bytes: int = 0

    def add(self, *, files: int = 0, count: int = 0) -> None:
        """Count, and report it."""
        self.files += files
        self.bytes += count
        self.changed(self.files, self.bytes)


class _Read(NamedTuple):
    """A small file as it was read: what it is now, its content, and when that was."""

    file: LocalFile
    content: bytes
    at_ns: int


@dataclass(eq=False, repr=False)
class Sender:
    """Sends files of one folder to one share.

    Attributes:
        root: The folder.
        seen: What lay under the files' paths before.
        known: What we have sent there before, or begun to.
        token: Names this run.
        sent: What was sent, for the manifest.
        vanished: Files that were deleted before they could be sent.
    """

    root: Path
    share: Share
    seen: Seen
    known: Mapping[str, Sent]
    token: str
    tally: Tally
    sent: dict[str, Sent] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    _budget: Budget = field(default_factory=lambda: Budget(_HELD))

    async def send(self, files: Sequence[LocalFile]) -> None:
        """Send these files.

        Raises:
            Conflict: one went on changing while it was read, or can't be read.
            AppError: the share refused one.
        """
        small = [file for file in files if file.size <= PIECE]
        await each(_batches(small), self._batch, at_once=_BATCHES_AT_ONCE)
        large = [file for file in files if file.size > PIECE]
        await each(large, self._large, at_once=_LARGE_AT_ONCE)

    async def _batch(self, files: Sequence[LocalFile]) -> None:
        async with self._budget.hold(sum(file.size for file in files)):
            found = await asyncio.to_thread(_read_all, self.root, files)
            await each(found, self._small, at_once=_BATCH_FILES)

    async def _small(self, found: tuple[str, _Read | None]) -> None:
        path, read = found
        if read is None:
            self.vanished.append(path)
            return
        if read.file.size > PIECE:  # it grew
            await self._large(read.file)
            return
        entry = await self._put(read)
        sha256 = hashlib.sha256(read.content).hexdigest()
        self.sent[path] = sent_as(read.file, sha256, entry, read.at_ns)
        self.tally.add(files=1, count=len(read.content))

    async def _put(self, read: _Read) -> ShareEntry:
        path, modified = read.file.path, moment(read.file.mtime_ns)
        try:
            return await self.share.put_file(path, read.content, modified=modified)
        except NotFound:
            await make_folders_above(self.share, path)
            return await self.share.put_file(path, read.content, modified=modified)

    async def _large(self, file: LocalFile) -> None:
        sent = await self._large_files.send(file)
        if sent is None:
            self.vanished.append(file.path)
        else:
            self.sent[file.path] = sent
            self.tally.add(files=1)

    @cached_property
    def _large_files(self) -> LargeFiles:
        return LargeFiles(
            self.root,
            self.share,
            self.seen,
            self.known,
            self.token,
            lambda count: self.tally.add(count=count),
            self._budget,
        )


def _batches(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    """Yield files that are read together."""
    batch: list[LocalFile] = []
    held = 0
    for file in files:
        if batch and (len(batch) >= _BATCH_FILES or held + file.size > _BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(file)
        held += file.size
    if batch:
        yield batch


def _read_all(root: Path, files: Sequence[LocalFile]) -> list[tuple[str, _Read | None]]:
    return [(file.path, _read(root, file)) for file in files]


def _read(root: Path, file: LocalFile) -> _Read | None:
    """Read a small file; one that changes while it is read is read again; None when it is gone."""
    path = os.path.join(root, file.path)  # noqa: PTH118 - thousands of files
    for _ in range(TRIES):
        at_ns = time.time_ns()
        try:
            with open_regular(path) as source:
                content = source.read(PIECE + 1)
                found = os.fstat(source.fileno())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(file.path, error) from error
        now = LocalFile(file.path, found.st_size, found.st_mtime_ns)
        if now == file and (len(content) == now.size or now.size > PIECE):
            return _Read(now, content, at_ns)
        file = now
    raise changing(file.path)
