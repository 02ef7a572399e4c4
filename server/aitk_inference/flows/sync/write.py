"""What a sync writes, in an order that survives a kill at any moment; the share's lock is held."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import AppError
from aitk_inference.flows.progress import duration, size
from aitk_inference.flows.sync.manifest import (
    Base,
    Manifest,
    Sent,
    encode,
    moment,
    nanoseconds,
    write_manifest,
)
from aitk_inference.flows.sync.paths import empty_folders, folders_of
from aitk_inference.flows.sync.plan import PIECE, Plan, moved_from
from aitk_inference.flows.sync.send import Sender, Tally, make_folders
from aitk_inference.flows.sync.workers import each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from aitk_inference.core.ports import Share
    from aitk_inference.flows.progress import Reporter
    from aitk_inference.flows.sync.look import Seen
    from aitk_inference.flows.sync.scan import LocalFile

_STEP = "Sync"
_FIRST_PERCENT, _LAST_PERCENT = 5, 45
_DELETES_AT_ONCE = 64
_FILE_WEIGHT = 1 << 16
"""Bytes that sending a file is worth in the percentage: a request costs about as much."""
_SETTLED = 1.0
"""Seconds after which a rate says something."""
_IN_DOUBT = Sent(0, "", 0, "")


class Writing(NamedTuple):
    """A plan that was agreed to, and what it was made from."""

    root: Path
    share: Share
    report: Reporter
    base: Manifest
    plan: Plan
    seen: Seen


async def write(writing: Writing) -> tuple[Base, bytes]:
    """Carry the plan out: what makes room first, then what is sent, what is gone, and the manifest.

    Returns:
        What the share holds now, and its manifest as it was written.
    """
    plan, share = writing.plan, writing.share
    await _journal(writing)
    early, late = _in_order(plan)
    await _delete(writing, early)
    await make_folders(share, _new_folders(writing))
    known = frozenset(writing.base.files)
    seen = writing.seen.without(early)
    sender = Sender(writing.root, share, seen, known, Tally(_Teller(plan, writing.report)))
    left = await _copy_moved(writing, sender)
    await sender.send(left)
    await _delete(writing, late)
    if sender.vanished:
        writing.report.warn(f"Deleted while it was being sent: {', '.join(sender.vanished)}.")
    manifest = _manifest(writing, sender)
    content = encode(manifest)
    return Base(manifest, await write_manifest(share, content)), content


def _manifest(writing: Writing, sender: Sender) -> Manifest:
    plan = writing.plan
    gone = {*plan.delete, *plan.forget, *sender.vanished}
    kept = {path: sent for path, sent in writing.base.files.items() if path not in gone}
    files = {**kept, **plan.unchanged, **plan.adopted, **sender.sent}
    return Manifest(writing.base.project, files)


async def _journal(writing: Writing) -> None:
    """Note the large files that will be half written for a while: nobody knows then what they hold.

    Without it, a run that is killed in the middle of one could leave a manifest that still vouches for the
    old content, and a file that holds some of both.
    """
    large = {file.path: _IN_DOUBT for file in writing.plan.send if file.size > PIECE}
    if any(writing.base.files.get(path) != _IN_DOUBT for path in large):
        files = {**writing.base.files, **large}
        await write_manifest(writing.share, encode(Manifest(writing.base.project, files)))


def _in_order(plan: Plan) -> tuple[list[str], list[str]]:
    """Deletions that make room for what is sent (another spelling, a folder of the name), and the others."""
    sent = {file.path.lower() for file in plan.send}
    folders = {folder.lower() for folder in folders_of(file.path for file in plan.send)}

    def makes_room(path: str) -> bool:
        name = path.lower()
        above = {folder.lower() for folder in folders_of([path])}
        return name in sent or name in folders or bool(above & sent)

    early = [path for path in plan.delete if makes_room(path)]
    return early, [path for path in plan.delete if path not in set(early)]


async def _delete(writing: Writing, paths: Sequence[str]) -> None:
    """Delete files, then the folders that became empty, deepest first."""
    if not paths:
        return
    plan = writing.plan
    await each(paths, writing.share.delete_file, at_once=_DELETES_AT_ONCE)
    kept = [*writing.base.files, *(file.path for file in plan.send)]
    gone = set(plan.delete)
    for folder in empty_folders([path for path in kept if path not in gone], paths):
        await writing.share.delete_directory(folder)


def _new_folders(writing: Writing) -> list[str]:
    """Folders above what is sent that neither hold something of ours nor were seen."""
    there = writing.base.without(writing.plan.delete).folders | writing.seen.folders()
    wanted = folders_of(file.path for file in writing.plan.send)
    return [folder for folder in wanted if folder.lower() not in there]


async def _copy_moved(writing: Writing, sender: Sender) -> list[LocalFile]:
    """Copy on the service what lies there under another name; what is left has to be sent."""
    left: list[LocalFile] = []
    for file in writing.plan.send:
        source = moved_from(file, writing.plan, writing.base.files)
        if source is None or not await _copy(writing, sender, source, file):
            left.append(file)
    return left


async def _copy(writing: Writing, sender: Sender, source: str, file: LocalFile) -> bool:
    """False when the source is not what we sent any more, or the service does not copy it."""
    sent = writing.base.files[source]
    try:
        entry = await writing.share.entry(source)
        if entry is None or entry.etag != sent.etag:
            return False
        made = await writing.share.copy(source, file.path, modified=moment(file.mtime_ns))
    except AppError:
        return False
    written = nanoseconds(made.last_write)
    sender.sent[file.path] = Sent(file.size, sent.sha256, file.mtime_ns, made.etag, written)
    sender.tally.add(files=1, count=file.size)
    return True


class _Teller:
    """Turns counts into a progress step with rate and time left, a hundred at the most."""

    def __init__(self, plan: Plan, report: Reporter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._monotonic = monotonic
        self._began = monotonic()
        self._files = len(plan.send)
        self._bytes = plan.send_bytes
        self._weight = max(_FILE_WEIGHT * self._files + self._bytes, 1)
        self._shown = -1

    def __call__(self, files: int, count: int) -> None:
        done = (count + _FILE_WEIGHT * files) / self._weight
        shown = min(int(done * 100), 100)
        if shown == self._shown:
            return
        self._shown = shown
        percent = _FIRST_PERCENT + (_LAST_PERCENT - _FIRST_PERCENT) * shown // 100
        noun = "file" if self._files == 1 else "files"
        words = f"{files:,} of {self._files:,} {noun}, {size(count)} of {size(self._bytes)}"
        self._report.step(_STEP, words + self._pace(done, count), percent)

    def _pace(self, done: float, count: int) -> str:
        seconds = self._monotonic() - self._began
        if seconds < _SETTLED or not 0 < done < 1:
            return ""
        return f", {size(int(count / seconds))}/s, {duration(seconds / done - seconds)} left"
