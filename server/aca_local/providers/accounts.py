"""Microsoft.Storage: storage accounts and their keys (shapes as recorded, and OpenAPI
2023-05-01).
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING

from aca_local.arm import locations
from aca_local.arm.errors import ArmError
from aca_local.arm.operations import active_operation
from aca_local.providers.model import RESOURCE, Call, ResourceType, Write
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.ids import ResourceId
    from aca_local.state import JsonObject

ACCOUNT = "Microsoft.Storage/storageAccounts"
API_VERSIONS = (
    "2026-09-01",
    "2026-06-01",
    "2026-04-01",
    "2025-08-01",
    "2025-06-01",
    "2025-01-01",
    "2024-01-01",
    "2023-05-01",
    "2023-04-01",
    "2023-01-01",
    "2022-09-01",
    "2022-05-01",
    "2021-09-01",
    "2021-08-01",
    "2021-06-01",
    "2021-05-01",
    "2021-04-01",
    "2021-02-01",
    "2021-01-01",
    "2019-06-01",
    "2019-04-01",
    "2018-11-01",
    "2018-07-01",
    "2018-02-01",
    "2017-10-01",
)

ACCOUNT_LIMIT = 250  # a region and subscription
_NAME = re.compile(r"[a-z0-9]{3,24}")
_SKUS = frozenset(
    {
        "Standard_LRS",
        "Standard_GRS",
        "Standard_RAGRS",
        "Standard_ZRS",
        "Standard_GZRS",
        "Standard_RAGZRS",
        "Premium_LRS",
        "Premium_ZRS",
    }
)
_KINDS = frozenset({"Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage"})
_KEPT = (
    "allowBlobPublicAccess",
    "allowCrossTenantDelegationSas",
    "allowCrossTenantReplication",
    "allowSharedKeyAccess",
    "defaultToOAuthAuthentication",
    "isHnsEnabled",
    "largeFileSharesState",
    "minimumTlsVersion",
    "networkAcls",
    "publicNetworkAccess",
    "supportsHttpsTrafficOnly",
    "accessTier",
)


def find_account(cloud: Cloud, name: str) -> JsonObject | None:
    """An account by its name, which is unique in the whole cloud."""
    wanted = name.lower()
    accounts = (one for one in cloud.store.list(RESOURCE) if one["type"] == ACCOUNT)
    return next((one for one in accounts if one["name"] == wanted), None)


def takes_keys(cloud: Cloud, account: str) -> bool:
    """Whether an account lets requests be signed with its keys (``allowSharedKeyAccess``)."""
    found = find_account(cloud, account)
    return found is None or found["properties"].get("allowSharedKeyAccess") is not False


def account_keys(cloud: Cloud, account: str) -> Sequence[str]:
    """The two keys of an account, base64; none of an unknown one."""
    found = find_account(cloud, account)
    return [] if found is None else [one["value"] for one in found["private"]["keys"]]


def _write_account(cloud: Cloud, write: Write) -> JsonObject:
    name, body, existing = write.target.name, write.body, write.existing
    _check_account(cloud, write)
    now = stamp(cloud.clock())
    private = existing["private"] if existing else {"keys": [_key("key1", now), _key("key2", now)]}
    created = existing["properties"]["creationTime"] if existing else now
    document: JsonObject = {
        "sku": {"name": body["sku"]["name"], "tier": body["sku"]["name"].partition("_")[0]},
        "kind": body.get("kind", "StorageV2"),
        "id": str(write.target),
        "name": name,
        "type": ACCOUNT,
        "location": locations.canonical(body["location"]),
        "tags": body.get("tags") or {},
        "properties": _account_properties(cloud, name, body, private, created),
        "private": private,
    }
    if body.get("identity"):
        document["identity"] = body["identity"]
    return document


def _check_account(cloud: Cloud, write: Write) -> None:
    name, body = write.target.name, write.body
    if _NAME.fullmatch(name) is None:
        raise ArmError(
            400,
            "AccountNameInvalid",
            f"{name} is not a valid storage account name. Storage account name must be between 3 and 24"
            " characters in"
            " length and use numbers and lower-case letters only.",
        )
    taken = find_account(cloud, name)
    if taken is not None and write.existing is None:
        raise ArmError(
            409,
            "StorageAccountAlreadyTaken",
            f"The storage account named {name} is already taken.",
            target=name,
        )
    if active_operation(cloud, write.target) is not None:
        raise ArmError(
            409,
            "StorageAccountOperationInProgress",
            "An operation is currently performing on this storage account that requires exclusive access.",
        )
    sku = (body.get("sku") or {}).get("name")
    if sku not in _SKUS:
        raise ArmError(
            400, "InvalidValuesForRequestParameters", "Values for request parameters are invalid: sku."
        )
    if body.get("kind", "StorageV2") not in _KINDS:
        raise ArmError(
            400, "InvalidValuesForRequestParameters", "Values for request parameters are invalid: kind."
        )


def _account_properties(
    cloud: Cloud, name: str, body: JsonObject, private: JsonObject, created: str
) -> JsonObject:
    asked = body.get("properties") or {}
    service = {"keyType": "Account", "enabled": True, "lastEnabledTime": created}
    defaults: JsonObject = {
        "keyCreationTime": {one["keyName"]: one["creationTime"] for one in private["keys"]},
        "allowCrossTenantDelegationSas": False,
        "allowCrossTenantReplication": False,
        "privateEndpointConnections": [],
        "minimumTlsVersion": "TLS1_0",
        "allowBlobPublicAccess": False,
        "networkAcls": {
            "ipv6Rules": [],
            "bypass": "AzureServices",
            "virtualNetworkRules": [],
            "ipRules": [],
            "defaultAction": "Allow",
        },
        "supportsHttpsTrafficOnly": True,
        "encryption": {"services": {"file": service, "blob": service}, "keySource": "Microsoft.Storage"},
        "accessTier": "Hot",
    }
    defaults.update({key: asked[key] for key in _KEPT if asked.get(key) is not None})
    return defaults | {
        "provisioningState": "Succeeded",
        "creationTime": created,
        "primaryEndpoints": {"file": cloud.settings.files_url(name)},
        "primaryLocation": locations.canonical(body["location"]),
        "statusOfPrimary": "available",
    }


def _patch_account(cloud: Cloud, write: Write) -> JsonObject:
    existing = write.existing
    assert existing is not None
    body = {
        "sku": write.body.get("sku") or existing["sku"],
        "kind": write.body.get("kind") or existing["kind"],
        "location": existing["location"],
        "tags": write.body.get("tags", existing["tags"]),
        "identity": write.body.get("identity", existing.get("identity")),
        "properties": {
            **{key: existing["properties"][key] for key in _KEPT if key in existing["properties"]},
            **(write.body.get("properties") or {}),
        },
    }
    return _write_account(cloud, Write(write.target, body, write.api_version, existing))


async def _settle_account(cloud: Cloud, target: ResourceId) -> None:
    cloud.shares.create_account(target.name)


def _remove_account(cloud: Cloud, target: ResourceId) -> None:
    cloud.shares.delete_account(target.name)


def _show_account(cloud: Cloud, document: JsonObject) -> JsonObject:
    shown = {key: value for key, value in document.items() if key != "private"}
    endpoints = {"file": cloud.settings.files_url(document["name"])}
    return {**shown, "properties": {**document["properties"], "primaryEndpoints": endpoints}}


def _key(name: str, created: str) -> JsonObject:
    value = base64.b64encode(secrets.token_bytes(64)).decode()
    return {"creationTime": created, "keyName": name, "value": value, "permissions": "FULL"}


def _list_keys(cloud: Cloud, call: Call) -> JsonObject:
    account = cloud.store.get(RESOURCE, call.target.key)
    assert account is not None
    return {"keys": account["private"]["keys"]}


async def _regenerate_key(cloud: Cloud, call: Call) -> JsonObject:
    account = cloud.store.get(RESOURCE, call.target.key)
    assert account is not None
    name = call.body.get("keyName")
    if name not in {"key1", "key2"}:
        raise ArmError(
            400, "InvalidValuesForRequestParameters", "Values for request parameters are invalid: keyName."
        )
    fresh = _key(name, stamp(cloud.clock()))
    keys = [fresh if one["keyName"] == name else one for one in account["private"]["keys"]]
    account["private"]["keys"] = keys
    account["properties"]["keyCreationTime"] = {one["keyName"]: one["creationTime"] for one in keys}
    cloud.store.put(RESOURCE, call.target.key, account)
    return {"keys": keys}


def check_name(cloud: Cloud, name: str) -> JsonObject:
    """What ``checkNameAvailability`` answers."""
    if _NAME.fullmatch(name) is None:
        return {
            "nameAvailable": False,
            "reason": "AccountNameInvalid",
            "message": f"{name} is not a valid storage account name. Storage account name must be between 3"
            " and 24"
            " characters in length and use numbers and lower-case letters only.",
        }
    if find_account(cloud, name) is not None:
        return {
            "nameAvailable": False,
            "reason": "AlreadyExists",
            "message": f"The storage account named {name} is already taken.",
        }
    return {"nameAvailable": True}


def usages(cloud: Cloud, location: str) -> JsonObject:
    """How many accounts a region has, of the 250 that a subscription may have there."""
    here = [
        one
        for one in cloud.store.list(RESOURCE)
        if one["type"] == ACCOUNT and locations.canonical(one["location"]) == locations.canonical(location)
    ]
    name = {"value": "StorageAccounts", "localizedValue": "Storage Accounts"}
    return {"value": [{"unit": "Count", "currentValue": len(here), "limit": ACCOUNT_LIMIT, "name": name}]}


TYPES = (
    ResourceType(
        "Microsoft.Storage",
        "storageAccounts",
        API_VERSIONS,
        _show_account,
        write=_write_account,
        patch=_patch_account,
        preflight=_check_account,
        before_remove=_remove_account,
        settle={"put": _settle_account},
        wire="storage",
        quick=frozenset({"update", "patch", "delete"}),
        lists={"listKeys": _list_keys},
        actions={"regenerateKey": _regenerate_key},
        locations=locations.NAMES,
    ),
)
