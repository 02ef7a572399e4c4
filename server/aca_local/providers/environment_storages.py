"""Microsoft.App/managedEnvironments/storages: shares that an environment's apps may mount (as recorded)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_local.providers import app_messages as messages
from aca_local.providers.app_records import STORAGES

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.kernel.resource_type import Document, Write
    from aca_local.providers.app_records import AzureFile, StorageRecord
    from aca_local.state import JsonObject

_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,78}[a-zA-Z0-9])?")


def write(cloud: Cloud, request: Write) -> StorageRecord:
    """Return a storage as a PUT asks for it; of an existing one only the key may change."""
    name = request.target.name
    if _NAME.fullmatch(name) is None:
        raise messages.STORAGE_NAME.error(name=name)
    file = (request.body.get("properties") or {}).get("azureFile") or {}
    for needed in ("accountName", "shareName", "accessMode"):
        if not file.get(needed):
            raise messages.STORAGE_NEEDS.error(name=name, property=needed)
    if file["accessMode"] not in {"ReadOnly", "ReadWrite"}:
        raise messages.STORAGE_ACCESS_MODE.error()
    shown: AzureFile = {
        "accountName": file["accountName"],
        "shareName": file["shareName"],
        "accessMode": file["accessMode"],
    }
    existing = cloud.store.get(STORAGES, request.target.key)
    key = file.get("accountKey") or (existing["private"]["accountKey"] if existing else None)
    if not key:
        raise messages.STORAGE_NEEDS.error(name=name, property="accountKey")
    if existing and existing["properties"]["azureFile"] != shown:
        raise messages.STORAGE_UPDATE.error(name=name)
    return {
        "id": str(request.target),
        "name": name,
        "type": "Microsoft.App/managedenvironments/storages",
        "properties": {"azureFile": shown},
        "private": {"accountKey": key},
    }


def missing(target: ResourceId) -> Exception:
    """Return the error of a storage that is not there (recorded wording)."""
    return messages.STORAGE_NOT_FOUND.error(name=target.name)


def show(_: Cloud, document: Document) -> JsonObject:
    """Return a storage without its key."""
    return {key: value for key, value in document.items() if key != "private"}
