"""Microsoft.Storage: storage accounts and their keys (shapes as recorded, and OpenAPI
2023-05-01).
"""

from __future__ import annotations

import base64
import re
import secrets
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from aca_local.kernel import locations
from aca_local.kernel.operations import active_operation
from aca_local.kernel.resource_type import Call, Document, ResourceType, Write
from aca_local.providers import identities
from aca_local.providers import storage_messages as messages
from aca_local.providers.storage_records import ACCOUNT, ACCOUNTS
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.providers.storage_records import (
        AccountKey,
        AccountPrivate,
        AccountProperties,
        AccountRecord,
    )
    from aca_local.state import JSON, JsonObject

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
_TIERS = frozenset({"Hot", "Cool", "Cold", "Premium"})
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


def find_account(cloud: Cloud, name: str) -> AccountRecord | None:
    """Return an account by its name, which is unique in the whole cloud."""
    wanted = name.lower()
    accounts = (one for one in cloud.store.list(ACCOUNTS) if one["type"] == ACCOUNT)
    return next((one for one in accounts if one["name"] == wanted), None)


def takes_keys(cloud: Cloud, account: str) -> bool:
    """Return True if an account lets requests be signed with its keys (``allowSharedKeyAccess``)."""
    found = find_account(cloud, account)
    return found is None or found["properties"].get("allowSharedKeyAccess") is not False


def is_reachable(cloud: Cloud, account: str) -> bool:
    """Return True if an account's network lets this computer in.

    A closed one is for private endpoints and the address rules; 127.0.0.1 stands for every address here.
    """
    found = find_account(cloud, account)
    if found is None:
        return True
    properties = found["properties"]
    acls: Mapping[str, Any] = properties["networkAcls"]
    ranges = [ip_network(one["value"], strict=False) for one in acls.get("ipRules") or []]
    let_in = acls.get("defaultAction") != "Deny" or any(ip_address("127.0.0.1") in one for one in ranges)
    return properties.get("publicNetworkAccess", "Enabled") == "Enabled" and let_in


def account_keys(cloud: Cloud, account: str) -> Sequence[str]:
    """Return the two keys of an account, base64; none of an unknown one."""
    found = find_account(cloud, account)
    return [] if found is None else [one["value"] for one in found["private"]["keys"]]


def _write_account(cloud: Cloud, write: Write) -> AccountRecord:
    name, body, existing = write.target.name, write.body, cloud.store.get(ACCOUNTS, write.target.key)
    _check_account(cloud, write)
    now = stamp(cloud.clock())
    private: AccountPrivate = {"keys": [_key("key1", now), _key("key2", now)]}
    private = existing["private"] if existing else private
    created = existing["properties"]["creationTime"] if existing else now
    document: AccountRecord = {
        "sku": {"name": body["sku"]["name"], "tier": body["sku"]["name"].partition("_")[0]},
        "kind": body.get("kind", "StorageV2"),
        "id": str(write.target),
        "name": name,
        "type": ACCOUNT,
        "location": locations.canonical(body["location"]),
        "tags": body.get("tags") or {},
        "properties": _account_properties(cloud, write, private["keys"], created),
        "private": private,
    }
    if body.get("identity"):
        document["identity"] = identities.read(cloud, write.target, body["identity"])
    return document


def _check_account(cloud: Cloud, write: Write) -> None:
    name, body = write.target.name, write.body
    if _NAME.fullmatch(name) is None:
        raise messages.NAME_INVALID.error(name=name)
    if write.existing is None and find_account(cloud, name) is not None:
        raise messages.NAME_TAKEN.error(name=name)
    if active_operation(cloud, write.target) is not None:
        raise messages.IN_PROGRESS.error()
    properties = body.get("properties", {})
    _check_rules(properties)
    sku = body.get("sku", {})
    known = {"sku": (sku.get("name") if isinstance(sku, dict) else sku, _SKUS)}
    tier = properties.get("accessTier", "Hot") if isinstance(properties, dict) else "Hot"
    known |= {"kind": (body.get("kind", "StorageV2"), _KINDS), "accessTier": (tier, _TIERS)}
    for name, (value, allowed) in known.items():
        if (value is None or isinstance(value, str)) and value not in allowed:  # else an expression
            raise messages.INVALID_VALUES.error(names=name)


def _check_rules(properties: object) -> None:
    """Raise InvalidValuesForRequestParameters for an address rule that is no address or range."""
    acls = properties.get("networkAcls") if isinstance(properties, dict) else None  # else an expression
    rules = acls.get("ipRules") if isinstance(acls, dict) else None
    for one in rules if isinstance(rules, list) else ():
        value = one.get("value") if isinstance(one, dict) else ""
        try:
            if value is None or isinstance(value, str):
                ip_network(value or "", strict=False)
        except ValueError:
            raise messages.INVALID_VALUES.error(names="networkAcls.ipRule[*].value") from None


def _account_properties(
    cloud: Cloud, write: Write, keys: Sequence[AccountKey], created: str
) -> AccountProperties:
    asked = write.body.get("properties") or {}
    service: dict[str, JSON] = {"keyType": "Account", "enabled": True, "lastEnabledTime": created}
    properties: AccountProperties = {
        "keyCreationTime": {one["keyName"]: one["creationTime"] for one in keys},
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
        "provisioningState": "Succeeded",
        "creationTime": created,
        "primaryEndpoints": {"file": cloud.settings.files_url(write.target.name)},
        "primaryLocation": locations.canonical(write.body["location"]),
        "statusOfPrimary": "available",
    }
    kept = {key: asked[key] for key in _KEPT if asked.get(key) is not None}
    if "networkAcls" in kept:
        kept["networkAcls"] = {**properties["networkAcls"], **kept["networkAcls"]}
    return {**properties, **kept}  # type: ignore[typeddict-item]  # the table has checked them


def _patch_account(cloud: Cloud, write: Write) -> AccountRecord:
    existing = cloud.store.get(ACCOUNTS, write.target.key)
    assert existing is not None
    kept = {key: value for key, value in existing["properties"].items() if key in _KEPT}
    body = {
        "sku": write.body.get("sku") or existing["sku"],
        "kind": write.body.get("kind") or existing["kind"],
        "location": existing["location"],
        "tags": write.body.get("tags", existing["tags"]),
        "identity": write.body.get("identity", existing.get("identity")),
        "properties": {**kept, **(write.body.get("properties") or {})},
    }
    return _write_account(cloud, Write(write.target, body, write.api_version, existing))


async def _complete_account(cloud: Cloud, target: ResourceId) -> None:
    cloud.shares.create_account(target.name)


def _remove_account(cloud: Cloud, target: ResourceId) -> None:
    cloud.shares.delete_account(target.name)


def _show_account(cloud: Cloud, document: Document) -> JsonObject:
    shown = {key: value for key, value in document.items() if key != "private"}
    endpoints = {"file": cloud.settings.files_url(document["name"])}
    return {**shown, "properties": {**document["properties"], "primaryEndpoints": endpoints}}


def _key(name: str, created: str) -> AccountKey:
    value = base64.b64encode(secrets.token_bytes(64)).decode()
    return {"creationTime": created, "keyName": name, "value": value, "permissions": "FULL"}


def _list_keys(cloud: Cloud, call: Call) -> JsonObject:
    account = cloud.store.get(ACCOUNTS, call.target.key)
    assert account is not None
    return {"keys": account["private"]["keys"]}


async def _regenerate_key(cloud: Cloud, call: Call) -> JsonObject:
    account = cloud.store.get(ACCOUNTS, call.target.key)
    assert account is not None
    name = call.body.get("keyName")
    if name not in {"key1", "key2"}:
        raise messages.INVALID_VALUES.error(names="keyName")
    fresh = _key(name, stamp(cloud.clock()))
    keys = [fresh if one["keyName"] == name else one for one in account["private"]["keys"]]
    account["private"]["keys"] = keys
    account["properties"]["keyCreationTime"] = {one["keyName"]: one["creationTime"] for one in keys}
    cloud.store.put(ACCOUNTS, call.target.key, account)
    return {"keys": keys}


def check_name(cloud: Cloud, name: str) -> JsonObject:
    """Return what ``checkNameAvailability`` answers."""
    if _NAME.fullmatch(name) is None:
        reason, message = "AccountNameInvalid", messages.NAME_WORDS.format(name=name)
    elif find_account(cloud, name) is not None:
        reason, message = "AlreadyExists", messages.TAKEN_WORDS.format(name=name)
    else:
        return {"nameAvailable": True}
    return {"nameAvailable": False, "reason": reason, "message": message}


def usages(cloud: Cloud, location: str) -> JsonObject:
    """Return how many accounts a region has, of the 250 that a subscription may have there."""
    region = locations.canonical(location)
    accounts = (one for one in cloud.store.list(ACCOUNTS) if one["type"] == ACCOUNT)
    here = sum(locations.canonical(one["location"]) == region for one in accounts)
    name = {"value": "StorageAccounts", "localizedValue": "Storage Accounts"}
    return {"value": [{"unit": "Count", "currentValue": here, "limit": ACCOUNT_LIMIT, "name": name}]}


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
        on_complete={"put": _complete_account},
        protocol="storage",
        quick=frozenset({"update", "patch", "delete"}),
        lists={"listKeys": _list_keys},
        actions={"regenerateKey": _regenerate_key},
        locations=locations.NAMES,
    ),
)
