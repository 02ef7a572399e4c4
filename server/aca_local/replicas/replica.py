"""One replica: its containers, the port that stands for the template's, its folder and its environment."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from aca_local.kernel.replicas import ImagePullError, LogLine, ReplicasError, ReplicaState
from aca_local.replicas.container import Container, Pace
from aca_local.replicas.environment import azure_variables, replica_environment, without_target_port
from aca_local.replicas.log_buffer import Journal, RotatingFile
from aca_local.replicas.mount_rewrite import locate, without_namespace
from aca_local.replicas.probes import default_probes
from aca_local.replicas.process import Command
from aca_local.replicas.start_faults import MOUNT_ERRORS, START_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from aca_local.kernel.replicas import (
        ContainerSpec,
        ContainerState,
        EventType,
        Probe,
        ProbeKind,
        RevisionSpec,
    )
    from aca_local.replicas.fixed_ports import Claim
    from aca_local.replicas.venvs import VirtualEnvironments

    Emit = Callable[[str, str, str, EventType], None]  # replica, reason, message, type

LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' safe alphabet for names


class Neighbours(Protocol):
    """What a replica needs from the supervisor, which knows all others."""

    def follows_fixed_port(self, replica: Replica) -> bool:
        """Return True if an older revision of the app runs a program that binds the target port."""

    async def claim_port(self, replica: Replica, *, is_sure: bool) -> Claim:
        """Get the target port from an older revision; where it is sure to be taken, say who else holds it."""

    async def return_port(self, replica: Replica) -> None:
        """Give the target port back to the older revision that it was taken from."""

    async def wait_alone(self, replica: Replica) -> None:
        """Wait until no other replica of the app runs."""


@dataclass(frozen=True)
class Workshop:
    """What all replicas of one aca-local share."""

    environments: VirtualEnvironments
    parent: Mapping[str, str]
    mounting: bool  # whether volumes are mounted in a namespace; else their paths are rewritten
    pace: Pace
    fault: Callable[[str], str] = lambda _: ""  # what shall go wrong with a start of ``app/container``


class Replica:
    """One replica of a revision; ``begin`` starts it, ``end`` ends it for good."""

    def __init__(
        self, spec: RevisionSpec, app_folder: Path, workshop: Workshop, emit: Emit, neighbours: Neighbours
    ) -> None:
        self.spec, self._neighbours = spec, neighbours
        self.name = replica_name(spec.revision)
        self.created = datetime.now(UTC)
        self.target_port = spec.target_port
        self.local_port = free_port() if spec.target_port else None
        self.pinned = False
        self.ending = self.replaced = False
        self._ended: asyncio.Task[None] | None = None
        self._last: tuple[ContainerState, ...] = ()
        self._app_folder, self._folder = app_folder, app_folder / "replicas" / self.name
        self._workshop, self._emit = workshop, emit
        self._tasks: list[asyncio.Task[None]] = []
        self.containers = [
            self._container(one, main=number == 0) for number, one in enumerate(spec.containers)
        ]

    def begin(self) -> None:
        """Start the containers, each on its own."""
        self.emit("AssigningReplica", f"Replica '{self.name}' has been scheduled to run on a node.")
        self._tasks = [asyncio.create_task(one.run()) for one in self.containers]

    async def end(self) -> None:
        """End all processes, close the logs, forget the files that the replica alone could see; once."""
        self.ending = True
        if self._ended is None:
            self._ended = asyncio.create_task(self._end())
        await asyncio.shield(self._ended)

    async def _end(self) -> None:
        self._last = tuple(one.state() for one in self.containers)
        for task, container in zip(self._tasks, self.containers, strict=False):
            self.emit("StoppingContainer", f"Stopping container {container.spec.name}")
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for container in self.containers:
            container.console.close()
            await asyncio.to_thread(
                shutil.rmtree, self._folder / container.spec.name / "work", ignore_errors=True
            )

    @property
    def port(self) -> int | None:
        """The port of this computer that answers for the template's target port."""
        return self.target_port if self.pinned else self.local_port

    def state(self) -> ReplicaState:
        """Say how it is doing now; one that ends keeps its containers' last states (as recorded)."""
        states = self._last or tuple(one.state() for one in self.containers)
        running = any(one.running_state == "Running" for one in states) and not self.ending
        words = (
            f"Container {one.name} was terminated with reason: Terminated, exit code: 0." for one in states
        )
        details = " ".join(words) if self.ending else ""
        return ReplicaState(self.name, self.created, "Running" if running else "NotRunning", details, states)

    @property
    def ready(self) -> bool:
        """Return True if traffic may go to it."""
        return not self.ending and self.state().ready

    @property
    def launchers(self) -> list[int]:
        """The process ids of the runs of its containers."""
        return [one.launcher for one in self.containers if one.launcher is not None]

    def follows_fixed_port(self) -> bool:
        """Return True if an older revision of the app runs a program that binds the target port."""
        return self._neighbours.follows_fixed_port(self)

    async def claim_port(self, *, is_sure: bool) -> Claim:
        """Get the target port from an older revision; where it is sure to be taken, say who else holds it."""
        return await self._neighbours.claim_port(self, is_sure=is_sure)

    async def return_port(self) -> None:
        """Give the target port back to the older revision that it was taken from."""
        await self._neighbours.return_port(self)

    def emit(self, reason: str, message: str, kind: EventType = "Normal") -> None:
        """Write to the app's system log."""
        self._emit(self.name, reason, message, kind)

    def fault(self, spec: ContainerSpec) -> str:
        """Name what shall go wrong with this start, on demand."""
        return self._workshop.fault(f"{self.spec.app}/{spec.name}")

    async def command(self, spec: ContainerSpec, fault: str) -> Command:
        """Say what to run for a container, with its volumes where it looks for them."""
        if fault == "one-gpu":
            await self._neighbours.wait_alone(self)
        self._check_volumes(spec, fault)
        if failure := START_FAULTS.get(fault):
            words = failure.message.format(name=spec.name, image=spec.image)
            self.emit(failure.reason, words, "Warning")
            raise failure.error(words)
        if not spec.command and not spec.args:
            raise ImagePullError(
                f"Image '{spec.image}' is not pulled here: aca-local runs commands of this computer. "
                f"Give container '{spec.name}' a command in the template."
            )
        venv = await self._workshop.environments.ensure(self._app_folder / "venv")
        mapped = spec if self._workshop.mounting else without_namespace(spec)
        azure = azure_variables(self.spec.app, self.spec.revision, self.name, self.local_port)
        return Command(
            argv=locate((*mapped.command, *mapped.args)) if fault != "crash" else ("/bin/sh", "-c", "exit 1"),
            folder=self._folder / spec.name,
            env=replica_environment(
                self._workshop.parent, venv, azure, without_target_port(mapped.env, self.target_port)
            ),
            mounts=spec.mounts if self._workshop.mounting else (),
            grace=self._workshop.pace.grace,
        )

    def _check_volumes(self, spec: ContainerSpec, fault: str) -> None:
        for mount in spec.mounts:
            denied = MOUNT_ERRORS.get(fault, "")
            missing = "" if mount.folder.is_dir() else "mount error(2): No such file or directory"
            failure = mount.failure or denied or missing
            if failure:
                words = f"MountVolume.SetUp failed for volume at '{mount.path}': {failure}"
                self.emit("VolumeMountFailure", words, "Warning")
                raise ReplicasError(words)

    def _container(self, spec: ContainerSpec, *, main: bool) -> Container:
        log = RotatingFile(self._folder / spec.name / "console.log")
        console: Journal[LogLine] = Journal(log, lambda line: f"{line.time.isoformat()} {line.text}")
        return Container(spec, self._probes(spec, main=main), self, console, self._workshop.pace)

    def _probes(self, spec: ContainerSpec, *, main: bool) -> dict[ProbeKind, Probe]:
        defaults = default_probes(self.target_port) if main else ()
        return {probe.kind: probe for probe in (*defaults, *spec.probes)}


def replica_name(revision: str) -> str:
    """Name a replica as Kubernetes does: the revision, a hash of its own, and five letters."""
    digest = sha256(revision.encode()).hexdigest()[:10]
    return f"{revision}-{digest}-{''.join(secrets.choice(LETTERS) for _ in range(5))}"


def free_port() -> int:
    """Ask the system for a free port of this computer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
