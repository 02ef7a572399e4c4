"""What people call Azure's resource types."""

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
    """A resource type in words: ``Container app``."""
    return _KINDS.get(resource_type.lower(), resource_type)
