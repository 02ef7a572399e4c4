"""What the flows need from the cloud, as small Protocols; the person's is in ``interface.py``.

``azure/`` implements them. Every method raises only :class:`~aitk_inference.core.errors.AppError` and its
children: foreign errors end in ``azure/errors.py``. Every method is cancelled by cancelling its task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from aitk_inference.core.errors import Problem
    from aitk_inference.core.model import (
        AppRef,
        ContainerApp,
        DeploymentRef,
        DeploymentStatus,
        Environment,
        ExistingResources,
        Json,
        Location,
        LogLine,
        ProbeResult,
        Replica,
        ResourceGroup,
        ResourceOperation,
        ShareRef,
        Subscription,
        WorkloadProfile,
    )
    from aitk_inference.core.settings import Settings
    from aitk_inference.core.share import OpenedShare, ShareEntry


class EditorTokens(Protocol):
    """Tokens of the account that the editor is signed in with."""

    async def token(
        self,
        scopes: Sequence[str],
        *,
        tenant_id: str | None = None,
        claims: str | None = None,
        interactive: bool = True,
    ) -> tuple[str, int]:
        """A bearer token and when it expires (seconds since 1970).

        Args:
            scopes: For example ``https://management.azure.com/.default``.
            tenant_id: The directory that the token must be of; None: the account's own.
            claims: A claims challenge of the service (JSON text), which a new sign-in satisfies.
            interactive: False: only a session that exists; the person is not asked for anything.

        Raises:
            NotAuthenticated: the person is not signed in, or refused.
        """
        ...


class Subscriptions(Protocol):
    """A subscription's regions, resource groups and providers."""

    async def get(self, subscription_id: str) -> Subscription | None:
        """The subscription, or None when this person can't see it."""
        ...

    async def locations(self, subscription_id: str) -> Sequence[Location]:
        """Regions where container apps can be made, sorted by display name."""
        ...

    async def resource_groups(self, subscription_id: str) -> Sequence[ResourceGroup]:
        """Resource groups, sorted by name."""
        ...

    async def resource_group(self, subscription_id: str, name: str) -> ResourceGroup | None:
        """One resource group, or None."""
        ...

    async def create_resource_group(self, subscription_id: str, name: str, location: str) -> ResourceGroup:
        """Make it (or return the one that exists in that region)."""
        ...

    async def register(self, subscription_id: str, namespaces: Sequence[str]) -> Sequence[str]:
        """Register the providers that are not registered, and wait. Returns those newly registered."""
        ...


class Deployments(Protocol):
    """ARM deployments of a resource group."""

    async def start(
        self, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json], *, fingerprint: str
    ) -> None:
        """Ask for the deployment; returns once ARM accepted it.

        Args:
            ref: The name is the caller's choice; one stable name an app is enough.
            template: The ARM template.
            parameters: Parameter names to plain values.
            fingerprint: What tells this deployment from others of the same name: it goes into its tags and
                comes back as ``DeploymentStatus.fingerprint``. The caller makes it of what was wished for,
                without what was read from Azure, so that it is the same after a crash.

        Raises:
            ProvisionFailed: ARM refused the template or a parameter (preflight).
            Conflict: a deployment of that name with another fingerprint is running.
        """
        ...

    async def status(self, ref: DeploymentRef) -> DeploymentStatus | None:
        """The deployment as it stands, or None when there is none of that name."""
        ...

    async def operations(self, ref: DeploymentRef) -> Sequence[ResourceOperation]:
        """Its resources so far."""
        ...

    async def cancel(self, ref: DeploymentRef) -> bool:
        """Cancel it. False when there was nothing left to cancel."""
        ...


class ContainerApps(Protocol):
    """Container apps, revisions and replicas."""

    async def get(self, ref: AppRef) -> ContainerApp | None:
        """The app, or None."""
        ...

    async def environment(self, subscription_id: str, group: str, name: str) -> Environment | None:
        """The managed environment, or None."""
        ...

    async def existing(self, subscription_id: str, group: str, names: Mapping[str, str]) -> ExistingResources:
        """What is already there.

        Args:
            subscription_id: The subscription.
            group: The resource group.
            names: The resources' names by template parameter: ``storageAccountName``, ``fileShareName``,
                ``acaEnvironmentName``, ``acaLogAnalyticsName``, ``acaAppName``.
        """
        ...

    async def add_workload_profile(
        self, subscription_id: str, group: str, environment: str, profile: WorkloadProfile
    ) -> None:
        """Add one profile to an environment that exists (a PATCH that keeps the others), and wait."""
        ...

    async def restart(self, ref: AppRef, revision: str) -> None:
        """Restart a revision: new replicas of the same revision."""
        ...

    async def replicas(self, ref: AppRef, revision: str) -> Sequence[Replica]:
        """The revision's replicas, oldest first."""
        ...

    async def start(self, ref: AppRef) -> None:
        """Start a stopped app."""
        ...

    async def stop(self, ref: AppRef) -> None:
        """Stop the app: no replica, no bill for one."""
        ...

    def console(
        self, ref: AppRef, revision: str, replica: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        """Console lines of a replica's first container: the last ``tail`` (0 to 300), then new ones."""
        ...

    def events(self, ref: AppRef, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
        """System log lines of the app (image pulls, volume mounts, probes, restarts)."""
        ...


class Share(Protocol):
    """One file share, opened. Paths are relative, ``/`` between parts.

    Requests that can be sent again are, with growing waits, as the service asks; how many are in flight at
    once is the share's to decide: callers start as many as they have memory for.
    """

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repeated ones included."""
        ...

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        """Entries of one folder, one level deep, with ETag and last write time; empty when it is missing."""
        ...

    async def entry(self, path: str) -> ShareEntry | None:
        """One file as a list would show it, and its MD5 where somebody noted it; None when it is missing."""
        ...

    async def read(self, path: str) -> bytes | None:
        """A whole small file, or None."""
        ...

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> bool:
        """Make one folder. False when it was there already: atomic, so a lock can be built on it.

        Metadata that nobody else would write (a random owner) makes it exact: a folder that is there with
        this very metadata counts as made now, since the first answer may have been lost.
        """
        ...

    async def directory_metadata(self, path: str) -> Mapping[str, str] | None:
        """A folder's metadata, or None when it is missing."""
        ...

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        """Replace a folder's metadata."""
        ...

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of at most 4 MiB, atomically where the service can, keeping its time."""
        ...

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of a size, zeros inside; its ranges follow."""
        ...

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        """Write at most 4 MiB at an offset; the file's last write time stays."""
        ...

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        """The parts of a file that were written: first byte and the one after the last, ascending."""
        ...

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        """Copy a file within the share, without its content passing through here; waits for the end."""
        ...

    async def rename(self, source: str, target: str, *, replace: bool) -> None:
        """Rename a file; atomic. With ``replace`` the target may exist."""
        ...

    async def rename_directory(self, source: str, target: str) -> bool:
        """Rename a folder; False when the source is gone or the target exists: one of several racers wins."""
        ...

    async def delete_file(self, path: str) -> bool:
        """Delete a file; False when it was not there."""
        ...

    async def delete_directory(self, path: str) -> bool:
        """Delete an empty folder; False when it was not there or is not empty."""
        ...


class Shares(Protocol):
    """File shares."""

    def open(self, ref: ShareRef) -> AbstractAsyncContextManager[Share]:
        """Open a share with the account's key, or the person's token where keys are forbidden."""
        ...


class EndpointProbe(Protocol):
    """Asks the web API whether it answers."""

    async def get(self, url: str, *, timeout: float) -> ProbeResult:
        """One GET; ``timeout`` in seconds. Never raises for a server that does not answer."""
        ...


class TemplateCompiler(Protocol):
    """Turns Bicep into a template."""

    async def compile(self, source: Path) -> Json:
        """The compiled ARM template of a ``.bicep`` file.

        Raises:
            InvalidProject: the Bicep file has errors, with their places.
            NotFound: there is no Bicep CLI.
        """
        ...

    async def compile_parameters(self, source: Path) -> Json:
        """The parameters file (JSON) of a ``.bicepparam`` file.

        Raises:
            InvalidProject: it has errors, or the template that it uses has, with their places.
            NotFound: there is no Bicep CLI.
        """
        ...

    async def lint(self, source: Path) -> Sequence[Problem]:
        """Warnings and errors of a ``.bicep`` file, and of the files that it uses.

        Raises:
            NotFound: there is no Bicep CLI.
        """
        ...


class Clock(Protocol):
    """Time, so that tests need not wait."""

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    def now(self) -> datetime:
        """The time, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True)
class Cloud:
    """Everything that a flow may touch outside the project folder, for one target.

    Attributes:
        is_local: True for aca-local on this computer.
    """

    subscriptions: Subscriptions
    deployments: Deployments
    apps: ContainerApps
    shares: Shares
    probe: EndpointProbe
    compiler: TemplateCompiler
    clock: Clock
    is_local: bool = False


class Clouds(Protocol):
    """The targets: Azure, and the local one. Opening one may start it or sign in, so it happens late."""

    @property
    def local(self) -> Subscription:
        """The local target as a subscription to choose; ``local`` names it everywhere a person types."""
        ...

    async def subscriptions(self, *, interactive: bool) -> Sequence[Subscription]:
        """Azure subscriptions of the signed-in person.

        Args:
            interactive: False disturbs nobody (it uses a sign-in that exists); True may ask to sign in.

        Raises:
            NotAuthenticated: nobody is signed in, or the sign-in was refused.
        """
        ...

    async def local_running(self) -> bool:
        """True when the local target runs already (opening it would not start it)."""
        ...

    async def stop_local(self) -> None:
        """End the local target; its state stays on disk. Nothing happens when it does not run."""
        ...

    def open(self, subscription_id: str) -> AbstractAsyncContextManager[Cloud]:
        """The target that a subscription id belongs to (``local`` is understood)."""
        ...


MakeCompiler: TypeAlias = "Callable[[Settings], AbstractAsyncContextManager[TemplateCompiler]]"
"""How ``__main__`` hands the compiler to a front end; leaving it ends the CLI."""

OpenShare: TypeAlias = "Callable[[str], AbstractAsyncContextManager[OpenedShare]]"
"""Opens the share that a URL names, with its signature or the environment's connection string."""

Wire: TypeAlias = "Callable[[Settings, EditorTokens | None], Clouds]"
"""How ``__main__`` hands the composition root to a front end: adapters made, nothing opened yet."""
