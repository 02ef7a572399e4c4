"""Sends files to a share: small ones in one request each, large ones in pieces, many at a time."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Conflict, NotFound
from aitk_inference.flows.sync.look import looks_sent
from aitk_inference.flows.sync.manifest import Sent, moment, nanoseconds
from aitk_inference.flows.sync.plan import PIECE
from aitk_inference.flows.sync.scan import LocalFile
from aitk_inference.flows.sync.workers import Budget, each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from aitk_inference.core.ports import Share
    from aitk_inference.core.share import ShareEntry
    from aitk_inference.flows.sync.look import Seen

_FOLDERS_AT_ONCE = 512
_BATCHES_AT_ONCE = 16
"""So that there is always a file to send, however many requests the share takes at once."""
_LARGE_AT_ONCE = 4
_HELD = 32 << 20
"""Bytes of content in memory at once."""
_BATCH_FILES, _BATCH_BYTES = 32, 1 << 20
"""What one visit to the disk reads: a thread for each small file would cost more than the file."""
_TRIES = 3
_TICK_NS, _COARSE_TICK_NS, _SECOND_NS = 100_000_000, 2_000_000_000, 1_000_000_000
"""A file can change again without a new time within this; file systems with whole seconds need two."""


@dataclass(eq=False, repr=False)
class Tally:
    """What was sent so far; ``tell`` hears files and bytes."""

    tell: Callable[[int, int], None]
    files: int = 0
    bytes: int = 0

    def add(self, *, files: int = 0, count: int = 0) -> None:
        """Count and tell."""
        self.files += files
        self.bytes += count
        self.tell(self.files, self.bytes)


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
        seen: What lay at the files' places before.
        known: What we have sent there before, or begun to.
        sent: What was sent, for the manifest.
        vanished: Files that were deleted before they could be sent.
    """

    root: Path
    share: Share
    seen: Seen
    known: frozenset[str]
    tally: Tally
    sent: dict[str, Sent] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    _budget: Budget = field(default_factory=lambda: Budget(_HELD))

    async def send(self, files: Sequence[LocalFile]) -> None:
        """Send these files.

        Raises:
            Conflict: one went on changing while it was read.
            AppError: the share refused one.
        """
        small = [file for file in files if file.size <= PIECE]
        await each(_batches(small), self._batch, at_once=_BATCHES_AT_ONCE)
        large = [file for file in files if file.size > PIECE]
        await each(large, self._large, at_once=_LARGE_AT_ONCE)

    # small files

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
        self.sent[path] = _note(read.file, sha256, entry, read.at_ns)
        self.tally.add(files=1, count=len(read.content))

    async def _put(self, read: _Read) -> ShareEntry:
        path, modified = read.file.path, moment(read.file.mtime_ns)
        try:
            return await self.share.put_file(path, read.content, modified=modified)
        except NotFound:
            await make_folders_above(self.share, path)
            return await self.share.put_file(path, read.content, modified=modified)

    # large files

    async def _large(self, file: LocalFile) -> None:
        for _ in range(_TRIES):
            at_ns = time.time_ns()
            sent = await self._pieces(file, at_ns)
            now = await asyncio.to_thread(_look, self.root, file.path)
            if now is None or sent is None:
                self.vanished.append(file.path)
                return
            if now == file:
                self.sent[file.path] = sent
                self.tally.add(files=1)
                return
            file = now
        raise changing(file.path)

    async def _pieces(self, file: LocalFile, at_ns: int) -> Sent | None:
        """Send what the share lacks of a file; None when it is gone.

        One that the share had already as a whole, and that no run of ours began, stays its owner's.
        """
        pieces = _Pieces(file.path, self.share, self.tally, self._budget, await self._begin(file))
        sha256 = await self._stream(file, pieces)
        if sha256 is None:
            return None
        entry = await self.share.entry(file.path)
        if entry is None or entry.size != file.size:
            raise Conflict(
                f"{file.path} was changed on the share while it was sent.", suggestion="Run it again."
            )
        ours = pieces.there is None or pieces.sent > 0 or file.path in self.known
        return _note(file, sha256, entry, at_ns)._replace(ours=ours)

    async def _begin(self, file: LocalFile) -> Sequence[tuple[int, int]] | None:
        """The parts that the share has from a run that was interrupted; None: a new file, all zeros."""
        entry = self.seen.at(file.path)
        if entry is not None and looks_sent(entry, file):
            return await self.share.ranges(file.path)
        modified = moment(file.mtime_ns)
        try:
            await self.share.create_file(file.path, file.size, modified=modified)
        except NotFound:
            await make_folders_above(self.share, file.path)
            await self.share.create_file(file.path, file.size, modified=modified)
        return None

    async def _stream(self, file: LocalFile, pieces: _Pieces) -> str | None:
        """Send the pieces that are missing; returns the hash of all, None when the file is gone.

        Each piece opens the file anew: a thread that reads on after a cancel has no descriptor of another.
        """
        digest = hashlib.sha256()
        path = self.root / file.path
        async with asyncio.TaskGroup() as group:
            for offset in range(0, file.size, PIECE):
                await self._budget.take(PIECE)
                piece = await asyncio.to_thread(_read_piece, path, offset, digest.update)
                if piece is None:
                    return None
                if pieces.is_there(offset, piece):
                    self._budget.give(PIECE)
                    self.tally.add(count=len(piece))
                else:
                    group.create_task(pieces.put(offset, piece))
        return digest.hexdigest()


@dataclass(eq=False, repr=False)
class _Pieces:
    """The pieces of one large file."""

    path: str
    share: Share
    tally: Tally
    budget: Budget
    there: Sequence[tuple[int, int]] | None
    sent: int = 0

    def is_there(self, offset: int, piece: bytes) -> bool:
        """Whether the share has it: zeros of a new file, or a part of an interrupted run."""
        if not piece:
            return True  # the file became shorter: it will be sent again
        if self.there is None:
            return piece[0] == 0 and piece == bytes(len(piece))
        end = offset + len(piece)
        return any(start <= offset and end <= stop for start, stop in self.there)

    async def put(self, offset: int, piece: bytes) -> None:
        """Send it."""
        try:
            await self.share.put_range(self.path, offset, piece)
        finally:
            self.budget.give(PIECE)
        self.sent += 1
        self.tally.add(count=len(piece))


async def make_folders(share: Share, folders: Sequence[str]) -> None:
    """Make folders, parents before children."""
    levels: dict[int, list[str]] = {}
    for folder in folders:
        levels.setdefault(folder.count("/"), []).append(folder)
    for depth in sorted(levels):
        await each(levels[depth], lambda folder: _make_folder(share, folder), at_once=_FOLDERS_AT_ONCE)


async def _make_folder(share: Share, folder: str) -> None:
    """Make a folder; those above it, too, where somebody deleted them."""
    try:
        await share.make_directory(folder)
    except NotFound:
        await make_folders_above(share, folder)
        await share.make_directory(folder)


async def make_folders_above(share: Share, path: str) -> None:
    """Make every folder above a path."""
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        await share.make_directory("/".join(parts[:depth]))


def changing(path: str) -> Conflict:
    """The error for a file that does not keep still."""
    return Conflict(
        f"{path} changes while it is sent.",
        suggestion="Stop what writes it, or list it in .aitkignore, and run it again.",
    )


def _batches(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    """Files that are read together."""
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
    """A small file; one that changes while it is read is read again; None when it is gone."""
    path = os.path.join(root, file.path)  # noqa: PTH118 - thousands of files
    for _ in range(_TRIES):
        at_ns = time.time_ns()
        try:
            with open(path, "rb", buffering=0) as source:  # noqa: PTH123 - thousands of files
                content = source.read(PIECE + 1)
                found = os.fstat(source.fileno())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Conflict(
                f"{file.path} can't be read: {error.strerror}.",
                suggestion="Change its permissions, or list it in .aitkignore.",
            ) from error
        now = LocalFile(file.path, found.st_size, found.st_mtime_ns)
        if now == file and (len(content) == now.size or now.size > PIECE):
            return _Read(now, content, at_ns)
        file = now
    raise changing(file.path)


def _read_piece(path: Path, offset: int, update: Callable[[bytes], object]) -> bytes | None:
    """One piece of a file, shorter at its end; None when the file is gone."""
    try:
        with path.open("rb", buffering=0) as source:
            source.seek(offset)
            piece = source.read(PIECE)
            while len(piece) < PIECE and (more := source.read(PIECE - len(piece))):
                piece += more
    except FileNotFoundError:
        return None
    update(piece)
    return piece


def _look(root: Path, path: str) -> LocalFile | None:
    try:
        found = (root / path).stat()
    except FileNotFoundError:
        return None
    return LocalFile(path, found.st_size, found.st_mtime_ns)


def _note(file: LocalFile, sha256: str, entry: ShareEntry, at_ns: int) -> Sent:
    mtime_ns = file.mtime_ns if _is_settled(file.mtime_ns, at_ns) else 0
    return Sent(file.size, sha256, mtime_ns, entry.etag, nanoseconds(entry.last_write))


def _is_settled(mtime_ns: int, read_ns: int) -> bool:
    """Whether a later change would have another time."""
    tick = _COARSE_TICK_NS if mtime_ns % _SECOND_NS == 0 else _TICK_NS
    return read_ns - mtime_ns > tick
