"""Microsoft.Storage: the file service of an account, and its shares, which live in the data plane's store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_local.kernel import errors
from aca_local.kernel.ids import ResourceId, parse
from aca_local.kernel.resource_type import Document, ResourceType, Write
from aca_local.providers import storage_messages as messages
from aca_local.providers.accounts import API_VERSIONS, find_account
from aca_local.providers.storage_records import ACCOUNT, ACCOUNTS, FILE_SERVICES
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud, ShareFacts
    from aca_local.providers.storage_records import AccountRecord, FileServiceRecord
    from aca_local.state import JsonObject

_SHARE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_METADATA_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # a C# identifier, since it becomes a header
_TIERS = ("TransactionOptimized", "Hot", "Cool", "Premium")
_MAX_QUOTA = 102_400
_DEFAULT_QUOTA = 5120


def _find_service(cloud: Cloud, target: ResourceId) -> FileServiceRecord | None:
    found = cloud.store.get(FILE_SERVICES, target.key)
    parent = target.parent
    if found is not None or target.name != "default" or parent is None:
        return found
    account = cloud.store.get(ACCOUNTS, parent.key)
    return None if account is None else _service(target, account, {})


def _list_services(cloud: Cloud, prefix: str) -> list[FileServiceRecord]:
    found = _find_service(cloud, parse(f"{prefix}default"))
    return [] if found is None else [found]


def _write_service(cloud: Cloud, write: Write) -> FileServiceRecord:
    if write.target.name != "default":
        raise messages.SERVICE_NAME.error()
    parent = write.target.parent
    assert parent is not None
    account = cloud.store.get(ACCOUNTS, parent.key)
    assert account is not None
    service = _service(write.target, account, write.body.get("properties") or {})
    retention = service["properties"]["shareDeleteRetentionPolicy"]
    cloud.shares.set_retention(account["name"], retention.get("days", 7) if retention.get("enabled") else 0)
    return service


def _service(target: ResourceId, account: AccountRecord, asked: JsonObject) -> FileServiceRecord:
    return {
        "sku": account["sku"],
        "id": str(target),
        "name": "default",
        "type": f"{ACCOUNT}/fileServices",
        "properties": {
            "shareDeleteRetentionPolicy": asked.get("shareDeleteRetentionPolicy")
            or {"enabled": True, "days": 7},
            "protocolSettings": asked.get("protocolSettings") or {"smb": {}},
            "cors": asked.get("cors") or {"corsRules": []},
        },
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
    """Make or change a share in the file service, where shares live."""
    account, share = write.target.names[0], write.target.name
    if _SHARE_NAME.fullmatch(share) is None:
        raise messages.SHARE_NAME.error(name=share)
    asked = write.body.get("properties") or {}
    quota, tier = asked.get("shareQuota", _DEFAULT_QUOTA), asked.get("accessTier", _TIERS[0])
    if not 1 <= quota <= _MAX_QUOTA or tier not in _TIERS:
        raise messages.INVALID_VALUES.error(names="shareQuota or accessTier")
    if str(asked.get("enabledProtocols", "SMB")).upper() != "SMB":
        raise messages.INVALID_VALUES.error(names="enabledProtocols (aca-local serves SMB only)")
    metadata = asked.get("metadata") or {}
    if not all(_METADATA_NAME.fullmatch(name) and value.isprintable() for name, value in metadata.items()):
        raise messages.INVALID_VALUES.error(names="metadata")
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
    """Check ``$include`` of a DELETE: with ``none`` there must be no snapshots; else they go, too."""
    if include.lower() not in {"none", "snapshots", "leased-snapshots"}:
        raise messages.SHARE_INCLUDE.error(include=include)
    if include.lower() == "none" and cloud.shares.has_snapshots(target.names[0], target.name):
        raise messages.SHARE_HAS_SNAPSHOTS.error()


def _show(_: Cloud, document: Document) -> JsonObject:
    return dict(document)


def _service_missing(target: ResourceId) -> Exception:
    return errors.RESOURCE_NOT_FOUND.error(name=target.type_and_name, group=target.group)


def _share_missing(_: ResourceId) -> Exception:
    return messages.SHARE_NOT_FOUND.error()


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
