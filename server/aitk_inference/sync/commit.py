"""What a sync writes, in an order that survives a kill at any moment; the share's lock is held.

    journal (what will be half written for a while) ─► what makes room ─► folders ─► files ─► deletions ─► manifest

A run that ends before its manifest notes what it sent in the manifest all the same, so that the next one knows its
own files; where it can't, it leaves its lock, which says so, too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import AppError
from aitk_inference.sync.concurrency import each
from aitk_inference.sync.folders import asides, bring_back, make_folders, respell
from aitk_inference.sync.large_files import parts_left
from aitk_inference.sync.lock import LockLost
from aitk_inference.sync.manifest import (
    Base,
    Manifest,
    Sent,
    encode,
    folders_of,
    in_doubt,
    moment,
    nanoseconds,
    write_manifest,
)
from aitk_inference.sync.plan import PIECE, Plan, moved_from
from aitk_inference.sync.progress import SendProgress
from aitk_inference.sync.upload import Sender, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.share import Share
    from aitk_inference.sync.lock import ShareLock
    from aitk_inference.sync.remote import Seen
    from aitk_inference.sync.scan import LocalFile

_DELETES_AT_ONCE = 64
_LAST_SECONDS = 10.0
"""What noting an end before the end may take: somebody waits for it."""


class Writing(NamedTuple):
    """A plan that was agreed to, and what it was made from.

    Attributes:
        remember: Keeps the manifest that was written, as it is and encoded, on this computer.
    """

    root: Path
    share: Share
    report: Reporter
    lock: ShareLock
    base: Manifest
    plan: Plan
    seen: Seen
    remember: Callable[[Base, bytes], None]


async def write(writing: Writing) -> Plan:
    """Carry the plan out; return what of it was done: files that are gone meanwhile are not sent.

    Raises:
        LockLost: the share may be another run's, and what was written may lie beside that one's.
    """
    plan, share = writing.plan, writing.share
    early, late = _in_order(plan)
    seen = writing.seen.without([*early, *plan.damaged])
    tally = Tally(SendProgress(plan, writing.report))
    sender = Sender(writing.root, share, seen, writing.base.files, writing.lock.token, tally)
    moving = asides(plan.respelled, writing.lock.token)
    try:
        await _prepare(writing, moving, early)
        left = await _copy_moved(writing, sender)
        await sender.send(left)
        await _delete(writing, late)
        if sender.vanished:
            writing.report.warn(f"Deleted while it was being sent: {', '.join(sender.vanished)}.")
        await _commit(writing, sender)
    except LockLost:
        raise
    except BaseException:
        await _note_unfinished(writing, sender, moving)
        raise
    return plan._replace(send=tuple(file for file in plan.send if file.path in sender.sent))


async def _prepare(writing: Writing, moving: Mapping[str, str], early: Sequence[str]) -> None:
    """Do what must be done before files are sent; what an earlier run left goes first.

    The large files and the folders that will be on their way for a while are noted: a run that is killed could else
    leave a part that no run goes on with, or a manifest that speaks of a folder that was set aside.
    """
    await bring_back(writing.share, writing.base.moving)
    large = _large_in_doubt(writing)
    if large or moving:
        manifest = Manifest(writing.base.project, _rows(writing.base.files, large), moving)
        await write_manifest(writing.share, encode(manifest))
    await _delete_parts(writing)
    await respell(writing.share, moving)
    await _delete(writing, early)
    there = writing.base.without(writing.plan.delete).folders | writing.seen.folders()
    wanted = folders_of(file.path for file in writing.plan.send)
    await make_folders(writing.share, [folder for folder in wanted if folder.lower() not in there])


async def _commit(writing: Writing, sender: Sender) -> None:
    """Write the manifest; it counts when the lock was ours until it was there."""
    plan = writing.plan
    gone = {*plan.delete, *plan.forget}
    kept = {path: sent for path, sent in writing.base.files.items() if path not in gone}
    files = _rows(kept, {**plan.unchanged, **plan.adopted, **sender.sent})
    manifest = Manifest(writing.base.project, files)
    content = encode(manifest)
    etag = await write_manifest(writing.share, content)
    await writing.lock.confirm()
    writing.remember(Base(manifest, etag), content)


async def _note_unfinished(writing: Writing, sender: Sender, moving: Mapping[str, str]) -> None:
    """Note what was sent; of what was not, nobody knows what the share holds."""
    plan = writing.plan
    doubtful = {file.path: in_doubt() for file in plan.send} | _large_in_doubt(writing)
    files = _rows(writing.base.files, {**doubtful, **plan.unchanged, **plan.adopted, **sender.sent})
    manifest = Manifest(writing.base.project, files, {**writing.base.moving, **moving})
    content = encode(manifest)
    writing.lock.keep = True
    try:
        async with asyncio.timeout(_LAST_SECONDS):
            etag = await write_manifest(writing.share, content)
    except (AppError, TimeoutError):
        return  # the lock stays, and says that a run of this project did not end well
    writing.lock.keep = False
    writing.remember(Base(manifest, etag), content)


def _rows(before: Mapping[str, Sent], now: Mapping[str, Sent]) -> dict[str, Sent]:
    """Return the rows of now and those of before that they don't replace, under whatever spelling."""
    others = {path: sent for path, sent in before.items() if path not in now}
    if others:
        names = {path.lower() for path in now}
        others = {path: sent for path, sent in others.items() if path.lower() not in names}
    return {**others, **now}


def _large_in_doubt(writing: Writing) -> dict[str, Sent]:
    """Return rows for the large files that are sent: they name this run, whose parts the next one finds."""
    token, rows = writing.lock.token, writing.base.files
    large = [file.path for file in writing.plan.send if file.size > PIECE]
    return {path: in_doubt(token, rows.get(path)) for path in large}


async def _delete_parts(writing: Writing) -> None:
    """Delete what interrupted runs left of large files that are not sent now."""
    sent = {file.path for file in writing.plan.send if file.size > PIECE}
    rows = writing.base.files.items()
    left = [
        part for path, row in rows if not row.sha256 and path not in sent for part in parts_left(path, row)
    ]
    await each(left, writing.share.delete_file, at_once=_DELETES_AT_ONCE)


def _in_order(plan: Plan) -> tuple[list[str], list[str]]:
    """Return deletions that make room for what is sent (another spelling, a folder of the name), and the others."""
    sent = {file.path.lower() for file in plan.send}
    folders = {folder.lower() for folder in folders_of(file.path for file in plan.send)}

    def makes_room(path: str) -> bool:
        name = path.lower()
        above = {folder.lower() for folder in folders_of([path])}
        return name in sent or name in folders or bool(above & sent)

    early = [path for path in plan.delete if makes_room(path)]
    return [*early, *plan.first], [path for path in plan.delete if path not in set(early)]


async def _delete(writing: Writing, paths: Sequence[str]) -> None:
    """Delete files, then the folders that became empty, deepest first."""
    if not paths:
        return
    plan = writing.plan
    await each(paths, writing.share.delete_file, at_once=_DELETES_AT_ONCE)
    kept = [*writing.base.files, *(file.path for file in plan.send)]
    gone = set(plan.delete)
    full = {folder.lower() for folder in folders_of(path for path in kept if path not in gone)}
    for folder in reversed(folders_of(paths)):
        if folder.lower() not in full:
            await writing.share.delete_directory(folder)


async def _copy_moved(writing: Writing, sender: Sender) -> list[LocalFile]:
    """Copy on the service what lies there under another name; return what has to be sent."""
    left: list[LocalFile] = []
    for file in writing.plan.send:
        source = moved_from(file, writing.plan, writing.base.files)
        if source is None or not await _copy(writing, sender, source, file):
            left.append(file)
    return left


async def _copy(writing: Writing, sender: Sender, source: str, file: LocalFile) -> bool:
    """Return False when the source is not what we sent any more, or the service does not copy it."""
    sent = writing.base.files[source]
    try:
        entry = await writing.share.entry(source)
        if entry is None or entry.etag != sent.etag:
            return False
        made = await writing.share.copy(source, file.path, modified=moment(file.mtime_ns))
    except LockLost:
        raise
    except AppError:
        return False
    written = nanoseconds(made.last_write)
    sender.sent[file.path] = Sent(file.size, sent.sha256, file.mtime_ns, made.etag, written)
    sender.tally.add(files=1, count=file.size)
    return True
