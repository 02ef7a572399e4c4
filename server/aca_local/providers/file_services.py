"""Microsoft.Storage: the file service of an account, and its shares, which live in the data plane's store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_local.arm import errors
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import ResourceId, parse
from aca_local.providers.accounts import ACCOUNT, API_VERSIONS, find_account
from aca_local.providers.model import RESOURCE, ResourceType, Write
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud, ShareFacts
    from aca_local.state import JsonObject

_SHARE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_TIERS = ("TransactionOptimized", "Hot", "Cool", "Premium")
_MAX_QUOTA = 102_400
_DEFAULT_QUOTA = 5120


def _find_service(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    found = cloud.store.get(RESOURCE, target.key)
    parent = target.parent
    if found is not None or target.name != "default" or parent is None:
        return found
    account = cloud.store.get(RESOURCE, parent.key)
    return None if account is None else _service(target, account, {})


def _list_services(cloud: Cloud, prefix: str) -> list[JsonObject]:
    found = _find_service(cloud, parse(f"{prefix}default"))
    return [] if found is None else [found]


def _write_service(cloud: Cloud, write: Write) -> JsonObject:
    if write.target.name != "default":
        raise ArmError(400, "InvalidResourceName", "The only file service of an account is called 'default'.")
    parent = write.target.parent
    assert parent is not None
    account = cloud.store.get(RESOURCE, parent.key)
    assert account is not None
    service = _service(write.target, account, write.body.get("properties") or {})
    retention = service["properties"]["shareDeleteRetentionPolicy"]
    cloud.shares.set_retention(
        account["name"], int(retention.get("days", 7)) if retention.get("enabled") else 0
    )
    return service


def _service(target: ResourceId, account: JsonObject, asked: JsonObject) -> JsonObject:
    kept = {
        key: value
        for key, value in asked.items()
        if key in {"cors", "shareDeleteRetentionPolicy", "protocolSettings"}
    }
    defaults = {
        "shareDeleteRetentionPolicy": {"enabled": True, "days": 7},
        "protocolSettings": {"smb": {}},
        "cors": {"corsRules": []},
    }
    return {
        "sku": account["sku"],
        "id": str(target),
        "name": "default",
        "type": f"{ACCOUNT}/fileServices",
        "properties": {**defaults, **kept},
    }


def _find_share(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    if find_account(cloud, target.names[0]) is None:
        return None
    shares = cloud.shares.list_shares(target.names[0])
    return next((_share(target, one) for one in shares if one.name == target.name), None)


def _list_shares(cloud: Cloud, prefix: str) -> list[JsonObject]:
    base = parse(f"{prefix}x")
    if find_account(cloud, base.names[0]) is None:
        return []
    service = base.parent
    assert service is not None
    return [_share(service.child("shares", one.name), one) for one in cloud.shares.list_shares(base.names[0])]


def _share(target: ResourceId, facts: ShareFacts) -> JsonObject:
    properties: JsonObject = {
        "accessTier": facts.access_tier,
        "shareQuota": facts.quota_gib,
        "enabledProtocols": "SMB",
        "leaseStatus": "unlocked",
        "leaseState": "available",
        "lastModifiedTime": stamp(facts.last_modified),
    }
    if facts.metadata:
        properties["metadata"] = facts.metadata
    return {
        "id": str(target),
        "name": facts.name,
        "type": f"{ACCOUNT}/fileServices/shares",
        "etag": facts.etag,
        "properties": properties,
    }


def _write_share(cloud: Cloud, write: Write) -> JsonObject:
    """Shares live in the file service; the PUT makes or changes them there at once."""
    account, share = write.target.names[0], write.target.name
    if _SHARE_NAME.fullmatch(share) is None:
        raise ArmError(
            400,
            "InvalidResourceName",
            f"The share name '{share}' is invalid: 3 to 63 lower-case letters, digits and single hyphens.",
        )
    asked = write.body.get("properties") or {}
    quota, tier = asked.get("shareQuota", _DEFAULT_QUOTA), asked.get("accessTier", _TIERS[0])
    if not isinstance(quota, int) or not 1 <= quota <= _MAX_QUOTA or tier not in _TIERS:
        raise ArmError(
            400,
            "InvalidValuesForRequestParameters",
            "Values for request parameters are invalid: shareQuota or accessTier.",
        )
    metadata = {str(key): str(value) for key, value in (asked.get("metadata") or {}).items()}
    change = cloud.shares.update_share if write.existing else cloud.shares.create_share
    return _share(write.target, change(account, share, quota_gib=quota, access_tier=tier, metadata=metadata))


def _patch_share(cloud: Cloud, write: Write) -> JsonObject:
    assert write.existing is not None
    now = write.existing["properties"]
    asked = {**{key: now[key] for key in ("shareQuota", "accessTier", "metadata") if key in now}}
    asked.update(write.body.get("properties") or {})
    return _write_share(cloud, Write(write.target, {"properties": asked}, write.api_version, write.existing))


def _remove_share(cloud: Cloud, target: ResourceId) -> None:
    cloud.shares.delete_share(target.names[0], target.name)


def _check_include(cloud: Cloud, target: ResourceId, include: str) -> None:
    """``$include`` of a DELETE: ``snapshots`` (the default) go too; with ``none`` there must be none."""
    if include.lower() not in {"none", "snapshots", "leased-snapshots"}:
        raise ArmError(
            400,
            "InvalidQueryParameterValue",
            f"The value '{include}' of the query parameter $include is invalid.",
        )
    if include.lower() == "none" and cloud.shares.has_snapshots(target.names[0], target.name):
        raise ArmError(
            409, "ShareHasSnapshots", "The share has snapshots and the operation requires no snapshots."
        )


def _show(_: Cloud, document: JsonObject) -> JsonObject:
    return document


def _service_missing(target: ResourceId) -> Exception:
    return errors.resource_not_found(target.type_and_name, target.group)


def _share_missing(_: ResourceId) -> Exception:
    return ArmError(404, "ShareNotFound", "The specified share does not exist.")


TYPES = (
    ResourceType(
        "Microsoft.Storage",
        "storageAccounts/fileServices",
        API_VERSIONS,
        _show,
        find=_find_service,
        list_all=_list_services,
        write=_write_service,
        remove=False,
        missing=_service_missing,
    ),
    ResourceType(
        "Microsoft.Storage",
        "storageAccounts/fileServices/shares",
        API_VERSIONS,
        _show,
        find=_find_share,
        list_all=_list_shares,
        write=_write_share,
        patch=_patch_share,
        before_remove=_remove_share,
        check_include=_check_include,
        created_status=201,
        missing=_share_missing,
    ),
)
