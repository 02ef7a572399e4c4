"""What the store holds of Microsoft.App: environments and storages, apps and revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from aca_local.state import JSON, Kind

if TYPE_CHECKING:
    from aca_local.kernel.records import Identity, SystemData

APP = "Microsoft.App/containerApps"
ENVIRONMENT = "Microsoft.App/managedEnvironments"


class EnvVar(TypedDict):
    """A variable of a container."""

    name: str
    value: NotRequired[str]
    secretRef: NotRequired[str]


class VolumeMount(TypedDict):
    """Where a volume appears in a container."""

    volumeName: str
    mountPath: str
    subPath: NotRequired[str]


class ProbeHeader(TypedDict):
    """A header of a probe's request."""

    name: str
    value: str


class ProbeTarget(TypedDict):
    """What a probe asks: by HTTP, or by TCP, of which only the port counts."""

    port: int
    path: NotRequired[str]
    scheme: NotRequired[str]
    httpHeaders: NotRequired[list[ProbeHeader]]


class ProbeRecord(TypedDict):
    """A probe of a container."""

    type: str
    httpGet: NotRequired[ProbeTarget]
    tcpSocket: NotRequired[ProbeTarget]
    initialDelaySeconds: NotRequired[int]
    periodSeconds: NotRequired[int]
    timeoutSeconds: NotRequired[int]
    successThreshold: NotRequired[int]
    failureThreshold: NotRequired[int]


class ContainerResources(TypedDict):
    """What a container is given."""

    cpu: float
    memory: str
    ephemeralStorage: str


class ContainerRecord(TypedDict):
    """A container of a template."""

    name: str
    image: str
    resources: ContainerResources
    imageType: NotRequired[str]
    command: NotRequired[list[str]]
    args: NotRequired[list[str]]
    env: NotRequired[list[EnvVar]]
    probes: NotRequired[list[ProbeRecord]]
    volumeMounts: NotRequired[list[VolumeMount]]


class SecretFile(TypedDict):
    """A secret as a file of a secret volume."""

    secretRef: str
    path: NotRequired[str]


class VolumeRecord(TypedDict):
    """A volume of a template."""

    name: str
    storageType: str
    storageName: NotRequired[str]
    secrets: NotRequired[list[SecretFile] | None]


class ScaleRecord(TypedDict):
    """How many replicas there may be."""

    minReplicas: int | None
    maxReplicas: int
    cooldownPeriod: int
    pollingInterval: int
    rules: list[dict[str, JSON]] | None


class TemplateRecord(TypedDict):
    """The part of an app that makes a revision."""

    revisionSuffix: str
    terminationGracePeriodSeconds: int | None
    containers: list[ContainerRecord]
    initContainers: None
    scale: ScaleRecord
    volumes: list[VolumeRecord] | None
    serviceBinds: None


class TrafficRecord(TypedDict):
    """How much of the traffic goes to a revision, in percent."""

    weight: NotRequired[int]
    revisionName: NotRequired[str]
    latestRevision: NotRequired[bool]
    label: NotRequired[str]


class AddressRule(TypedDict):
    """Who may reach an app, or may not; all rules of an app allow, or all deny."""

    name: str
    ipAddressRange: str
    action: str


class IngressRecord(TypedDict):
    """How an app is reached."""

    fqdn: str | None
    external: bool
    targetPort: int
    exposedPort: int
    transport: str
    traffic: list[TrafficRecord]
    allowInsecure: bool
    customDomains: list[dict[str, JSON]] | None
    ipSecurityRestrictions: list[AddressRule] | None
    corsPolicy: dict[str, JSON] | None
    clientCertificateMode: str | None
    stickySessions: dict[str, JSON] | None
    additionalPortMappings: list[dict[str, JSON]] | None
    targetPortHttpScheme: str | None


class SecretName(TypedDict):
    """A secret without its value."""

    name: str


class SecretValue(TypedDict):
    """A secret of an app or job."""

    name: str
    value: str


class AppConfiguration(TypedDict):
    """The part of an app that all of its revisions share."""

    secrets: list[SecretName] | None
    activeRevisionsMode: str
    ingress: IngressRecord | None
    registries: list[dict[str, JSON]] | None
    dapr: dict[str, JSON] | None
    maxInactiveRevisions: int
    service: dict[str, JSON] | None
    runtime: dict[str, JSON] | None
    targetLabel: str
    revisionTransitionThreshold: int | None
    identitySettings: list[dict[str, JSON]]


class AppProperties(TypedDict):
    """An app as it is."""

    provisioningState: str
    runningStatus: str
    managedEnvironmentId: str
    environmentId: str
    workloadProfileName: str | None
    patchingMode: str
    outboundIpAddresses: list[str]
    latestRevisionName: str
    latestReadyRevisionName: str
    latestRevisionFqdn: str
    customDomainVerificationId: str
    configuration: AppConfiguration
    template: TemplateRecord
    eventStreamEndpoint: str | None
    delegatedIdentities: list[dict[str, JSON]]


class AppPrivate(TypedDict):
    """What is never shown of an app or job."""

    secrets: list[SecretValue]


class AppRecord(TypedDict):
    """A container app."""

    id: str
    name: str
    type: str
    location: str
    systemData: SystemData
    properties: AppProperties
    identity: Identity
    tags: NotRequired[dict[str, str]]
    private: AppPrivate


class RevisionRecord(TypedDict):
    """A revision of an app."""

    name: str
    created: str
    template: TemplateRecord
    active: bool


class ProfileRecord(TypedDict):
    """A workload profile of an environment; node counts only of dedicated ones."""

    workloadProfileType: str
    name: str
    minimumCount: NotRequired[int]
    maximumCount: NotRequired[int]


class AnalyticsRecord(TypedDict):
    """The workspace that an environment's logs go to."""

    customerId: str
    sharedKey: None
    dynamicJsonColumns: bool


class LogsRecord(TypedDict):
    """Where an environment's logs go."""

    destination: str | None
    logAnalyticsConfiguration: AnalyticsRecord | None


class EnvironmentProperties(TypedDict):
    """An environment as it is."""

    provisioningState: str
    daprAIInstrumentationKey: None
    daprAIConnectionString: None
    vnetConfiguration: dict[str, JSON] | None
    defaultDomain: str
    staticIp: str
    appLogsConfiguration: LogsRecord
    openTelemetryConfiguration: None
    appInsightsConfiguration: None
    ingressConfiguration: None
    diskEncryptionConfiguration: None
    availabilityZones: None
    publicNetworkAccess: str
    zoneRedundant: bool
    kedaConfiguration: dict[str, JSON]
    daprConfiguration: dict[str, JSON]
    eventStreamEndpoint: str | None
    customDomainConfiguration: dict[str, JSON]
    workloadProfiles: list[ProfileRecord] | None
    infrastructureResourceGroup: str | None
    peerAuthentication: dict[str, JSON]
    peerTrafficConfiguration: dict[str, JSON]


class EnvironmentPrivate(TypedDict):
    """What is never shown of an environment."""

    sharedKey: str | None


class EnvironmentRecord(TypedDict):
    """A managed environment."""

    id: str
    name: str
    type: str
    location: str
    systemData: SystemData
    properties: EnvironmentProperties
    identity: NotRequired[Identity]
    tags: NotRequired[dict[str, str]]
    private: EnvironmentPrivate


class AzureFile(TypedDict):
    """A share that an environment's apps may mount."""

    accountName: str
    shareName: str
    accessMode: str


class StorageProperties(TypedDict):
    """What a storage of an environment is."""

    azureFile: AzureFile


class StoragePrivate(TypedDict):
    """The key of a storage, which is never shown."""

    accountKey: str


class StorageRecord(TypedDict):
    """A storage of an environment."""

    id: str
    name: str
    type: str
    properties: StorageProperties
    private: StoragePrivate


# Resources of one type, as they lie in the store among all others.
APPS: Kind[AppRecord] = Kind("resource")
ENVIRONMENTS: Kind[EnvironmentRecord] = Kind("resource")
STORAGES: Kind[StorageRecord] = Kind("resource")
REVISIONS: Kind[RevisionRecord] = Kind("revision")
