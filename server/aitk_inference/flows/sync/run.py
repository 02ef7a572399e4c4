"""One sync of a folder, from the scan to the manifest that is written last.

    scan ─► plan (against the manifest as this computer knows it) ─► look at the share ─► ask ─► lock
         ─► the share's manifest is the one that was planned against ─► send, delete ─► manifest ─► unlock

A person is never waited for under the lock, so a lock that was left behind belongs to a run that was killed.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Conflict
from aitk_inference.flows.progress import duration, size
from aitk_inference.flows.sync.cache import Cache
from aitk_inference.flows.sync.decisions import Decisions
from aitk_inference.flows.sync.identity import project_identity
from aitk_inference.flows.sync.ignore import MANIFEST_NAME, PROJECT, ignore_rules
from aitk_inference.flows.sync.lock import Claim, hold_share, was_killed_here
from aitk_inference.flows.sync.look import (
    Looker,
    Seen,
    drifted,
    foreign,
    refuse_blocked,
    same_content,
)
from aitk_inference.flows.sync.manifest import (
    Base,
    Manifest,
    Sent,
    decode,
    mark_on,
    nanoseconds,
    read_manifest,
)
from aitk_inference.flows.sync.plan import Plan, hash_files, make_plan
from aitk_inference.flows.sync.scan import scan
from aitk_inference.flows.sync.write import Writing, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aitk_inference.core.ports import Clock, Share
    from aitk_inference.core.share import ShareEntry
    from aitk_inference.flows.progress import Reporter
    from aitk_inference.flows.project_lock import Holder
    from aitk_inference.flows.sync.ignore import Rules
    from aitk_inference.flows.sync.scan import LocalFile, Scanned

STEP = "Sync"
FIRST_PERCENT = 5
_ROUNDS = 5
"""How often the share may change between the plan and the lock."""


class Job(NamedTuple):
    """What to sync and how.

    Attributes:
        root: The folder.
        place: Names the share, for what this computer keeps about it.
        holder: Who we are for the share's lock.
        state: The user's folder for locks and notes.
        ignore: Patterns on top of the default list and ``.aitkignore``.
        defaults: The default list.
        assume_yes: Ask for no confirmation.
        dry_run: Only look.
        verify: Hash every file, and look at everything that was ever sent.
    """

    root: Path
    place: str
    holder: Holder
    state: Path
    ignore: tuple[str, ...] = ()
    defaults: tuple[str, ...] = PROJECT
    assume_yes: bool = False
    dry_run: bool = False
    verify: bool = False


class Synced(NamedTuple):
    """How a sync ended.

    Attributes:
        sent: Paths that were sent (or would be, in a dry run).
        deleted: Paths that were deleted.
        skipped: What is left out, with the reason.
        total: Files that the folder has.
        bytes: Bytes sent.
        seconds: How long it took.
        requests: Requests that it took.
    """

    sent: tuple[str, ...]
    deleted: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    total: int
    bytes: int
    seconds: float
    requests: int

    def __str__(self) -> str:
        changed = len(self.sent) + len(self.deleted)
        known = self.total + len(self.deleted)
        plural = "" if self.requests == 1 else "s"
        return (
            f"{changed:,} of {known:,} files changed, {size(self.bytes)} in {duration(self.seconds)}, "
            f"{self.requests:,} request{plural}"
        )


async def sync(job: Job, share: Share, clock: Clock, report: Reporter) -> Synced:
    """Bring the share to what the folder has now.

    Raises:
        InvalidProject: files that Azure Files can't hold; nothing was sent.
        Busy: another run writes to the share.
        InputRequired, Dismissed: a confirmation is needed and was not given.
        Conflict: the manifest is damaged, or others write all the time.
    """
    began, asked = time.monotonic(), share.requests
    report.step(STEP, "Looking for changes", FIRST_PERCENT)
    rules, scanned = await asyncio.to_thread(_scanned, job)
    plan = await _Run(job, share, clock, report, scanned).go()
    return Synced(
        tuple(file.path for file in plan.send),
        plan.delete,
        tuple((path, rules.why(path)) for path in scanned.skipped),
        len(scanned.files),
        plan.send_bytes,
        time.monotonic() - began,
        share.requests - asked,
    )


def _scanned(job: Job) -> tuple[Rules, Scanned]:
    rules = ignore_rules(job.root, job.ignore, defaults=job.defaults)
    return rules, scan(job.root, rules)


class _Run:
    """A sync under way."""

    def __init__(self, job: Job, share: Share, clock: Clock, report: Reporter, scanned: Scanned) -> None:
        self._job = job
        self._share = share
        self._clock = clock
        self._report = report
        self._files = scanned.files
        self._local: Mapping[str, LocalFile] = {file.path: file for file in scanned.files}
        self._us = project_identity(job.root)
        self._claim = Claim(job.holder, self._us.id, job.state)
        self._cache = Cache(job.state, f"{job.place}#{self._us.id}")
        self._decide = Decisions(report, job.dry_run, job.assume_yes)
        self._looker = Looker(share)
        self._read: Base | None = None

    async def go(self) -> Plan:
        """What was done (or would be)."""
        base = await self._begin()
        for _ in range(_ROUNDS):
            plan = await self._plan(base)
            self._looker.know(base.manifest.folders)
            settled, seen = await self._settle(plan, base)
            if self._job.dry_run:
                return settled
            if settled.is_empty:
                if await self._is_current(base):
                    self._remember(plan, base)
                    return settled
            elif await self._locked(settled, base, seen):
                return settled
            self._looker = Looker(self._share)
            base = await self._read_base()
        raise Conflict(
            "Others write to this file share all the time.",
            suggestion="Give this project a file share of its own, or run it again later.",
        )

    async def _begin(self) -> Base:
        """What this computer knows; a dry run writes nothing that would find out, so it asks at once."""
        known = self._cache.load()
        if known and self._job.dry_run and await mark_on(self._share) != known.mark:
            known = None
        return known or await self._read_base()

    async def _plan(self, base: Base) -> Plan:
        return await asyncio.to_thread(
            make_plan, self._job.root, self._files, base.manifest.files, verify=self._job.verify
        )

    async def _read_base(self) -> Base:
        """What the share says."""
        self._read = await self._base_of_share()
        return self._read

    async def _base_of_share(self) -> Base:
        """A share without a manifest holds nothing of ours; nor does one of another project."""
        top = await self._looker.folder("")
        mark = next((entry.etag for entry in top if entry.path == MANIFEST_NAME), "")
        content = await read_manifest(self._share) if mark else None
        if content is None:
            return Base(Manifest(self._us, {}), "")
        found = decode(content)
        if found.project.id == self._us.id:
            return Base(Manifest(self._us, found.files), mark)
        await self._decide.take_over(found)
        return Base(Manifest(self._us, {}), mark)

    async def _settle(self, plan: Plan, base: Base) -> tuple[Plan, Seen]:
        """The plan, less what a person wants to stay; asks where something of others would be lost."""
        paths = [*(file.path for file in plan.send), *plan.delete]
        if self._job.verify:
            paths += plan.unchanged
        if not paths:
            return plan, Seen({})
        seen = await self._looker.look(paths)
        if self._job.verify:
            plan = self._resent(plan, [path for path in plan.unchanged if seen.at(path) is None])
        refuse_blocked(self._job.root, plan, base.manifest, seen)
        plan = await self._settle_foreign(plan, base, seen)
        plan = await self._settle_drift(plan, base, seen, paths)
        plan = await self._decide.delete_risky(plan, base.manifest)
        refuse_blocked(self._job.root, plan, base.manifest, seen)  # what stays may be in the way
        return plan, seen

    async def _settle_foreign(self, plan: Plan, base: Base, seen: Seen) -> Plan:
        taken = foreign(plan, base.manifest, seen)
        if not taken or await was_killed_here(self._share, self._claim, self._clock):
            return plan
        same = await same_content(self._job.root, self._share, taken, seen)
        plan = await self._adopt(plan, same)
        if left := [file.path for file in taken if file.path not in same]:
            await self._decide.replace_foreign(left)
        return plan

    async def _settle_drift(self, plan: Plan, base: Base, seen: Seen, paths: Sequence[str]) -> Plan:
        changed = drifted(paths, self._local, base.manifest, seen)
        if not changed or await was_killed_here(self._share, self._claim, self._clock):
            return plan
        again = self._resent(plan, [path for path in changed if path in plan.unchanged])
        return await self._decide.replace_drifted(again, changed)

    def _resent(self, plan: Plan, paths: Sequence[str]) -> Plan:
        """The plan, with these unchanged files sent, too."""
        again = tuple(self._local[path] for path in paths)
        kept = {path: sent for path, sent in plan.unchanged.items() if path not in set(paths)}
        return plan._replace(send=(*plan.send, *again), unchanged=kept) if again else plan

    async def _adopt(self, plan: Plan, same: Mapping[str, ShareEntry]) -> Plan:
        """The plan, less the files that the share has already; they are noted as not ours."""
        files = [file for file in plan.send if file.path in same]
        hashes = await asyncio.to_thread(hash_files, self._job.root, files)
        adopted = {
            file.path: _adopted(file, hashes[file.path], same[file.path])
            for file in files
            if file.path in hashes
        }
        send = tuple(file for file in plan.send if file.path not in adopted)
        return plan._replace(send=send, adopted=adopted)

    async def _locked(self, plan: Plan, base: Base, seen: Seen) -> bool:
        """Write under the lock; False when the share has another manifest than was planned against."""
        async with hold_share(self._share, self._claim, self._clock):
            if await mark_on(self._share) != base.mark:
                return False
            writing = Writing(self._job.root, self._share, self._report, base.manifest, plan, seen)
            written, content = await write(writing)
        self._cache.save(written, content)
        return True

    async def _is_current(self, base: Base) -> bool:
        """Whether the share still has the manifest that was planned against."""
        return base is self._read or await mark_on(self._share) == base.mark

    def _remember(self, plan: Plan, base: Base) -> None:
        """Note what was read, and times that turned out to mean no change: nothing is hashed twice."""
        known = base.manifest.files
        if base.mark and (
            base is self._read or any(sent is not known.get(path) for path, sent in plan.unchanged.items())
        ):
            files = {**known, **plan.unchanged}
            self._cache.save(Base(Manifest(self._us, files), base.mark))


def _adopted(file: LocalFile, sha256: str, entry: ShareEntry) -> Sent:
    return Sent(file.size, sha256, file.mtime_ns, entry.etag, nanoseconds(entry.last_write), ours=False)
