"""What the store holds of storage accounts, their file services, and Log Analytics workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

from aca_local.state import JSON, Kind

if TYPE_CHECKING:
    from aca_local.kernel.records import Identity

ACCOUNT = "Microsoft.Storage/storageAccounts"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"


class Sku(TypedDict):
    """What an account is bought as."""

    name: str
    tier: str


class AccountKey(TypedDict):
    """One of the two keys of an account."""

    creationTime: str
    keyName: str
    value: str
    permissions: str


class AccountPrivate(TypedDict):
    """What is never shown of an account."""

    keys: list[AccountKey]


class AccountProperties(TypedDict):
    """An account as it is."""

    provisioningState: str
    creationTime: str
    keyCreationTime: dict[str, str]
    primaryEndpoints: dict[str, str]
    primaryLocation: str
    statusOfPrimary: str
    encryption: dict[str, JSON]
    privateEndpointConnections: list[dict[str, JSON]]
    allowBlobPublicAccess: bool
    allowCrossTenantDelegationSas: bool
    allowCrossTenantReplication: bool
    allowSharedKeyAccess: NotRequired[bool]
    defaultToOAuthAuthentication: NotRequired[bool]
    isHnsEnabled: NotRequired[bool]
    largeFileSharesState: NotRequired[str]
    minimumTlsVersion: str
    networkAcls: dict[str, JSON]
    publicNetworkAccess: NotRequired[str]
    supportsHttpsTrafficOnly: bool
    accessTier: str


class AccountRecord(TypedDict):
    """A storage account."""

    id: str
    name: str
    type: str
    location: str
    sku: Sku
    kind: str
    tags: dict[str, str]
    identity: NotRequired[Identity]
    properties: AccountProperties
    private: AccountPrivate


class Retention(TypedDict):
    """How long deleted shares are kept."""

    enabled: NotRequired[bool]
    days: NotRequired[int]


class FileServiceProperties(TypedDict):
    """The settings of a file service."""

    shareDeleteRetentionPolicy: Retention
    protocolSettings: dict[str, JSON]
    cors: dict[str, JSON]


class FileServiceRecord(TypedDict):
    """The file service of an account."""

    id: str
    name: str
    type: str
    sku: Sku
    properties: FileServiceProperties


class WorkspaceSku(TypedDict):
    """What a workspace is bought as."""

    name: str
    lastSkuUpdate: str


class WorkspaceProperties(TypedDict):
    """A workspace as it is."""

    customerId: str
    provisioningState: str
    sku: WorkspaceSku
    retentionInDays: int
    features: dict[str, JSON]
    workspaceCapping: dict[str, JSON]
    publicNetworkAccessForIngestion: str
    publicNetworkAccessForQuery: str
    createdDate: str
    modifiedDate: str


class WorkspaceKeys(TypedDict):
    """The keys of a workspace."""

    primary: str
    secondary: str


class WorkspaceRecord(TypedDict):
    """A Log Analytics workspace."""

    id: str
    name: str
    type: str
    location: str
    tags: dict[str, str]
    etag: str
    properties: WorkspaceProperties
    private: WorkspaceKeys


ACCOUNTS: Kind[AccountRecord] = Kind("resource")
FILE_SERVICES: Kind[FileServiceRecord] = Kind("resource")
WORKSPACES: Kind[WorkspaceRecord] = Kind("resource")
DELETED_WORKSPACES: Kind[WorkspaceRecord] = Kind("deletedWorkspace")
