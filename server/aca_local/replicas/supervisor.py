"""The supervisor: which revisions run, with which replicas; the real thing behind the ``Replicas`` port."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from aca_local.replicas import history
from aca_local.replicas.journal import Journal, RotatingFile
from aca_local.replicas.model import (
    NotRunningError,
    RevisionSpec,
    SpecChangedError,
    SystemEvent,
)
from aca_local.replicas.process import reap
from aca_local.replicas.replica import Replica, Workshop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from aca_local.replicas.history import PastLine
    from aca_local.replicas.model import EventType, LogLine, ReplicaState

REWRITTEN = (
    "This system has no mount namespaces: mount paths are rewritten in commands, arguments and environment. "
    "A path inside a script is not found: use relative paths there."
)
KEPT_REPLICAS = 5  # folders of ended replicas (their console logs) kept for each app


@dataclass
class _Revision:
    spec: RevisionSpec
    replicas: list[Replica] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Runs replicas under ``folder``; one for each aca-local."""

    def __init__(self, folder: Path, workshop: Workshop) -> None:
        self._folder, self._workshop = folder, workshop
        self._revisions: dict[tuple[str, str], _Revision] = {}
        self._events: dict[str, Journal[SystemEvent]] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._background: set[asyncio.Task[None]] = set()
        reap(folder)

    async def apply(self, spec: RevisionSpec) -> None:
        """Start the replicas of a revision; see ``Replicas.apply``."""
        key = _key(spec.app_id, spec.revision)
        known = self._revisions.get(key)
        if known:
            if _shape(known.spec) != _shape(spec):
                raise SpecChangedError(f"Revision '{spec.revision}' runs already, with another template.")
            known.spec = spec
            return
        self._revisions[key] = revision = _Revision(spec)
        for image in {one.image for one in spec.containers if one.image}:
            words = f"Image '{image}' is not pulled: aca-local runs the template's commands on this computer."
            self._emit(spec, "", "ImageNotPulled", words)
        if not self._workshop.mounting and any(one.mounts for one in spec.containers):
            self._emit(spec, "", "MountPathRewritten", REWRITTEN)
        for _ in range(max(spec.min_replicas, 1)):
            self._new_replica(revision).begin()

    async def restart(self, app_id: str, revision: str) -> None:
        """List new replicas at once; they begin when the old have ended: no memory is needed twice."""
        found = self._find(app_id, revision)
        old = [one for one in found.replicas if not one.ending]
        for replica in old:
            replica.ending = True
        new = [self._new_replica(found) for _ in range(max(found.spec.min_replicas, 1))]
        self._in_background(self._take_over(found, old, new))

    async def stop(self, app_id: str, revision: str) -> None:
        """End the replicas of a revision; wait for it."""
        found = self._revisions.pop(_key(app_id, revision), None)
        if found is None:
            return
        for replica in found.replicas:
            replica.ending = True
        async with found.lock:
            await asyncio.gather(*(replica.end() for replica in found.replicas))
        await self._prune(found.spec)

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        """List the replicas of a revision, newest last."""
        found = self._revisions.get(_key(app_id, revision))
        return [one.state() for one in found.replicas] if found else []

    def ready_ports(self, app_id: str, revision: str) -> list[int]:
        """List the ports of this computer where ready replicas answer for the target port."""
        found = self._revisions.get(_key(app_id, revision))
        return [one.port for one in found.replicas if one.port and one.ready] if found else []

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
        return history.console_lines(self._app_folder(app_id))

    def past_events(self, app_id: str) -> Iterator[SystemEvent]:
        """Read what is kept of an app's system log."""
        return history.system_events(self._app_folder(app_id))

    async def close(self) -> None:
        """End everything; used when aca-local ends."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(self.stop(*key) for key in list(self._revisions)), return_exceptions=True)
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

        made = Replica(spec, self._app_folder(spec.app_id), self._workshop, emit)
        revision.replicas.append(made)
        return made

    async def _take_over(self, revision: _Revision, old: list[Replica], new: list[Replica]) -> None:
        async with revision.lock:
            await asyncio.gather(*(replica.end() for replica in old))
            for replica in old:
                revision.replicas.remove(replica)
            for replica in new:
                if not replica.ending:
                    replica.begin()
        await self._prune(revision.spec)

    def _in_background(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        task: asyncio.Task[None] = asyncio.create_task(work)
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

    async def _prune(self, spec: RevisionSpec) -> None:
        live = {one.name for known in self._revisions.values() for one in known.replicas}
        folders = (self._app_folder(spec.app_id) / "replicas").glob("*")
        ended = sorted((one for one in folders if one.name not in live), key=lambda one: one.stat().st_mtime)
        for folder in ended[:-KEPT_REPLICAS]:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


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
