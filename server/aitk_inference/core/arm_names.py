"""Names of Azure Resource Manager: types and what people call them, ids and what they say, regions."""

from __future__ import annotations

_KINDS = {
    "microsoft.storage/storageaccounts": "Storage account",
    "microsoft.storage/storageaccounts/fileservices": "File service",
    "microsoft.storage/storageaccounts/fileservices/shares": "File share",
    "microsoft.operationalinsights/workspaces": "Log Analytics workspace",
    "microsoft.app/managedenvironments": "Container Apps environment",
    "microsoft.app/managedenvironments/storages": "Environment storage",
    "microsoft.app/containerapps": "Container app",
}


def kind(resource_type: str) -> str:
    """Return a resource type in words: ``Container app``."""
    return _KINDS.get(resource_type.lower(), resource_type)


def type_of(resource_id: str) -> str:
    """Return the type in an ARM id: ``Microsoft.App/containerApps``."""
    namespace, *rest = resource_id.rpartition("/providers/")[2].split("/")
    return "/".join([namespace, *rest[::2]])


def name_of(resource_id: str) -> str:
    """Return a resource's own name, the last part of its ARM id."""
    return resource_id.rpartition("/")[2]


def same(one: str, other: str) -> bool:
    """Return True if two of ARM's names or ids are the same: case does not count."""
    return one.lower() == other.lower()


def group_id(subscription_id: str, group: str) -> str:
    """Return the ARM id of a resource group."""
    return f"/subscriptions/{subscription_id}/resourceGroups/{group}"


def region_key(location: str) -> str:
    """Return a region's name as Azure compares it: ``West US 3`` is ``westus3``."""
    return location.replace(" ", "").lower()
