"""What the store holds of jobs of Microsoft.App, and of their executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from aca_local.state import JSON, Kind

if TYPE_CHECKING:
    from aca_local.kernel.records import Identity, SystemData
    from aca_local.providers.app_records import AppPrivate, ContainerRecord, SecretName, VolumeRecord

JOB = "Microsoft.App/jobs"


class ManualTrigger(TypedDict):
    """How many replicas an execution has."""

    replicaCompletionCount: int
    parallelism: int


class JobConfiguration(TypedDict):
    """How a job is started and when it is given up."""

    secrets: list[SecretName] | None
    triggerType: str
    replicaTimeout: int
    replicaRetryLimit: int
    manualTriggerConfig: ManualTrigger
    scheduleTriggerConfig: None
    eventTriggerConfig: None
    registries: list[dict[str, JSON]] | None


class JobTemplate(TypedDict):
    """What an execution of a job runs."""

    containers: list[ContainerRecord]
    initContainers: None
    volumes: list[VolumeRecord] | None


class JobProperties(TypedDict):
    """A job as it is."""

    provisioningState: str
    environmentId: str
    workloadProfileName: str | None
    outboundIpAddresses: list[str]
    configuration: JobConfiguration
    template: JobTemplate


class JobRecord(TypedDict):
    """A job."""

    id: str
    name: str
    type: str
    location: str
    systemData: SystemData
    properties: JobProperties
    identity: Identity
    tags: NotRequired[dict[str, str]]
    private: AppPrivate


class ExecutionTemplate(TypedDict):
    """What an execution runs."""

    containers: list[ContainerRecord]
    initContainers: None


class ExecutionProperties(TypedDict):
    """How an execution of a job goes."""

    status: str
    startTime: str
    endTime: NotRequired[str]
    template: ExecutionTemplate


class ExecutionRecord(TypedDict):
    """An execution of a job."""

    id: str
    name: str
    type: str
    properties: ExecutionProperties


JOBS: Kind[JobRecord] = Kind("resource")
EXECUTIONS: Kind[ExecutionRecord] = Kind("job-execution")
