"""Replicas of container apps that behave as a test says, in the place of aca-local's supervisor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aca_local.kernel.replicas import ContainerState, LogLine, NotRunningError, ReplicaState, SystemEvent
from support.arm_fakes import FakeReplicas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aca_local.kernel.replicas import RevisionSpec, RunningState

_TIME = datetime(2026, 1, 1, tzinfo=UTC)
Behaviour = Callable[[int], Sequence[ReplicaState]]
"""The replicas at the n-th look after a restart."""


def replica(
    name: str,
    *,
    ready: bool = True,
    restarts: int = 0,
    details: str = "",
    running: RunningState | None = None,
) -> ReplicaState:
    """A replica with one container, which runs where it is ready; ``running`` is its state otherwise."""
    state = running or ("Running" if ready else "Waiting")
    container = ContainerState("main", "local://main", state, details, ready, ready, restarts)
    return ReplicaState(name, _TIME, "Running", "", (container,))


@dataclass
class ScriptedReplicas(FakeReplicas):
    """The replicas that every active revision has.

    Attributes:
        before: What runs until something is restarted or, after a stop, started.
        behaviour: What is seen after that.
        looks: How often a flow looked since then.
        log: The console of every replica.
        system_log: The app's events: reason, message and, where it is about one, the replica.
    """

    before: Sequence[ReplicaState] = (replica("old"),)
    behaviour: Behaviour = lambda n: [replica("old")] if n < 2 else [replica("new", ready=n > 2)]
    looks: int = 0
    begun: bool = False
    log: Sequence[str] = ("Traceback …", "ModuleNotFoundError: No module named 'gradio'")
    system_log: Sequence[tuple[str, str] | tuple[str, str, str]] = (
        ("ContainerCreated", "Created container"),
    )

    async def apply(self, spec: RevisionSpec) -> None:
        await super().apply(spec)
        if spec.revision in self.stopped:
            self._begin()

    async def restart(self, app_id: str, revision: str) -> None:
        await super().restart(app_id, revision)
        self._begin()

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        if (app_id.lower(), revision) not in self.specs:
            return []
        return self.behaviour(self.looks) if self.begun else self.before

    async def console(
        self, app_id: str, revision: str, replica: str, container: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        if replica not in [one.name for one in self.states(app_id, revision)]:
            raise NotRunningError(replica)
        for text in self.log[-tail:] if tail else ():
            yield LogLine(_TIME, text)

    async def events(self, app_id: str, *, tail: int, follow: bool) -> AsyncIterator[SystemEvent]:
        for reason, message, *named in self.system_log[-tail:] if tail else ():
            yield SystemEvent(_TIME, reason, message, replica="".join(named))

    def _begin(self) -> None:
        self.begun, self.looks = True, 0


@dataclass
class EverReady(FakeReplicas):
    """Replicas that are ready at once, each named after its revision and how often that was restarted."""

    looks: int = 0
