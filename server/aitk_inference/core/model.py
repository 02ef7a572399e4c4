"""The nouns of the product, as the flows know them: no SDK, no LSP, no JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from aitk_inference.core.arm_names import group_id

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
        seen_from: The directory whose token lists it, where that is another one (Azure Lighthouse).
    """

    id: str
    name: str
    tenant_id: str = ""
    is_local: bool = False
    seen_from: str = ""

    @property
    def sign_in_tenant(self) -> str | None:
        """Return the directory that tokens for it must be of; None: nobody knows."""
        return None if self.is_local else self.seen_from or self.tenant_id or None


@dataclass(frozen=True)
class Location:
    """A region: ``westus3`` and the name people read, ``West US 3``."""

    name: str
    display_name: str


@dataclass(frozen=True)
class ResourceGroup:
    """A resource group, the region that it is kept in, and its tags."""

    name: str
    location: str
    tags: Mapping[str, str] = field(default_factory=dict)


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
        tags: Its tags: who started it, and what it made.
    """

    state: DeploymentState
    outputs: Mapping[str, Json]
    error: ErrorNode | None = None
    template_hash: str = ""
    fingerprint: str = ""
    correlation_id: str = ""
    timestamp: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DeploymentRecord:
    """A deployment that Resource Manager remembers."""

    ref: DeploymentRef
    status: DeploymentStatus


@dataclass(frozen=True)
class AppRef:
    """Where a container app stands."""

    subscription_id: str
    resource_group: str
    name: str

    @property
    def id(self) -> str:
        """Return its ARM id."""
        return f"{group_id(self.subscription_id, self.resource_group)}/providers/Microsoft.App/containerApps/{self.name}"


@dataclass(frozen=True)
class Traffic:
    """How much of an app's traffic a revision gets; ``latest`` stands for whichever is the latest."""

    revision: str
    weight: int
    latest: bool = False


@dataclass(frozen=True)
class Revision:
    """A revision as it stands now.

    Attributes:
        active: Its replicas may run, and are billed.
        state: Azure's word: ``Running``, ``Failed``, ``Degraded``, ``Activating`` …
        details: Why, in Azure's words: ``The TargetPort 8080 does not match the listening port 80.``
        replicas: How many replicas it has.
    """

    name: str
    active: bool
    state: str
    details: str = ""
    replicas: int = 0


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
        probe_path: The path that its readiness probe asks for.
        ready_path: Where it says that its model answers (``READY_PATH`` of its container), or empty.
        external: False for an ingress that only the environment's own network reaches.
        key_file: The file with the key that the starter wants (``INFERENCE_API_KEY_FILE``), or empty.
        ip_rules: Names of the rules that let only some addresses in.
        several_revisions: True where more than one revision may be active.
        traffic: Who gets how much of the traffic; empty: the latest revision gets all.
        workload_profile: The name of its workload profile.
        command: What its first container starts with, arguments and all; empty: the image's own command.
        mount_path: Where the share is mounted in it.
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
    probe_path: str = "/"
    ready_path: str = ""
    external: bool = True
    key_file: str = ""
    ip_rules: tuple[str, ...] = ()
    several_revisions: bool = False
    traffic: tuple[Traffic, ...] = ()
    workload_profile: str = ""
    command: tuple[str, ...] = ()
    mount_path: str = "/mount"

    @property
    def is_stopped(self) -> bool:
        """Return True if somebody stopped it: nothing of it runs until somebody starts it."""
        return self.running_status.lower() == "stopped"

    @property
    def serving(self) -> tuple[str, ...]:
        """Return the revisions that get traffic, the one with the most first."""
        weights = sorted((part for part in self.traffic if part.weight > 0), key=lambda part: -part.weight)
        named = [(self.latest_revision or "") if part.latest else part.revision for part in weights]
        return tuple(dict.fromkeys(name for name in named if name)) or (
            (self.latest_revision,) if self.latest_revision else ()
        )


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

    @property
    def reasons(self) -> tuple[str, ...]:
        """The platform's words about it and its containers, each once."""
        said = (self.details, *(container.details for container in self.containers))
        return tuple(dict.fromkeys(words for words in said if words))


@dataclass(frozen=True)
class LogLine:
    """One line of a log.

    Attributes:
        source: ``console``, ``system``, or ``notice`` for what the reader of the log says.
        replica: Whose line it is, where that is known.
    """

    time: datetime | None
    text: str
    source: str = "console"
    replica: str = ""


@dataclass(frozen=True)
class ShareRef:
    """A file share of a storage account."""

    subscription_id: str
    resource_group: str
    account: str
    share: str

    @property
    def account_id(self) -> str:
        """Return its account's ARM id."""
        group = group_id(self.subscription_id, self.resource_group)
        return f"{group}/providers/Microsoft.Storage/storageAccounts/{self.account}"


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
        """Return True for a good answer (2xx or 3xx)."""
        return self.status is not None and 200 <= self.status < 400  # noqa: PLR2004 - HTTP's own numbers

    @property
    def answered(self) -> bool:
        """Return True for any answer of the app itself: a page that is missing or protected is one, too."""
        return self.status is not None and 200 <= self.status < 500  # noqa: PLR2004 - HTTP's own numbers


@dataclass(frozen=True)
class WorkloadProfile:
    """A workload profile of an environment: its name, type and node limits."""

    name: str
    type: str
    minimum_count: int | None = None
    maximum_count: int | None = None
