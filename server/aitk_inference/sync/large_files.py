"""Sends large files: in pieces, under a name of the run's own, then renamed in one step to what they are called.

So a file on the share is the old one or the new one as a whole, whatever happens: an app that has it open keeps
what it has, and two runs at once never write into one file. A run that was killed leaves such a part behind; the
manifest names the run in the file's row, and the next run goes on with the part.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import time
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Conflict, NotFound, Unreachable
from aitk_inference.core.regular_files import open_regular, refuse_special
from aitk_inference.sync.folders import make_folders_above
from aitk_inference.sync.ignore import RESERVED
from aitk_inference.sync.manifest import Sent, moment, nanoseconds, tokens_of
from aitk_inference.sync.plan import PIECE
from aitk_inference.sync.remote import looks_sent
from aitk_inference.sync.scan import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aitk_inference.core.share import Share, ShareEntry
    from aitk_inference.sync.concurrency import Budget
    from aitk_inference.sync.remote import Seen

TRIES = 3
_TICK_NS, _COARSE_TICK_NS, _SECOND_NS = 100_000_000, 2_000_000_000, 1_000_000_000
"""A file can change again without a new time within this; file systems with whole seconds need two."""


def part_of(token: str, path: str) -> str:
    """Return where a run of that token puts a large file while it sends it: at the top of the share.

    It is the same for every spelling of the path, so that a part is found after a folder was renamed in its case.
    """
    return f"{RESERVED}part-{token}-{hashlib.sha256(path.lower().encode()).hexdigest()[:16]}"


def parts_left(path: str, row: Sent | None) -> list[str]:
    """Return where earlier runs put a file that they did not complete."""
    return [part_of(token, path) for token in tokens_of(row)]


class LargeFiles(NamedTuple):
    """Sends large files of one folder to one share.

    Attributes:
        root: The folder.
        seen: What lay under the files' paths before.
        known: What we have sent there before, or begun to.
        token: Names this run.
        counted: Hears of bytes that need no more sending.
        budget: Of the memory.
    """

    root: Path
    share: Share
    seen: Seen
    known: Mapping[str, Sent]
    token: str
    counted: Callable[[int], None]
    budget: Budget

    async def send(self, file: LocalFile) -> Sent | None:
        """Send a file; None when it is gone.

        Raises:
            Conflict: it went on changing, or can't be read.
        """
        part = part_of(self.token, file.path)
        for attempt in range(TRIES):
            at_ns = time.time_ns()
            entry = await self._complete(file)
            sha256 = await self._hash(file) if entry else await self._upload(file, part, attempt)
            now = await asyncio.to_thread(_look, self.root, file.path)
            if now is None or sha256 is None:
                await self.share.delete_file(part)
                return None
            if now == file:
                found = entry or await self._rename(part, file)
                ours = entry is None or file.path in self.known
                return sent_as(file, sha256, found, at_ns)._replace(ours=ours)
            file = now
        await self.share.delete_file(part)
        raise changing(file.path)

    async def _complete(self, file: LocalFile) -> ShareEntry | None:
        """Return the file on the share, where it is there as a whole: a run sent it and could not note it."""
        entry = self.seen.at(file.path)
        if entry is None or not looks_sent(entry, file):
            return None
        written = await self.share.ranges(file.path)
        return entry if any(first == 0 and end >= file.size for first, end in written) else None

    async def _hash(self, file: LocalFile) -> str | None:
        digest = hashlib.sha256()
        for offset in range(0, file.size, PIECE):
            piece = await asyncio.to_thread(_read_piece, self.root, file, offset, digest.update)
            if piece is None:
                return None
            self.counted(len(piece))
        return digest.hexdigest()

    async def _upload(self, file: LocalFile, part: str, attempt: int) -> str | None:
        """Send the pieces that are missing; return the hash of all, None when the file is gone."""
        there = None if attempt else await self._resume(file, part)
        if there is None:
            await self.share.create_file(part, file.size, modified=moment(file.mtime_ns))
        digest = hashlib.sha256()
        async with asyncio.TaskGroup() as group:
            for offset in range(0, file.size, PIECE):
                await self.budget.take(PIECE)
                piece = await asyncio.to_thread(_read_piece, self.root, file, offset, digest.update)
                if piece is None:
                    self.budget.give(PIECE)
                    return None
                if _is_there(there, offset, piece):
                    self.budget.give(PIECE)
                    self.counted(len(piece))
                else:
                    group.create_task(self._put(part, offset, piece))
        return digest.hexdigest()

    async def _put(self, part: str, offset: int, piece: bytes) -> None:
        try:
            await self.share.put_range(part, offset, piece)
        finally:
            self.budget.give(PIECE)
        self.counted(len(piece))

    async def _resume(self, file: LocalFile, part: str) -> Sequence[tuple[int, int]] | None:
        """Take over what an interrupted run left of a file; return its ranges, None when there is nothing of use."""
        for left in parts_left(file.path, self.known.get(file.path)):
            entry = await self.share.entry(left)
            if entry is None:
                continue
            if looks_sent(entry, file):
                await self.share.rename(left, part, replace=True)
                return await self.share.ranges(part)
            await self.share.delete_file(left)
        return None

    async def _rename(self, part: str, file: LocalFile) -> ShareEntry:
        """Give the part its name; one whose answer was lost may have it already."""
        try:
            renamed = await self.share.rename(part, file.path, replace=True)
        except NotFound:
            await make_folders_above(self.share, file.path)
            renamed = await self.share.rename(part, file.path, replace=True)
        except Unreachable:
            entry = await self.share.entry(file.path)
            if entry is not None and looks_sent(entry, file) and await self.share.entry(part) is None:
                return entry
            renamed = await self.share.rename(part, file.path, replace=True)
        return renamed._replace(size=file.size)


def sent_as(file: LocalFile, sha256: str, entry: ShareEntry, at_ns: int) -> Sent:
    """Return the row of a file that was sent as it was read at a time."""
    tick = _COARSE_TICK_NS if file.mtime_ns % _SECOND_NS == 0 else _TICK_NS
    mtime_ns = file.mtime_ns if at_ns - file.mtime_ns > tick else 0  # a later change may have the same time
    return Sent(file.size, sha256, mtime_ns, entry.etag, nanoseconds(entry.last_write))


def changing(path: str) -> Conflict:
    """Return the error for a file that does not keep still."""
    return Conflict(
        f"{path} changes while it is sent.",
        suggestion="Stop what writes it, or list it in .aitkignore, and run it again.",
    )


def unreadable(path: str, error: OSError) -> Conflict:
    """Return the error for a file that can't be read."""
    why = "it is a symbolic link now" if error.errno == errno.ELOOP else error.strerror
    return Conflict(
        f"{path} can't be read: {why}.",
        suggestion="Change its permissions, or list it in .aitkignore.",
    )


def _is_there(there: Sequence[tuple[int, int]] | None, offset: int, piece: bytes) -> bool:
    """Return True if the share has a piece: zeros of a new file, or a part of an interrupted run."""
    if not piece:
        return True  # the file became shorter: it will be sent again
    if there is None:
        return piece[0] == 0 and piece == bytes(len(piece))
    end = offset + len(piece)
    return any(start <= offset and end <= stop for start, stop in there)


def _read_piece(root: Path, file: LocalFile, offset: int, update: Callable[[bytes], object]) -> bytes | None:
    """Read one piece of a file, shorter at its end, never more than the file had; None when it is gone.

    Each piece opens the file anew: a thread that reads on after a cancel has no descriptor of another.
    """
    length = min(PIECE, file.size - offset)
    try:
        with open_regular(root / file.path) as source:
            source.seek(offset)
            piece = source.read(length)
            while len(piece) < length and (more := source.read(length - len(piece))):
                piece += more
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(file.path, error) from error
    update(piece)
    return piece


def _look(root: Path, path: str) -> LocalFile | None:
    try:
        found = (root / path).lstat()
        refuse_special(found.st_mode, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(path, error) from error
    return LocalFile(path, found.st_size, found.st_mtime_ns)
