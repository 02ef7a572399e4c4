"""The supervisor: which revisions run, with which replicas; the real thing behind the ``Replicas`` port."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from aca_local.kernel.replicas import (
    NotRunningError,
    RevisionSpec,
    SpecChangedError,
    SystemEvent,
)
from aca_local.replicas import log_archive
from aca_local.replicas.fixed_ports import REASON, WORDS, Claim, claim_from_others
from aca_local.replicas.log_buffer import Journal, RotatingFile
from aca_local.replicas.process import holds_connection, listening_ports, reap
from aca_local.replicas.replica import Replica, Workshop
from aca_local.replicas.secret_volumes import forget_secret_volumes, write_secret_volumes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
    from pathlib import Path

    from aca_local.kernel.replicas import EventType, LogLine, PastLine, ReplicaState

REWRITTEN = (
    "This system has no mount namespaces: mount paths are rewritten in commands, arguments and environment, "
    "and in what Python programs open. A path inside a shell script or a compiled program is not found: use "
    "relative paths there."
)
LOOK = 0.1  # seconds between two looks at replicas that start or end
KEPT_REPLICAS = 5  # folders of ended replicas (their console logs) kept for each app


@dataclass
class _Revision:
    spec: RevisionSpec
    number: int  # the order in which revisions were started
    replicas: list[Replica] = field(default_factory=list)


class Supervisor:
    """Runs replicas under ``folder``; one for each aca-local."""

    def __init__(self, folder: Path, workshop: Workshop) -> None:
        self._folder, self._workshop = folder, workshop
        self._revisions: dict[tuple[str, str], _Revision] = {}
        self._events: dict[str, Journal[SystemEvent]] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._background: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()
        reap(folder)

    async def apply(self, spec: RevisionSpec) -> None:
        """Start the replicas of a revision; see ``Replicas.apply``."""
        key = _key(spec.app_id, spec.revision)
        spec = await asyncio.to_thread(write_secret_volumes, spec, self._secrets_folder(spec))
        known = self._revisions.get(key)
        if known:
            if _shape(known.spec) != _shape(spec):
                raise SpecChangedError(f"Revision '{spec.revision}' runs already, with another template.")
            known.spec = spec
            return
        self._revisions[key] = revision = _Revision(spec, next(self._numbers))
        for image in {one.image for one in spec.containers if one.image}:
            words = f"Image '{image}' is not pulled: aca-local runs the template's commands on this computer."
            self._emit(spec, "", "ImageNotPulled", words)
        if not self._workshop.mounting and any(one.mounts for one in spec.containers):
            self._emit(spec, "", "MountPathRewritten", REWRITTEN)
        for _ in range(max(spec.min_replicas, 1)):
            self._new_replica(revision).begin()

    async def restart(self, app_id: str, revision: str) -> None:
        """Start new replicas; the old one serves until one of them is ready, as recorded in Azure.

        What is not ready ends at once, as Kubernetes clears unhealthy replicas away first. A program that
        binds a fixed port can't run twice here: its replica ends first, too.
        """
        found = self._find(app_id, revision)
        old = list(found.replicas)
        for replica in old:
            replica.replaced = True
        new = [self._new_replica(found) for _ in range(max(found.spec.min_replicas, 1))]
        self._in_background(self._replace(found, old, new))

    async def stop(self, app_id: str, revision: str) -> None:
        """End the replicas of a revision; wait for it."""
        found = self._revisions.pop(_key(app_id, revision), None)
        if found is None:
            return
        await _end_all(found.replicas)
        forget_secret_volumes(self._secrets_folder(found.spec))
        await self._prune(found.spec)
        await self._restart_those_that_gave_way(app_id)

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        """List the replicas of a revision, newest last."""
        found = self._revisions.get(_key(app_id, revision))
        return [one.state() for one in found.replicas] if found else []

    def ready_ports(self, app_id: str, revision: str) -> list[int]:
        """List the ports of this computer where ready replicas answer for the target port."""
        found = self._revisions.get(_key(app_id, revision))
        ready = [one for one in found.replicas if one.ready] if found else []
        newest = [one for one in ready if not one.replaced] or ready
        return [one.port for one in newest if one.port]

    def has_left(self, app_id: str, revision: str) -> bool:
        """Return True if a revision has ended for another one that serves: a fixed port serves one of them."""
        found = self._revisions.get(_key(app_id, revision))
        if found is None or not all(one.ending for one in found.replicas):
            return False
        return any(one.ready and one.spec.app_id.lower() == app_id.lower() for one in self._all())

    async def is_replica(self, client_port: int) -> bool:
        """Return True if a connection from this port of this computer comes from a replica."""
        launchers = [pid for one in self._all() for pid in one.launchers]
        return await asyncio.to_thread(holds_connection, launchers, client_port)

    def follows_fixed_port(self, replica: Replica) -> bool:
        """Return True if an older revision of the app runs a program that binds the target port."""
        return any(self._gives_way(one, replica) for one in self._all() if one.pinned)

    async def claim_port(self, replica: Replica, *, is_sure: bool) -> Claim:
        """Get the target port from an older revision; where it is sure to be taken, say who else holds it."""
        if replica.target_port is None:
            return Claim()
        holder = await self._holder(replica, replica.target_port)
        if holder and self._gives_way(holder, replica):
            claim = Claim(_port_words(replica, holder, is_handover=True), is_free=True)
            replica.emit(REASON, claim.words, "Warning")
            await holder.end()
            return claim
        if not is_sure:
            return Claim()
        claim = (
            Claim(_port_words(replica, holder))
            if holder
            else await asyncio.to_thread(claim_from_others, replica.target_port)
        )
        if claim.words:
            replica.emit(REASON, claim.words, "Warning")
        return claim

    async def return_port(self, replica: Replica) -> None:
        """Start the older revision again that had left its port to a replica."""
        replica.emit(REASON, WORDS["returned"].format(replica=replica.name), "Warning")
        await self._restart_those_that_gave_way(replica.spec.app_id)

    async def _restart_those_that_gave_way(self, app_id: str) -> None:
        for other in list(self._revisions.values()):
            if other.spec.app_id.lower() == app_id.lower() and all(one.ending for one in other.replicas):
                await self.restart(other.spec.app_id, other.spec.revision)

    async def wait_alone(self, replica: Replica) -> None:
        """Wait until no other replica of the app runs."""
        others = [one for one in self._all() if one is not replica and _app(one) == _app(replica)]
        if any(one.launchers for one in others):
            replica.emit("AssigningReplica", f"Replica '{replica.name}' waits for a node: no GPU is free.")
        while any(one.launchers for one in others):  # noqa: ASYNC110 # they end in many ways, one is a kill
            await asyncio.sleep(LOOK)

    def _all(self) -> list[Replica]:
        return [one for revision in self._revisions.values() for one in revision.replicas if not one.ending]

    async def _holder(self, replica: Replica, port: int) -> Replica | None:
        """Return the other replica whose program binds a port."""
        for one in self._all():
            if one is not replica and port in await asyncio.to_thread(listening_ports, one.launchers):
                return one
        return None

    def _gives_way(self, holder: Replica, replica: Replica) -> bool:
        """Return True if a replica would end anyway once another one is ready: it may end before."""
        if _app(holder) != _app(replica):
            return False
        older, newer = (self._find(one.spec.app_id, one.spec.revision) for one in (holder, replica))
        return older.number < newer.number or (older is newer and holder.replaced)

    async def console(
        self, app_id: str, revision: str, replica: str, container: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        """Read what a container wrote. Raises NotRunningError."""
        replicas = {one.name: one for one in self._find(app_id, revision).replicas}
        if replica not in replicas:
            raise NotRunningError(f"Replica '{replica}' is not known.")
        containers = {one.spec.name: one for one in replicas[replica].containers}
        if container not in containers:
            raise NotRunningError(f"Container '{container}' is not known.")
        async for line in containers[container].console.read(tail=tail, follow=follow):
            yield line

    async def events(self, app_id: str, *, tail: int, follow: bool) -> AsyncIterator[SystemEvent]:
        """Read the system log of an app."""
        async for event in self._journal(app_id).read(tail=tail, follow=follow):
            yield event

    def past_lines(self, app_id: str) -> Iterator[PastLine]:
        """Read what is kept of an app's consoles; see ``Replicas.past_lines``."""
        return log_archive.console_lines(self._app_folder(app_id))

    def past_events(self, app_id: str) -> Iterator[SystemEvent]:
        """Read what is kept of an app's system log."""
        return log_archive.system_events(self._app_folder(app_id))

    async def close(self) -> None:
        """End everything; used when aca-local ends."""
        for task in self._background:
            task.cancel()
        replicas = [one for revision in self._revisions.values() for one in revision.replicas]
        secret_folders = [self._secrets_folder(one.spec) for one in self._revisions.values()]
        self._revisions.clear()
        await asyncio.gather(_end_all(replicas), return_exceptions=True)
        for folder in secret_folders:
            forget_secret_volumes(folder)
        for journal in self._events.values():
            journal.close()

    def _find(self, app_id: str, revision: str) -> _Revision:
        found = self._revisions.get(_key(app_id, revision))
        if found is None:
            raise NotRunningError(f"Revision '{revision}' is not running.")
        return found

    def _new_replica(self, revision: _Revision) -> Replica:
        spec = revision.spec

        def emit(replica: str, reason: str, message: str, kind: EventType) -> None:
            self._emit(spec, replica, reason, message, kind)

        made = Replica(spec, self._app_folder(spec.app_id), self._workshop, emit, self)
        revision.replicas.append(made)
        return made

    async def _replace(self, revision: _Revision, old: list[Replica], new: list[Replica]) -> None:
        await self._end([one for one in old if not one.ready], revision)
        if holder := next((one for one in old if one.pinned and not one.ending), None):
            new[0].emit(REASON, _port_words(new[0], holder, is_handover=True), "Warning")
            await self._end(old, revision)
        for replica in new:
            if not replica.ending:
                replica.begin()
        while not any(one.ready for one in new):
            if all(one.ending or one.replaced for one in new):
                return  # stopped, or restarted again: that restart ends the old ones
            await asyncio.sleep(LOOK)
        await self._end(old, revision)
        await self._prune(revision.spec)

    async def _end(self, replicas: Sequence[Replica], revision: _Revision) -> None:
        """End replicas that others replace, and forget them."""
        await _end_all(replicas)
        revision.replicas[:] = [one for one in revision.replicas if one not in replicas]

    def _in_background(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _emit(
        self, spec: RevisionSpec, replica: str, reason: str, message: str, kind: EventType = "Normal"
    ) -> None:
        counted = (replica, reason, message)
        self._counts[counted] += 1
        event = SystemEvent(
            datetime.now(UTC), reason, message, kind, self._counts[counted], spec.app, spec.revision, replica
        )
        self._journal(spec.app_id).append(event)

    def _journal(self, app_id: str) -> Journal[SystemEvent]:
        key = app_id.lower()
        if key not in self._events:
            file = RotatingFile(self._app_folder(app_id) / "system.log")
            self._events[key] = Journal(file, _event_line)
        return self._events[key]

    def _app_folder(self, app_id: str) -> Path:
        name = app_id.rstrip("/").rsplit("/", 1)[-1].lower()
        return self._folder / f"{name}-{sha256(app_id.lower().encode()).hexdigest()[:10]}"

    def _secrets_folder(self, spec: RevisionSpec) -> Path:
        return self._app_folder(spec.app_id) / "secrets" / spec.revision

    async def _prune(self, spec: RevisionSpec) -> None:
        live = {one.name for known in self._revisions.values() for one in known.replicas}
        folders = (self._app_folder(spec.app_id) / "replicas").glob("*")
        ended = sorted((one for one in folders if one.name not in live), key=lambda one: one.stat().st_mtime)
        for folder in ended[:-KEPT_REPLICAS]:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _end_all(replicas: Sequence[Replica]) -> None:
    for replica in replicas:
        replica.ending = True
    await asyncio.gather(*(replica.end() for replica in replicas))


def _port_words(replica: Replica, holder: Replica, *, is_handover: bool = False) -> str:
    """Return the sentence about a replica that wants a port, and the one that has it."""
    if is_handover:
        kind = "handover"
    elif _app(holder) != _app(replica):
        kind = "app"
    else:
        kind = "sibling" if holder.spec.revision == replica.spec.revision else "newer"
    return WORDS[kind].format(
        port=replica.target_port, replica=replica.name, holder=holder.name, app=holder.spec.app
    )


def _app(replica: Replica) -> str:
    return replica.spec.app_id.lower()


def _key(app_id: str, revision: str) -> tuple[str, str]:
    return app_id.lower(), revision.lower()


def _shape(spec: RevisionSpec) -> RevisionSpec:
    """Leave out what may change between two restarts: the values of variables and the failures of mounts."""
    containers = (
        replace(
            one,
            env=dict.fromkeys(one.env, ""),
            mounts=tuple(replace(mount, failure="") for mount in one.mounts),
        )
        for one in spec.containers
    )
    return replace(spec, containers=tuple(containers))


def _event_line(event: SystemEvent) -> str:
    return json.dumps(
        {
            "TimeStamp": event.time.isoformat(),
            "Type": event.type,
            "ContainerAppName": event.app,
            "RevisionName": event.revision,
            "ReplicaName": event.replica,
            "Msg": event.message,
            "Reason": event.reason,
            "Count": event.count,
        }
    )
