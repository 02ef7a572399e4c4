"""One sync of a folder, from the scan to the manifest that is written last (docs/design/sync.md).

    scan ─► plan (against the manifest as this computer knows it) ─► look at the share ─► ask ─► lock
         ─► the share's manifest is the one that was planned against ─► send, delete ─► manifest ─► unlock

A person is never waited for under the lock, so a lock that was left behind belongs to a run that was killed.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Conflict
from aitk_inference.core.percents import DeployPercent
from aitk_inference.core.project_lock import forget_run, killed_runs
from aitk_inference.sync.commit import Writing, write
from aitk_inference.sync.confirmations import Confirmations, listed
from aitk_inference.sync.ignore import MANIFEST_NAME, PROJECT, ignore_rules
from aitk_inference.sync.large_files import sent_as
from aitk_inference.sync.local_state import BaseCache, ProjectHistory
from aitk_inference.sync.lock import Claim, LockLost, hold_share, was_killed_here
from aitk_inference.sync.manifest import (
    Base,
    Manifest,
    Sent,
    decode,
    folders_of,
    is_time_held,
    manifest_etag,
    read_manifest,
)
from aitk_inference.sync.plan import Plan, hash_files, make_plan, respelled
from aitk_inference.sync.progress import STEP
from aitk_inference.sync.project_id import project_identity
from aitk_inference.sync.remote import (
    Listing,
    Seen,
    corrupt,
    drifted,
    foreign,
    misspelled,
    refuse_blocked,
    same_content,
)
from aitk_inference.sync.report import Synced
from aitk_inference.sync.scan import scan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from aitk_inference.core.ports import Clock
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.project_lock import Holder
    from aitk_inference.core.share import Share, ShareEntry
    from aitk_inference.sync.ignore import Rules
    from aitk_inference.sync.scan import LocalFile, Scanned

_ROUNDS = 5
"""How often the share may change between the plan and the lock."""


class Job(NamedTuple):
    """What to sync and how.

    Attributes:
        root: The folder.
        share_name: Names the share, for what this computer keeps about it.
        holder: Who we are for the share's lock.
        state: The user's folder for locks and notes.
        ignore: Patterns on top of the default list and ``.aitkignore``.
        defaults: The default list.
        assume_yes: Ask for no confirmation.
        dry_run: Only look.
        verify: Hash every file, here and on the share.
    """

    root: Path
    share_name: str
    holder: Holder
    state: Path
    ignore: tuple[str, ...] = ()
    defaults: tuple[str, ...] = PROJECT
    assume_yes: bool = False
    dry_run: bool = False
    verify: bool = False


async def sync(job: Job, share: Share, clock: Clock, report: Reporter) -> Synced:
    """Bring the share to what the folder has now.

    Raises:
        InvalidProject: files that Azure Files can't hold; nothing was sent.
        Busy: another run writes to the share.
        InputRequired, Dismissed: a confirmation is needed and was not given.
        Conflict: the manifest is damaged, a file changes all the time, or others write.
    """
    began, requests = time.monotonic(), share.requests
    report.step(STEP, "Looking for changes", DeployPercent.SYNC)
    rules, scanned = await asyncio.to_thread(_scanned, job)
    plan = await _Run(job, share, clock, report, scanned).run()
    return Synced(
        tuple(file.path for file in plan.send),
        plan.delete,
        plan.kept,
        tuple((path, rules.why(path)) for path in scanned.skipped),
        len(scanned.files),
        plan.send_bytes,
        time.monotonic() - began,
        share.requests - requests,
    )


def _scanned(job: Job) -> tuple[Rules, Scanned]:
    rules = ignore_rules(job.root, job.ignore, defaults=job.defaults)
    return rules, scan(job.root, rules)


class _Outdated(Exception):
    """The share has another manifest than the one that was planned against."""


class _Run:
    """A sync under way."""

    def __init__(self, job: Job, share: Share, clock: Clock, report: Reporter, scanned: Scanned) -> None:
        self._job = job
        self._share = share
        self._clock = clock
        self._report = report
        self._files = scanned.files
        self._local: Mapping[str, LocalFile] = {file.path: file for file in scanned.files}
        self._us, self._earlier = project_identity(job.root)
        self._claim = Claim(job.holder, self._us.id, self._earlier, job.state, job.share_name)
        self._cache = BaseCache(job.state, f"{job.share_name}#{self._us.id}#{job.root}")
        self._history = ProjectHistory(job.state, job.share_name)
        self._confirm = Confirmations(report, job.dry_run, job.assume_yes, self._refuse_outdated)
        self._listing = Listing(share)
        self._known = self._cache.load()
        self._has_looked = False
        # a run before this one may have written what the manifest does not say: then all of it is looked at
        self._killed = killed_runs(job.holder, job.state, share=job.share_name)
        self._took_over = False
        self._read: Base | None = None

    async def run(self) -> Plan:
        """Do it; return what was done (or would be)."""
        base = await self._begin()
        for _ in range(_ROUNDS):
            with suppress(_Outdated):
                base, plan = await self._plan(base)
                self._listing.know(() if self._is_careful else base.manifest.folders)
                final, seen = await self._resolve(plan, base)
                if self._job.dry_run:
                    return final
                if final.is_empty and not base.manifest.moving and not self._killed:
                    if await self._is_current(base):
                        self._remember(plan, base)
                        return final
                elif (done := await self._write(final, base, seen)) is not None:
                    for token in self._killed:
                        forget_run(token, self._job.state)
                    return done
            self._listing = Listing(self._share)
            base = await self._read_base()
        raise Conflict(
            "Others write to this file share all the time.",
            suggestion="Give this project a file share of its own, or run it again later.",
        )

    # what the share has of ours

    async def _begin(self) -> Base:
        """Return what this computer knows; a dry run writes nothing that would find out, so it looks at once."""
        known = self._known
        if known and self._job.dry_run and await manifest_etag(self._share) != known.etag:
            known = None
        return known._replace(unknown=self._missing(known.unknown)) if known else await self._read_base()

    async def _read_base(self) -> Base:
        """Return what the share says."""
        self._has_looked = True
        self._read = await self._base_of_share()
        return self._read

    async def _base_of_share(self) -> Base:
        """Read the manifest: a share without one holds nothing of ours; nor does one of another project."""
        top = await self._listing.folder("")
        entry = next((entry for entry in top if entry.path.lower() == MANIFEST_NAME), None)
        content = await read_manifest(self._share, entry.size) if entry else None
        if entry is None or content is None:
            return Base(Manifest(self._us, {}), "")
        found = decode(content)
        if found.refused:
            self._report.warn(
                f"The share's {MANIFEST_NAME} has rows that no sync writes; what they name is left alone: "
                f"{listed(found.refused)}."
            )
        if not self._is_ours(found):
            await self._confirm.take_over(found)
            return Base(Manifest(self._us, {}), entry.etag)
        return Base(Manifest(self._us, found.files, found.moving), entry.etag, self._unknown(found.files))

    def _is_ours(self, found: Manifest) -> bool:
        """Return True if a manifest is this project's, now or under an earlier identity."""
        if found.project.id in (self._us.id, *self._earlier):
            return True
        return self._resembles(found) and self._history.had(found.project.id, self._job.root)

    def _resembles(self, found: Manifest) -> bool:
        """Return True if this folder has at least half of the files of a manifest, at the same sizes."""
        alike = sum(
            path in self._local and self._local[path].size == sent.size for path, sent in found.files.items()
        )
        return 2 * alike >= len(found.files)

    def _unknown(self, files: Mapping[str, Sent]) -> frozenset[str]:
        """Return files of the share that this folder never had, under whatever spelling, as far as this computer knows."""
        before = self._known
        had = before.manifest.files.keys() - before.unknown if before else set[str]()
        return self._missing(files.keys() - had)

    def _missing(self, paths: AbstractSet[str]) -> frozenset[str]:
        """Return those of these paths that this folder has under no spelling."""
        others = paths - self._local.keys()
        names = {path.lower() for path in self._local} if others else set[str]()
        return frozenset(path for path in others if path.lower() not in names)

    async def _refuse_outdated(self) -> None:
        """Make sure that nobody is asked about a share of yesterday: another computer may have synced since.

        Raises:
            _Outdated: it did.
        """
        known = None if self._has_looked else self._known
        if known and await manifest_etag(self._share) != known.etag:
            raise _Outdated

    # what to do

    async def _plan(self, base: Base) -> tuple[Base, Plan]:
        """Return the plan, and the base under the names that its folders have here."""
        plan = await self._compare(base)
        if not (plan.delete and plan.send):
            return base, plan
        files, folders = respelled(self._files, base.manifest.files)
        if not folders:
            return base, plan
        names = {path.lower() for path in base.unknown}
        unknown = frozenset(path for path in files if path.lower() in names)
        base = Base(Manifest(self._us, files, base.manifest.moving), base.etag, unknown)
        return base, (await self._compare(base))._replace(respelled=folders)

    async def _compare(self, base: Base) -> Plan:
        return await asyncio.to_thread(
            make_plan, self._job.root, self._files, base.manifest.files, verify=self._job.verify
        )

    async def _resolve(self, plan: Plan, base: Base) -> tuple[Plan, Seen]:
        """Return the plan, less what a person wants to stay; asks where something of others would be lost."""
        plan = await self._confirm.delete_unknown(plan, base, self._known.unknown if self._known else ())
        paths = [*(file.path for file in plan.send), *plan.delete]
        if self._is_careful:
            paths += plan.unchanged
        if not paths:
            return plan, Seen({})
        seen = await self._listing.look(paths)
        if self._is_careful:
            plan = await self._verified(plan, seen)
        refuse_blocked(self._job.root, plan, base.manifest, seen)
        plan = await self._resolve_foreign(plan, base, seen)
        plan = await self._resolve_drift(plan, base, seen, paths)
        plan = await self._confirm.delete_risky(plan, base.manifest)
        refuse_blocked(self._job.root, plan, base.manifest, seen)  # what stays may be in the way
        files = [file.path for file in plan.send if (entry := seen.at(file.path)) and not entry.is_directory]
        return plan._replace(first=tuple({*plan.first, *misspelled(files, seen)})), seen

    async def _verified(self, plan: Plan, seen: Seen) -> Plan:
        """Return the plan, with what is missing, misspelled or corrupt on the share."""
        damaged = await corrupt(self._share, plan.unchanged, seen) if self._job.verify else []
        if damaged:
            self._report.warn(
                f"On the share, what was sent is damaged, and is sent again: {listed(damaged)}."
            )
        first = misspelled(plan.unchanged, seen)
        missing = [path for path in plan.unchanged if seen.at(path) is None]
        plan = self._resent(plan, sorted({*missing, *damaged, *first}))
        wrong = misspelled(folders_of(self._local), seen)
        folders = tuple(dict.fromkeys([*plan.respelled, *wrong]))
        return plan._replace(first=tuple(first), respelled=folders, damaged=tuple(damaged))

    async def _resolve_foreign(self, plan: Plan, base: Base, seen: Seen) -> Plan:
        taken = foreign(plan, base.manifest, seen)
        if not taken or await self._was_killed():
            return plan
        same = await same_content(self._job.root, self._share, taken, seen)
        plan = await self._adopt(plan, same)
        if left := [file.path for file in taken if file.path not in same]:
            await self._confirm.replace_foreign(left)
        return plan

    async def _resolve_drift(self, plan: Plan, base: Base, seen: Seen, paths: Sequence[str]) -> Plan:
        changed = drifted(paths, self._local, base.manifest, seen)
        again = self._resent(plan, [path for path in changed if path in plan.unchanged])
        if not changed or await self._was_killed():
            return again
        return await self._confirm.replace_drifted(again, changed)

    @property
    def _is_careful(self) -> bool:
        return self._job.verify or self._took_over or bool(self._killed)

    async def _was_killed(self) -> bool:
        """Return True if what differs on the share was written by a run of this project that was killed."""
        return self._took_over or await was_killed_here(self._share, self._claim)

    def _resent(self, plan: Plan, paths: Sequence[str]) -> Plan:
        """Return the plan, with these unchanged files sent, too."""
        again = tuple(self._local[path] for path in paths)
        kept = {path: sent for path, sent in plan.unchanged.items() if path not in set(paths)}
        return plan._replace(send=(*plan.send, *again), unchanged=kept) if again else plan

    async def _adopt(self, plan: Plan, same: Mapping[str, ShareEntry]) -> Plan:
        """Return the plan, less the files that the share has already; they are noted as not ours."""
        files = [file for file in plan.send if file.path in same]
        hashes = await asyncio.to_thread(hash_files, self._job.root, files)
        adopted = {
            file.path: sent_as(file, hashes[file.path], same[file.path], time.time_ns())._replace(ours=False)
            for file in files
            if file.path in hashes
        }
        send = tuple(file for file in plan.send if file.path not in adopted)
        return plan._replace(send=send, adopted=adopted)

    # the writing

    async def _write(self, plan: Plan, base: Base, seen: Seen) -> Plan | None:
        """Write under the lock, and return what was done; None when the share has another manifest than was planned against."""
        if distant := [file.path for file in plan.send if not is_time_held(file.mtime_ns)]:
            self._report.warn(
                f"Azure Files can't hold these files' times, and gets the nearest: {listed(distant)}."
            )
        try:
            async with hold_share(self._share, self._claim, self._clock) as lock:
                if lock.took_over and not self._is_careful:
                    self._took_over = True
                    return None
                if await manifest_etag(self._share) != base.etag:
                    return None
                self._history.add(self._us.id, self._job.root)
                root, remember = self._job.root, partial(self._keep, base.unknown)
                return await write(
                    Writing(root, self._share, self._report, lock, base.manifest, plan, seen, remember)
                )
        except LockLost:
            from aitk_inference.sync.recovery import correct_manifest  # noqa: PLC0415 - hardly ever needed

            touched = [*(file.path for file in plan.send), *plan.delete, *plan.first]
            await correct_manifest(self._share, self._claim, self._clock, touched)
            raise

    def _keep(self, before: frozenset[str], written: Base, content: bytes) -> None:
        """Keep the share's manifest on this computer; ``before`` are the files that this folder never had."""
        unknown = self._missing(before & written.manifest.files.keys())
        self._cache.save(written._replace(unknown=unknown), content)

    async def _is_current(self, base: Base) -> bool:
        """Return True if the share still has the manifest that was planned against."""
        return self._read is not None or await manifest_etag(self._share) == base.etag

    def _remember(self, plan: Plan, base: Base) -> None:
        """Note what was read, and times that turned out to mean no change: nothing is hashed twice."""
        known = base.manifest.files
        unknown = self._missing(base.unknown)
        is_new = self._read is not None or unknown != base.unknown
        if base.etag and (is_new or any(row is not known.get(p) for p, row in plan.unchanged.items())):
            files = {**known, **plan.unchanged}
            self._cache.save(Base(Manifest(self._us, files), base.etag, unknown))
            self._history.add(self._us.id, self._job.root)
