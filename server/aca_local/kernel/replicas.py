"""What a replica is: the data that goes in and out of the supervisor, and the ports it is spoken to through.

The names follow Microsoft.App's ``ContainerAppContainer``, ``ContainerAppProbe`` and ``ReplicaProperties``
(OpenAPI, 2025-01-01). Times are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path


ProbeKind = Literal["Liveness", "Readiness", "Startup"]
RunningState = Literal["Running", "Waiting", "Terminated"]
ReplicaRunningState = Literal["Running", "NotRunning", "Unknown"]
EventType = Literal["Normal", "Warning"]


@dataclass(frozen=True)
class PastLine:
    """One line that a container of a replica wrote."""

    time: datetime
    revision: str
    replica: str
    container: str
    text: str


@dataclass(frozen=True)
class Mount:
    """A folder of this computer standing where a volume is mounted (``path``, absolute, POSIX).

    ``failure`` says why Azure could not mount it (a wrong account key: ``mount error(13): Permission
    denied``); the replica then waits, and the system log holds the words. ``files``: of a secret volume,
    the values by path; the supervisor writes them and knows their folder.
    """

    path: str
    folder: Path
    read_only: bool = False
    failure: str = ""
    files: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Probe:
    """One probe of a container; ``scheme`` "tcp" only connects, "http" and "https" ask for ``path``.

    The defaults are those of Container Apps (https://learn.microsoft.com/azure/container-apps/health-probes).
    """

    kind: ProbeKind
    port: int
    scheme: Literal["http", "https", "tcp"] = "tcp"
    path: str = "/"
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    success_threshold: int = 1
    failure_threshold: int = 3
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ContainerSpec:
    """One container of a template; secrets in ``env`` are resolved already.

    ``once``: it is not started again when it has ended (a job).
    """

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    probes: tuple[Probe, ...] = ()
    cpu: float = 0.5
    memory: str = "1Gi"
    once: bool = False


@dataclass(frozen=True)
class RevisionSpec:
    """One revision of an app (``app_id`` is its ARM id) with the number of its replicas."""

    app_id: str
    app: str
    revision: str
    containers: tuple[ContainerSpec, ...]
    min_replicas: int = 1
    max_replicas: int = 1
    target_port: int | None = None


@dataclass(frozen=True)
class TrafficTarget:
    """A revision that gets a share of an app's traffic, in percent; a label is a name of its own."""

    revision: str
    weight: int
    label: str = ""


@dataclass(frozen=True)
class AccessRules:
    """Who may enter an app: the ``ranges`` alone, or all but them; an internal app is for replicas."""

    external: bool = True
    ranges: tuple[str, ...] = ()
    allow: bool = True


@dataclass(frozen=True)
class ContainerState:
    """How one container of a replica is doing."""

    name: str
    container_id: str
    running_state: RunningState
    running_state_details: str
    ready: bool
    started: bool
    restart_count: int


@dataclass(frozen=True)
class ReplicaState:
    """How one replica is doing; ``created`` is aware (UTC)."""

    name: str
    created: datetime
    running_state: ReplicaRunningState
    running_state_details: str
    containers: tuple[ContainerState, ...]

    @property
    def ready(self) -> bool:
        """Return True if traffic may go to it: it runs, and every container is ready."""
        running = self.running_state == "Running"
        return running and bool(self.containers) and all(one.ready for one in self.containers)


@dataclass(frozen=True)
class LogLine:
    """One line that a container wrote, without its line end."""

    time: datetime
    text: str


@dataclass(frozen=True)
class SystemEvent:
    """One line of the system log (``eventstream``): ``reason`` and ``message`` in Azure's words."""

    time: datetime
    reason: str
    message: str
    type: EventType = "Normal"
    count: int = 1
    app: str = ""
    revision: str = ""
    replica: str = ""


class ReplicasError(Exception):
    """The supervisor refused a request; its text can be shown.

    ``waiting`` is how a container is called that waits because of it.
    """

    waiting = "CreateContainerError"


class ImagePullError(ReplicasError):
    """A container without a command needs its image, which is not pulled here (or was made to fail)."""

    waiting = "ImagePullBackOff"


class SpecChangedError(ReplicasError):
    """A revision was applied again with another template; a revision never changes."""


class NotRunningError(ReplicasError):
    """The revision, replica or container that was asked for is not known."""


class Replicas(Protocol):
    """The supervisor of replicas, as the resource providers see it."""

    async def apply(self, spec: RevisionSpec) -> None:
        """Start the replicas of a revision; a second time starts nothing.

        New values of the environment (secrets) and of ``Mount.failure`` are taken over at the next restart,
        those of secret volumes are written at once, as Kubernetes does; any other change of a revision
        raises SpecChangedError.
        """

    async def restart(self, app_id: str, revision: str) -> None:
        """Replace the running replicas with new ones of the same revision. Raises NotRunningError."""

    async def stop(self, app_id: str, revision: str) -> None:
        """End the replicas of a revision; of an unknown one, nothing."""

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        """List the replicas of a revision, newest last; of an unknown one, none."""

    def console(
        self, app_id: str, revision: str, replica: str, container: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        """Read the last ``tail`` lines of a container, then what it writes. Raises NotRunningError."""

    def events(self, app_id: str, *, tail: int, follow: bool) -> AsyncIterator[SystemEvent]:
        """Read the last ``tail`` system events of an app, then what happens next."""

    def past_lines(self, app_id: str) -> Iterator[PastLine]:
        """Read all console lines that are kept of an app, of ended replicas too; oldest first.

        It reads files and may be called on another thread.
        """

    def past_events(self, app_id: str) -> Iterator[SystemEvent]:
        """Read all system events that are kept of an app, oldest first; as ``past_lines`` otherwise."""


class Ingress(Protocol):
    """The front door of apps, as the resource providers see it."""

    async def expose(self, app_id: str, app: str, *, target_port: int) -> str:
        """Open the app's own port; answer its host, ``127.0.0.1:<port>``, the same after a restart."""

    async def route(self, app_id: str, traffic: Sequence[TrafficTarget], access: AccessRules) -> None:
        """Split the app's traffic like this from now on."""

    async def conceal(self, app_id: str) -> None:
        """Close the app's port; it is the same when it opens again, as the FQDN of an app is."""

    async def withdraw(self, app_id: str) -> None:
        """Close the app's port for good and free it."""
