"""The life of one container of a replica: started, probed, restarted when it ends, with a back-off.

The words of the system log are Azure's (``containerapp-ext/test_containerapp_eventstream`` among the
recordings, and system logs that users published).
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from aca_local.kernel.replicas import ContainerState, LogLine, ReplicasError
from aca_local.replicas import probes as probing
from aca_local.replicas.fixed_ports import SAYS_IN_USE
from aca_local.replicas.process import start

if TYPE_CHECKING:
    from aca_local.kernel.replicas import ContainerSpec, EventType, Probe, ProbeKind, RunningState
    from aca_local.replicas.fixed_ports import Claim
    from aca_local.replicas.log_buffer import Journal
    from aca_local.replicas.process import Command, Run

HOST = "127.0.0.1"
BEFORE_OOM = 0.5  # seconds that a container lives which is to run out of memory
SILENT_CRASHES = 3  # after so many ends a program may have met a taken port without a word about it
SEARCH_PAUSE = 0.5  # seconds between two searches for the port that a program listens on


@dataclass(frozen=True)
class Pace:
    """How patient the supervisor is; times in seconds.

    Kubernetes waits 10 s, 20 s, … 300 s between crashes, and 30 s for a polite end; a developer's inner loop
    is shorter, in the same shape.
    """

    eager: bool = True
    first_back_off: float = 1.0
    longest_back_off: float = 60.0
    healthy_after: float = 120.0
    grace: float = 10.0

    def back_off(self, crashes: int) -> float:
        """Answer how long to wait before the next start: the first one comes at once."""
        return (
            0.0
            if crashes <= 1
            else float(min(self.first_back_off * 2 ** (crashes - 2), self.longest_back_off))
        )


AS_AZURE = Pace(eager=False, first_back_off=10.0, longest_back_off=300.0, healthy_after=600.0, grace=30.0)


class Surroundings(Protocol):
    """What a container needs from its replica."""

    target_port: int | None
    local_port: int | None
    pinned: bool

    async def command(self, spec: ContainerSpec, fault: str) -> Command:
        """Say what to run; raises ReplicasError when it cannot be run here (or is made to fail)."""

    def fault(self, spec: ContainerSpec) -> str:
        """Name what shall go wrong with this start, on demand; empty: nothing."""

    def emit(self, reason: str, message: str, kind: EventType = "Normal") -> None:
        """Write to the system log."""

    def follows_fixed_port(self) -> bool:
        """Return True if an older revision of the app runs a program that binds the target port."""

    async def claim_port(self, *, is_sure: bool) -> Claim:
        """Get the target port from an older revision; where it is sure to be taken, say who else holds it."""

    async def return_port(self) -> None:
        """Give the target port back to the older revision that it was taken from."""


@dataclass
class Container:
    """One container of a replica; ``run`` lives until it is cancelled."""

    spec: ContainerSpec
    probes: dict[ProbeKind, Probe]
    around: Surroundings
    console: Journal[LogLine]
    pace: Pace
    container_id: str = field(default_factory=lambda: f"containerd://{uuid.uuid4().hex}")
    running_state: RunningState = "Waiting"
    details: str = "ContainerCreating"
    ready: bool = False
    started: bool = False
    restart_count: int = 0
    _searched: float = 0.0
    _listening: frozenset[int] = frozenset()
    _fault: str = ""
    _found_port_taken: bool = False
    _gave_up: bool = False  # nothing answered in the time that the startup probe gives
    _took_port: bool = False  # from an older revision, before this run
    _is_port_free: bool = False  # it failed with the port, too: for another reason
    launcher: int | None = None  # the process id of the run, while there is one

    def state(self) -> ContainerState:
        """Say how it is doing now."""
        return ContainerState(
            self.spec.name,
            self.container_id,
            self.running_state,
            self.details,
            self.ready,
            self.started,
            self.restart_count,
        )

    async def run(self) -> None:
        """Start it, again and again, until cancelled; a job's container once."""
        clock, crashes = asyncio.get_running_loop().time, 0
        while True:
            began = clock()
            lived = await self._live_once()
            if lived and self.spec.once:
                return
            crashes = 1 if clock() - began > self.pace.healthy_after else crashes + 1
            if lived and await self._claim_port(crashes):
                crashes = 0
            delay = self.pace.back_off(crashes)
            if lived and delay:
                self._wait("CrashLoopBackOff")
                self.around.emit("ContainerBackOff", "Persistent Failure to start container", "Warning")
            await asyncio.sleep(delay)
            self.restart_count += lived

    async def _claim_port(self, crashes: int) -> bool:
        """Return True if the target port, which the program found taken, has become free.

        A program that fails with it as without it gives it back: the older revision serves on, as in Azure.
        """
        is_sure, took, self._took_port = self._found_port_taken, self._took_port, False
        if took and not is_sure and not self.around.pinned:
            self._is_port_free = True
            await self.around.return_port()
        suspects = not self._is_port_free and (self._gave_up or crashes >= SILENT_CRASHES)
        if not (is_sure or suspects):
            return False
        claim = await self.around.claim_port(is_sure=is_sure)
        if claim.words:
            self._log(f"aca-local: {claim.words}")
        self._took_port = claim.is_free
        return claim.is_free

    async def _live_once(self) -> bool:
        """Start it and stay until it ends; False when it could not even be started."""
        self._wait("ContainerCreating")
        self._found_port_taken = self._gave_up = self.around.pinned = False
        self._listening = frozenset()
        try:
            self._fault = self.around.fault(self.spec)
            command = await self.around.command(self.spec, self._fault)
            self.around.emit("ContainerCreated", f"Created container '{self.spec.name}'")
            run = await start(command, self._hear)
        except (ReplicasError, OSError) as problem:
            self._log(f"aca-local: {problem}")
            self._wait(getattr(problem, "waiting", ReplicasError.waiting))
            return False
        self.container_id, self.launcher = f"containerd://{uuid.uuid4().hex}", run.pid
        self.running_state, self.details = "Running", f"Container started at: {_us_time(datetime.now(UTC))}."
        self.around.emit("ContainerStarted", f"Started container '{self.spec.name}'")
        killing = asyncio.create_task(self._kill_on_demand(run))
        code, reason = await self._until_end(run)
        killing.cancel()
        self.launcher = None
        self.running_state, self.details = "Terminated", f"Reason: {reason}, exit code: {code}."
        words = f"Container '{self.spec.name}' was terminated with exit code '{code}' and reason '{reason}'"
        self.around.emit("ContainerTerminated", words, "Warning")
        return True

    async def _until_end(self, run: Run) -> tuple[int, str]:
        """Watch a run until it ends by itself, a probe ends it, or the replica does (cancelled)."""
        ending = asyncio.create_task(run.wait())
        watching = asyncio.create_task(self._watch(run))
        try:
            await asyncio.wait({ending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                return ending.result(), "OOMKilled" if self._fault == "oom" else "ProcessExited"
            self.ready = False
            await run.stop()
            return await ending, "ProbeFailure"
        finally:
            self.ready = self.started = False
            watching.cancel()
            if not ending.done():
                await run.stop()

    async def _watch(self, run: Run) -> None:
        """Probe the container; return when it has to be restarted."""

        async def look(probe: Probe) -> str | None:
            return await self._look(probe, run)

        startup = self.probes.get("Startup")
        try:
            started = startup is None or await probing.until_success(
                startup, look, self._probe_failed, eager=self.pace.eager
            )
        except _PortTakenError:
            started, self._found_port_taken = False, True
        if not started:
            self._gave_up = True
            return self._give_up("startup")
        self.started = True
        readiness = asyncio.create_task(self._watch_readiness(look))
        try:
            await self._watch_liveness(look)
        finally:
            readiness.cancel()

    async def _watch_readiness(self, look: probing.Check) -> None:
        probe = self.probes.get("Readiness")
        while probe:
            eager = self.pace.eager
            self.ready = await probing.until_success(probe, look, self._probe_failed, eager=eager)
            if self.ready:
                await probing.until_failure(probe, look, self._probe_failed)
            self.ready = False
            self.around.emit("ProbeFailed", f"Container {self.spec.name} failed readiness probe", "Warning")
        self.ready = True

    async def _watch_liveness(self, look: probing.Check) -> None:
        probe = self.probes.get("Liveness")
        if probe is None:
            await asyncio.get_running_loop().create_future()
            return
        await asyncio.sleep(probe.initial_delay)
        await probing.until_failure(probe, look, self._probe_failed)
        self._give_up("liveness")

    async def _look(self, probe: Probe, run: Run) -> str | None:
        """Probe the port that stands for the template's, or the template's own if a program insists on it."""
        around = self.around
        if self._fault == "probe":
            return f"Probe of {probing.WORDS[probe.kind]} failed with status code: 503"
        if probe.port != around.target_port or around.local_port is None:
            return await probing.check(probe, HOST, probe.port)
        failure = await probing.check(probe, HOST, around.target_port if around.pinned else around.local_port)
        if failure and not around.pinned and await self._insists(run, around.target_port):
            around.pinned = True
            return await probing.check(probe, HOST, around.target_port)
        if failure and self._listens_elsewhere() and around.follows_fixed_port():
            raise _PortTakenError
        return failure

    def _listens_elsewhere(self) -> bool:
        return bool(self._listening) and self.around.local_port not in self._listening

    async def _insists(self, run: Run, port: int) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._searched < SEARCH_PAUSE:
            return False
        self._searched = now
        self._listening = frozenset(await asyncio.to_thread(run.listening))
        return port in self._listening

    def _give_up(self, kind: str) -> None:
        words = f"Container {self.spec.name} failed {kind} probe, will be restarted"
        self.around.emit("ProbeFailed", words, "Warning")

    def _probe_failed(self, words: str) -> None:
        self.around.emit("ProbeFailed", words, "Warning")
        if self._listens_elsewhere() and self.around.target_port not in self._listening:
            listening = ", ".join(map(str, sorted(self._listening)))
            words = f"The TargetPort {self.around.target_port} does not match the listening port {listening}."
            self.around.emit("ProbeFailed", words, "Warning")

    async def _kill_on_demand(self, run: Run) -> None:
        """Kill the container as the kernel does when memory is out, where that was asked for."""
        if self._fault == "oom":
            await asyncio.sleep(BEFORE_OOM)
            run.kill()

    def _wait(self, details: str) -> None:
        self.running_state, self.details = "Waiting", details

    def _hear(self, text: str) -> None:
        self._found_port_taken = self._found_port_taken or SAYS_IN_USE.search(text) is not None
        self._log(text)

    def _log(self, text: str) -> None:
        self.console.append(LogLine(datetime.now(UTC), text))


class _PortTakenError(Exception):
    """A program listens on another port than the target port, which an older revision binds."""


def _us_time(moment: datetime) -> str:
    """Write a moment as Azure does here: ``11/4/2025 7:14:26 AM``."""
    half = "AM" if moment.hour < 12 else "PM"  # noqa: PLR2004 # noon
    clock = f"{moment.hour % 12 or 12}:{moment:%M:%S} {half}"
    return f"{moment.month}/{moment.day}/{moment.year} {clock}"
