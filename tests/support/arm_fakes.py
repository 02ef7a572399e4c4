"""Stand-ins for the supervisor of replicas and the ingress, for tests of Resource Manager alone."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from aca_local.kernel.replicas import (
    AccessRules,
    ContainerState,
    LogLine,
    NotRunningError,
    PastLine,
    ReplicaState,
    RevisionSpec,
    SystemEvent,
    TrafficTarget,
)


@dataclass
class FakeReplicas:
    """Remembers what it was asked for; replicas are ready at once unless ``ready`` says no."""

    ready: bool = True
    specs: dict[tuple[str, str], RevisionSpec] = field(default_factory=dict)
    restarts: dict[tuple[str, str], int] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)

    async def apply(self, spec: RevisionSpec) -> None:
        self.specs[spec.app_id.lower(), spec.revision] = spec

    async def restart(self, app_id: str, revision: str) -> None:
        key = app_id.lower(), revision
        if key not in self.specs:
            raise NotRunningError(revision)
        self.restarts[key] = self.restarts.get(key, 0) + 1

    async def stop(self, app_id: str, revision: str) -> None:
        if self.specs.pop((app_id.lower(), revision), None):
            self.stopped.append(revision)

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        key = app_id.lower(), revision
        spec = self.specs.get(key)
        if spec is None:
            return []
        containers = tuple(
            ContainerState(one.name, f"local://{one.name}", "Running", "", self.ready, True, 0)
            for one in spec.containers
        )
        name = f"{revision}-{self.restarts.get(key, 0)}"
        return [ReplicaState(name, datetime.now(UTC), "Running", "", containers)]

    async def console(
        self, app_id: str, revision: str, replica: str, container: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        if (app_id.lower(), revision) not in self.specs:
            raise NotRunningError(revision)
        for number in range(5)[-tail:] if tail else ():
            yield LogLine(datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), f"line {number}")

    async def events(self, app_id: str, *, tail: int, follow: bool) -> AsyncIterator[SystemEvent]:
        event = SystemEvent(datetime(2026, 1, 2, tzinfo=UTC), "ContainerStarted", "Started container 'c'")
        yield replace(event, app="app", revision="app--1", replica="app--1-0")

    def past_lines(self, app_id: str) -> Iterator[PastLine]:
        for number in range(5):
            yield PastLine(
                datetime(2026, 1, 2, 3, number, tzinfo=UTC), "app--1", "app--1-0", "main", f"line {number}"
            )

    def past_events(self, app_id: str) -> Iterator[SystemEvent]:
        words = "Started container 'c'"
        yield SystemEvent(datetime(2026, 1, 2, tzinfo=UTC), "ContainerStarted", words, revision="app--1")


@dataclass
class FakeIngress:
    """Gives addresses out (not while it is ``held``) and remembers which revision gets most."""

    ports: dict[str, int] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    held: bool = False
    refusal: str = ""
    address: str = ""

    async def expose(self, app_id: str, app: str, *, target_port: int) -> str:
        while self.held:  # noqa: ASYNC110 - the test, on another thread, sets it
            await asyncio.sleep(0.01)
        if self.refusal:
            raise OSError(self.refusal)
        if self.address:
            return self.address
        port = self.ports.setdefault(app_id.lower(), 50000 + len(self.ports))
        return f"127.0.0.1:{port}"

    async def route(self, app_id: str, traffic: Sequence[TrafficTarget], access: AccessRules) -> None:
        self.routes[app_id.lower()] = max(traffic, key=lambda one: one.weight).revision

    async def conceal(self, app_id: str) -> None:
        self.routes.pop(app_id.lower(), None)

    async def withdraw(self, app_id: str) -> None:
        self.ports.pop(app_id.lower(), None)
        self.routes.pop(app_id.lower(), None)
