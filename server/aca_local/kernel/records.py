"""What the store holds for all providers; what a provider's resources are, its own module says."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from aca_local.state import JSON, Kind

Action = Literal["put", "patch", "delete", "start", "stop", "whatIf"]

# How a long-running operation is answered: see responses.
Protocol = Literal["sync", "app", "storage", "insights", "arm"]


class SystemData(TypedDict):
    """Who made and last changed a resource, and when."""

    createdBy: str
    createdByType: str
    createdAt: str
    lastModifiedBy: str
    lastModifiedByType: str
    lastModifiedAt: str


class Identity(TypedDict, total=False):
    """A managed identity."""

    type: str
    principalId: str
    tenantId: str
    userAssignedIdentities: dict[str, UserIdentity]


class UserIdentity(TypedDict):
    """A user-assigned identity of a resource."""

    principalId: str
    clientId: str


class AnyProperties(TypedDict):
    """Of a resource's properties what every type may have."""

    provisioningState: str


class ResourceRecord(TypedDict):
    """A resource of any type, of which nothing is looked at but this."""

    id: str
    name: str
    type: str
    location: NotRequired[str]
    tags: NotRequired[dict[str, str]]
    properties: AnyProperties


class ErrorRecord(TypedDict):
    """How something ended badly."""

    code: str
    message: str
    target: NotRequired[str]
    details: NotRequired[list[ErrorRecord]]
    additionalInfo: NotRequired[list[dict[str, JSON]]]


class OperationRecord(TypedDict):
    """A long-running operation; ``result`` and ``done`` are what its end answers (a body, a status)."""

    name: str
    type: str
    target: str
    location: str
    action: Action
    status: str
    startTime: str
    endTime: NotRequired[str]
    error: ErrorRecord | None
    result: NotRequired[dict[str, JSON]]
    done: NotRequired[int]


class ActiveRecord(TypedDict):
    """Which operation is under way on a resource."""

    operation: str


class GroupProperties(TypedDict):
    """The state of a resource group."""

    provisioningState: str


class GroupRecord(TypedDict):
    """A resource group."""

    id: str
    name: str
    type: str
    location: str
    tags: NotRequired[dict[str, str]]
    managedBy: NotRequired[str]
    properties: GroupProperties


class RegistrationRecord(TypedDict):
    """Whether the subscription uses a provider."""

    state: str


class TypedValue(TypedDict):
    """A parameter or output of a deployment; a secure one has no value."""

    type: str
    value: NotRequired[JSON]


class DeploymentProperties(TypedDict):
    """What a deployment is, and how far it has got."""

    templateHash: str
    parameters: dict[str, TypedValue]
    mode: str
    provisioningState: str
    timestamp: str
    duration: str
    correlationId: str
    providers: list[dict[str, JSON]]
    dependencies: list[dict[str, JSON]]
    outputs: NotRequired[dict[str, TypedValue]]
    outputResources: NotRequired[list[dict[str, JSON]]]
    validatedResources: NotRequired[list[dict[str, JSON]]]
    error: NotRequired[ErrorRecord]


class DeploymentPrivate(TypedDict):
    """What carries a deployment out, and does so again after a crash."""

    template: dict[str, JSON]
    parameters: dict[str, JSON]
    started: str
    correlationId: str
    operationId: str
    location: NotRequired[str]
    nested: NotRequired[bool]


class DeploymentRecord(TypedDict):
    """A deployment of a template."""

    id: str
    name: str
    type: str
    location: NotRequired[str]
    tags: NotRequired[dict[str, str]]
    properties: DeploymentProperties
    private: DeploymentPrivate


class TargetResource(TypedDict):
    """The resource that a step of a deployment is about."""

    id: str
    resourceType: str
    resourceName: str


class StatusMessage(TypedDict):
    """How a step of a deployment failed."""

    status: NotRequired[str]
    error: ErrorRecord


class StepProperties(TypedDict):
    """One step of a deployment, as its list of operations shows it."""

    provisioningOperation: str
    provisioningState: str
    timestamp: str
    duration: str
    trackingId: str
    serviceRequestId: NotRequired[str]
    statusCode: NotRequired[str]
    statusMessage: NotRequired[StatusMessage]
    targetResource: NotRequired[TargetResource]


class StepRecord(TypedDict):
    """A deployment operation; ``waitsFor`` is the provider's operation on its resource."""

    id: str
    operationId: str
    properties: StepProperties
    started: NotRequired[str]
    waitsFor: NotRequired[str]


class UnsupportedRecord(TypedDict):
    """A request that aca-local does not know, and how often it came."""

    method: str
    path: str
    code: str
    count: int


class SecretRecord(TypedDict):
    """A secret of this instance, in hexadecimal digits."""

    value: str


RESOURCE: Kind[ResourceRecord] = Kind("resource")
OPERATION: Kind[OperationRecord] = Kind("operation")
ACTIVE: Kind[ActiveRecord] = Kind("active-operation")
GROUP: Kind[GroupRecord] = Kind("group")
REGISTRATION: Kind[RegistrationRecord] = Kind("registration")
DEPLOYMENT: Kind[DeploymentRecord] = Kind("deployment")
DEPLOYMENT_OPERATION: Kind[StepRecord] = Kind("deployment-operation")
UNSUPPORTED: Kind[UnsupportedRecord] = Kind("refused")
SECRET: Kind[SecretRecord] = Kind("secret")
