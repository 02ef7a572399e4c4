"""One sync of a project, from the scan to the manifest that is written last."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Dismissed
from aitk_inference.core.interface import Confirm
from aitk_inference.flows.progress import duration, size
from aitk_inference.flows.sync.apply import delete_all, send_all
from aitk_inference.flows.sync.ignore import ignore_rules
from aitk_inference.flows.sync.lock import hold_share
from aitk_inference.flows.sync.manifest import Manifest, project_identity, read_manifest, write_manifest
from aitk_inference.flows.sync.plan import Plan, folders_of, make_plan, risky
from aitk_inference.flows.sync.scan import scan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.core.ports import Clock, Share
    from aitk_inference.flows.progress import Reporter
    from aitk_inference.flows.project_lock import Holder
    from aitk_inference.flows.sync.scan import LocalFile

_STEP = "Sync"
_FIRST_PERCENT, _LAST_PERCENT = 5, 45
_LISTED = 10
_FILE_WEIGHT = 1 << 16
"""Bytes that sending a file is worth in the percentage: a request costs about as much."""
_FLAG = "--yes"


@dataclass(frozen=True)
class Job:
    """What to sync and how.

    Attributes:
        ignore: Patterns on top of the default list and ``.aitkignore``.
        holder: Who we are for the share's lock; None only looks (a dry run).
        state: Where locks of this computer's runs are.
        assume_yes: Ask for no confirmation.
    """

    root: Path
    ignore: tuple[str, ...]
    holder: Holder | None
    state: Path
    assume_yes: bool = False


@dataclass(frozen=True)
class Synced:
    """How a sync ended.

    Attributes:
        sent: Paths that were sent (or would be, in a dry run).
        deleted: Paths that were deleted.
        total: Files that the project has.
        bytes: Bytes sent.
        seconds: How long it took.
    """

    sent: tuple[str, ...]
    deleted: tuple[str, ...]
    total: int
    bytes: int
    seconds: float

    def __str__(self) -> str:
        changed = len(self.sent) + len(self.deleted)
        known = self.total + len(self.deleted)
        return f"{changed:,} of {known:,} files changed, {size(self.bytes)} in {duration(self.seconds)}"


async def sync(job: Job, share: Share, clock: Clock, report: Reporter) -> Synced:
    """Bring the share to what the project has now.

    Raises:
        InvalidProject: files that Azure Files can't hold; nothing was sent.
        Busy: another run writes to the share.
        InputRequired, Dismissed: a confirmation is needed and was not given.
    """
    began = time.monotonic()
    report.step(_STEP, "Looking for changes", _FIRST_PERCENT)
    files = await asyncio.to_thread(scan, job.root, ignore_rules(job.root, job.ignore))
    before = await _ours(job, files, await read_manifest(share), share, report)
    plan = await _agreed(job, files, before, report)
    if job.holder is not None and (plan.send or plan.delete):
        async with hold_share(share, job.holder, clock, job.state):
            plan = await _write(job, _Change(files, before, plan), share, report)
    elapsed = time.monotonic() - began
    sent = tuple(file.path for file in plan.send)
    return Synced(sent, plan.delete, plan.total, plan.send_bytes, elapsed)


@dataclass(frozen=True)
class _Change:
    """What there is, what was there, what to do."""

    files: Sequence[LocalFile]
    before: Manifest
    plan: Plan


async def _write(job: Job, change: _Change, share: Share, report: Reporter) -> Plan:
    """Send under the lock; what another run wrote meanwhile is taken into account.

    A first manifest is written before all else, so that a killed first sync is known as ours.
    """
    before, plan = change.before, change.plan
    now = await read_manifest(share)
    if now is None or now.project.id != before.project.id:
        await write_manifest(share, before)
    elif now.files != before.files:
        before = now
        plan = await _agreed(job, change.files, before, report)
    sent = await send_all(job.root, share, plan, _Teller(plan, report))
    await delete_all(share, plan)
    left = {path: note for path, note in before.files.items() if path not in set(plan.delete)}
    await write_manifest(share, replace(before, files={**left, **plan.unchanged, **sent}))
    return plan


async def _ours(
    job: Job, files: Sequence[LocalFile], found: Manifest | None, share: Share, report: Reporter
) -> Manifest:
    """The manifest to go by: ours, or an empty one where the share was empty or is taken over."""
    us = project_identity(job.root)
    if found is not None and found.project.id == us.id:
        return replace(found, project=us)
    if found is not None:
        await _ask_takeover(job, found, report)
    elif present := await _present(files, share):
        await _ask_overwrite(job, present, report)
    return Manifest(us)


async def _ask_takeover(job: Job, found: Manifest, report: Reporter) -> None:
    await _confirm(
        job,
        report,
        Confirm(
            "takeOver",
            f"The file share holds another project: {found.project.label}. Deploy this one over it?",
            _FLAG,
            "Deploy over it",
            "Files of the same name are replaced; its other files stay. "
            "To keep both, give this project its own fileShareName and run Provision.",
        ),
    )


async def _ask_overwrite(job: Job, present: Sequence[str], report: Reporter) -> None:
    await _confirm(
        job,
        report,
        Confirm(
            "overwrite",
            f"{len(present)} files that somebody else put on the share would be replaced. Replace them?",
            _FLAG,
            "Replace",
            _listed(present),
        ),
    )


async def _agreed(job: Job, files: Sequence[LocalFile], before: Manifest, report: Reporter) -> Plan:
    """The plan, less the risky deletions that a person does not want."""
    plan = await asyncio.to_thread(make_plan, job.root, files, before.files)
    asked = risky(plan, before.files)
    if not asked or job.assume_yes or job.holder is None:
        return plan
    question = Confirm(
        "delete",
        f"{len(asked)} files that are gone here would be deleted on the share. Delete them there too?",
        _FLAG,
        "Delete",
        _listed(asked),
    )
    answers = await report.ui.ask([question])
    if answers[question.name] == "yes":
        return plan
    report.info(f"{len(asked)} files stay on the share.")
    return replace(plan, delete=tuple(path for path in plan.delete if path not in set(asked)))


async def _confirm(job: Job, report: Reporter, question: Confirm) -> None:
    if job.holder is None:
        report.warn(f"{question.prompt} (Deploy will ask.)")
        return
    if job.assume_yes:
        return
    answers = await report.ui.ask([question])
    if answers[question.name] != "yes":
        raise Dismissed


async def _present(files: Sequence[LocalFile], share: Share) -> list[str]:
    """Paths of ours that the share has already, although no manifest says so."""
    wanted = {file.path.lower() for file in files}
    folders = {folder.lower() for folder in folders_of(file.path for file in files)}
    waiting, found = [""], list[str]()
    while waiting:
        for entry in await share.list(waiting.pop()):
            path = entry.path
            if entry.is_directory and path.lower() in folders:
                waiting.append(path)
            elif not entry.is_directory and path.lower() in wanted:
                found.append(path)
    return sorted(found)


@dataclass
class _Teller:
    """Turns counts into a progress step, a hundred at the most."""

    plan: Plan
    report: Reporter
    shown: int = -1

    def __call__(self, files: int, count: int) -> None:
        weight = _FILE_WEIGHT * len(self.plan.send) + self.plan.send_bytes
        share = (count + _FILE_WEIGHT * files) * 100 // max(weight, 1)
        if share == self.shown:
            return
        self.shown = share
        percent = _FIRST_PERCENT + (_LAST_PERCENT - _FIRST_PERCENT) * min(share, 100) // 100
        words = f"{files:,} of {len(self.plan.send):,} files, {size(count)} of {size(self.plan.send_bytes)}"
        self.report.step(_STEP, words, percent)


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return ", ".join(paths[:_LISTED]) + more
