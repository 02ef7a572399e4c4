"""Sends files and deletes what is gone, several at a time."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Conflict
from aitk_inference.flows.sync.manifest import Sent
from aitk_inference.flows.sync.plan import empty_folders, folders_of
from aitk_inference.flows.sync.scan import LocalFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from pathlib import Path
    from typing import TypeVar

    from aitk_inference.core.ports import Share
    from aitk_inference.flows.sync.plan import Plan

    T = TypeVar("T")

PIECE = 4 << 20
"""Azure Files takes at most 4 MiB at once."""
_IN_FLIGHT = 16
_TRIES = 3


@dataclass
class Tally:
    """What was sent so far."""

    tell: Callable[[int, int], None]
    files: int = 0
    bytes: int = 0

    def add(self, *, files: int = 0, count: int = 0) -> None:
        """Count and tell."""
        self.files += files
        self.bytes += count
        self.tell(self.files, self.bytes)


@dataclass(frozen=True)
class Sender:
    """Sends files of one project to one share."""

    root: Path
    share: Share
    tally: Tally
    sent: dict[str, Sent] = field(default_factory=dict)

    async def send(self, file: LocalFile) -> None:
        """Send one file; one that changes while it is read is read again.

        Raises:
            Conflict: it went on changing.
        """
        for _ in range(_TRIES):
            note = await self._try(file)
            if note is not None:
                self.sent[file.path] = note
                self.tally.add(files=1)
                return
            file = await asyncio.to_thread(_look, self.root, file.path)
        raise Conflict(
            f"{file.path} changes while it is sent.",
            suggestion="Stop what writes it, or list it in .aitkignore, and deploy again.",
        )

    async def _try(self, file: LocalFile) -> Sent | None:
        if file.size <= PIECE:
            return await self._small(file)
        return await self._large(file)

    async def _small(self, file: LocalFile) -> Sent | None:
        content = await asyncio.to_thread((self.root / file.path).read_bytes)
        if len(content) != file.size:
            return None
        entry = await self.share.put_file(file.path, content, modified=_time(file))
        self.tally.add(count=len(content))
        return Sent(file.size, hashlib.sha256(content).hexdigest(), file.mtime_ns, entry.etag)

    async def _large(self, file: LocalFile) -> Sent | None:
        await self.share.create_file(file.path, file.size)
        digest = hashlib.sha256()
        with (self.root / file.path).open("rb") as source:
            for offset in range(0, file.size, PIECE * _IN_FLIGHT):
                pieces = await asyncio.to_thread(_read, source.read, digest.update)
                await each(
                    [(file.path, offset + i * PIECE, piece) for i, piece in enumerate(pieces)],
                    self._piece,
                    at_once=4,
                )
        entry = await self.share.set_modified(file.path, _time(file))
        if await asyncio.to_thread(_look, self.root, file.path) != file:
            return None
        return Sent(file.size, digest.hexdigest(), file.mtime_ns, entry.etag)

    async def _piece(self, piece: tuple[str, int, bytes]) -> None:
        path, offset, content = piece
        await self.share.put_range(path, offset, content)
        self.tally.add(count=len(content))


async def send_all(root: Path, share: Share, plan: Plan, tell: Callable[[int, int], None]) -> dict[str, Sent]:
    """Make the folders, then send the files.

    Args:
        root: The project.
        share: Where to.
        plan: What to send.
        tell: Called with files and bytes so far.

    Returns:
        What was sent, for the manifest.
    """
    for level in _levels(folders_of(file.path for file in plan.send)):
        await each(level, share.make_directory)
    sender = Sender(root, share, Tally(tell))
    small = [file for file in plan.send if file.size <= PIECE]
    await each(small, sender.send)
    for file in plan.send:
        if file.size > PIECE:
            await sender.send(file)
    return sender.sent


async def delete_all(share: Share, plan: Plan) -> None:
    """Delete what is gone: files, then folders that became empty, deepest first."""
    await each(plan.delete, share.delete_file)
    for folder in empty_folders(plan):
        await share.delete_directory(folder)


async def each(
    items: Iterable[T], work: Callable[[T], Awaitable[object]], *, at_once: int = _IN_FLIGHT
) -> None:
    """Do the work for each item, several at a time; the first error ends all.

    Raises:
        The first error, alone: workers share one fate.
    """
    queue = iter(items)

    async def worker() -> None:
        for item in queue:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise _first(errors) from None


def _first(errors: BaseException) -> BaseException:
    return _first(errors.exceptions[0]) if isinstance(errors, ExceptionGroup) else errors


def _levels(folders: Sequence[str]) -> list[list[str]]:
    levels: dict[int, list[str]] = {}
    for folder in folders:
        levels.setdefault(folder.count("/"), []).append(folder)
    return [levels[depth] for depth in sorted(levels)]


def _read(read: Callable[[int], bytes], update: Callable[[bytes], object]) -> list[bytes]:
    pieces: list[bytes] = []
    while len(pieces) < _IN_FLIGHT and (piece := read(PIECE)):
        update(piece)
        pieces.append(piece)
    return pieces


def _look(root: Path, path: str) -> LocalFile:
    found = (root / path).stat()
    return LocalFile(path, found.st_size, found.st_mtime_ns)


def _time(file: LocalFile) -> datetime:
    return datetime.fromtimestamp(file.mtime_ns / 1e9, UTC)
