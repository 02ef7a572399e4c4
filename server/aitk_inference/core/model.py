"""The nouns of the product, as the flows know them: no SDK, no LSP, no JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aitk_inference.core.errors import ErrorNode

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""A JSON value as ``json.loads`` returns it."""


@dataclass(frozen=True)
class Subscription:
    """A subscription that the signed-in person can use.

    Attributes:
        id: The subscription's GUID.
        name: Its display name.
        tenant_id: The directory that it belongs to.
        is_local: True for the local target (aca-local on this computer).
    """

    id: str
    name: str
    tenant_id: str = ""
    is_local: bool = False


@dataclass(frozen=True)
class Location:
    """A region: ``westus3`` and the name people read, ``West US 3``."""

    name: str
    display_name: str


@dataclass(frozen=True)
class ResourceGroup:
    """A resource group and the region that it is kept in."""

    name: str
    location: str


@dataclass(frozen=True)
class DeploymentRef:
    """Where a deployment stands: subscription, resource group and its own name."""

    subscription_id: str
    resource_group: str
    name: str


class DeploymentState(StrEnum):
    """The states of an ARM deployment that matter to a reader."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def is_final(self) -> bool:
        """True once nothing moves any more."""
        return self is not DeploymentState.RUNNING


@dataclass(frozen=True)
class ResourceOperation:
    """One resource of a deployment and how far it is.

    Attributes:
        resource_id: ARM id.
        type: For example ``Microsoft.App/containerApps``.
        name: The resource's own name.
        state: ARM's word: ``Running``, ``Succeeded``, ``Failed`` …
        error: Why it failed.
    """

    resource_id: str
    type: str
    name: str
    state: str
    error: ErrorNode | None = None


@dataclass(frozen=True)
class DeploymentStatus:
    """A deployment as it stands now.

    Attributes:
        state: Running until final.
        outputs: The template's outputs by name, once it succeeded.
        error: The error tree, once it failed.
        template_hash: ARM's hash of the template alone, in ARM's own algorithm.
        fingerprint: The one that it was started with, kept in its tags; empty for one that another tool
            started. Equal and succeeded: the same deployment need not be repeated.
        correlation_id: What Azure's support asks for.
        timestamp: When the state last changed, UTC.
    """

    state: DeploymentState
    outputs: Mapping[str, Json]
    error: ErrorNode | None = None
    template_hash: str = ""
    fingerprint: str = ""
    correlation_id: str = ""
    timestamp: datetime | None = None


@dataclass(frozen=True)
class AppRef:
    """Where a container app stands."""

    subscription_id: str
    resource_group: str
    name: str


@dataclass(frozen=True)
class ContainerApp:
    """A container app as it stands now.

    Attributes:
        ref: Where it stands.
        endpoint: ``https://…`` (``http://127.0.0.1:…`` on the local target), or None without ingress.
        latest_revision: The revision that a restart is asked of.
        provisioning_state: ARM's word.
        running_status: ``Running``, ``Stopped`` …
        environment_id: ARM id of its managed environment.
        min_replicas: Replicas kept when nobody asks anything; 0 scales to zero.
        max_replicas: The most replicas at a time.
        portal_url: Its page in the portal, or None on the local target.
    """

    ref: AppRef
    endpoint: str | None
    latest_revision: str | None
    provisioning_state: str
    running_status: str
    environment_id: str = ""
    min_replicas: int = 0
    max_replicas: int = 1
    portal_url: str | None = None


@dataclass(frozen=True)
class ContainerStatus:
    """One container of a replica; ``started`` means that its startup probe passed."""

    name: str
    ready: bool
    started: bool
    restart_count: int
    running_state: str
    details: str = ""


@dataclass(frozen=True)
class Replica:
    """One running copy of a revision.

    Attributes:
        name: The replica's name, new with each restart of the revision.
        created: When it was made, UTC.
        running_state: ``Running``, ``NotRunning``, ``Unknown``.
        details: Azure's own words on the state.
        containers: Its containers.
    """

    name: str
    created: datetime | None
    running_state: str
    details: str = ""
    containers: tuple[ContainerStatus, ...] = ()

    @property
    def restarts(self) -> int:
        """How often containers of this replica were started again after a crash."""
        return sum(container.restart_count for container in self.containers)

    @property
    def ready(self) -> bool:
        """True when every container answers its readiness probe."""
        return bool(self.containers) and all(container.ready for container in self.containers)


@dataclass(frozen=True)
class LogLine:
    """One line of a container's console or of the system log; ``source`` is ``console`` or ``system``."""

    time: datetime | None
    text: str
    source: str = "console"


@dataclass(frozen=True)
class ShareRef:
    """A file share of a storage account."""

    subscription_id: str
    resource_group: str
    account: str
    share: str


@dataclass(frozen=True)
class ProbeResult:
    """An answer (or none) of the endpoint.

    Attributes:
        status: HTTP status; None when nothing answered.
        detail: One line for people: the error, or the body's first line.
    """

    status: int | None
    detail: str = ""

    @property
    def ok(self) -> bool:
        """True for a good answer (2xx or 3xx)."""
        return self.status is not None and 200 <= self.status < 400  # noqa: PLR2004 - HTTP's own numbers


@dataclass(frozen=True)
class WorkloadProfile:
    """A workload profile of an environment: its name, type and node limits."""

    name: str
    type: str
    minimum_count: int | None = None
    maximum_count: int | None = None


@dataclass(frozen=True)
class Environment:
    """A managed environment that exists, perhaps half-made: ``provisioning_state`` is ARM's word."""

    name: str
    location: str
    workload_profiles: tuple[WorkloadProfile, ...]
    provisioning_state: str = "Succeeded"


@dataclass(frozen=True)
class ExistingResources:
    """What of the template's resources is already there.

    Attributes:
        storage_account: True when the account exists in the resource group.
        file_share: True when the share exists in it.
        log_analytics: True when the workspace exists.
        environment: The managed environment, or None.
        app: The container app, or None.
        app_document: The app as ARM's GET answers it in the template's API version (2024-03-01), ``{}`` when
            there is none: what the template's ``existingApp`` takes.
        app_secrets: What ``listSecrets`` on the app answers (``{"value": [...]}``), or ``{}``.
            Never shown, never logged.
    """

    storage_account: bool = False
    file_share: bool = False
    log_analytics: bool = False
    environment: Environment | None = None
    app: ContainerApp | None = None
    app_document: Mapping[str, Json] = field(default_factory=dict, repr=False)
    app_secrets: Mapping[str, Json] = field(default_factory=dict, repr=False)
