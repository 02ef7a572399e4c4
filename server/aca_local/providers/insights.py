"""Microsoft.OperationalInsights: Log Analytics workspaces and their keys (shapes as recorded)."""

from __future__ import annotations

import base64
import re
import secrets
import uuid
from typing import TYPE_CHECKING

from aca_local.kernel import locations
from aca_local.kernel.body_schema import invalid
from aca_local.kernel.resource_type import Call, Document, ResourceType, Write
from aca_local.providers import storage_messages as messages
from aca_local.providers.storage_records import DELETED_WORKSPACES, WORKSPACE, WORKSPACES
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.providers.storage_records import WorkspaceProperties, WorkspaceRecord
    from aca_local.state import JsonObject

API_VERSIONS = (
    "2025-07-01",
    "2025-02-01",
    "2023-09-01",
    "2022-10-01",
    "2021-12-01-preview",
    "2021-06-01",
    "2020-10-01",
    "2020-08-01",
    "2015-11-01-preview",
)
_LONGEST_RETENTION = 730  # days
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]")


def _write(cloud: Cloud, write: Write) -> WorkspaceRecord:
    if _NAME.fullmatch(write.target.name) is None:
        raise messages.WORKSPACE_NAME.error(name=write.target.name)
    body, existing = write.body, cloud.store.get(WORKSPACES, write.target.key)
    return {
        "properties": _properties(body.get("properties") or {}, existing, stamp(cloud.clock())),
        "location": locations.canonical(body["location"]),
        "tags": body.get("tags") or {},
        "id": str(write.target),
        "name": write.target.name,
        "type": WORKSPACE,
        "etag": f'"{uuid.uuid4()}"',
        "private": existing["private"] if existing else {"primary": _key(), "secondary": _key()},
    }


def _properties(asked: JsonObject, existing: WorkspaceRecord | None, now: str) -> WorkspaceProperties:
    before = existing["properties"] if existing else None
    days = asked.get("retentionInDays", 30)
    if not 1 <= days <= _LONGEST_RETENTION:
        raise invalid(".properties.retentionInDays", f"The value {days} must be between 1 and 730.")
    quota = (asked.get("workspaceCapping") or {}).get("dailyQuotaGb", -1.0)
    return {
        "customerId": before["customerId"] if before else str(uuid.uuid4()),
        "provisioningState": "Creating",
        "sku": {"name": (asked.get("sku") or {}).get("name", "PerGB2018"), "lastSkuUpdate": now},
        "retentionInDays": days,
        "features": {
            "legacy": 0,
            "searchVersion": 1,
            "enableLogAccessUsingOnlyResourcePermissions": True,
            **(asked.get("features") or {}),
        },
        "workspaceCapping": {
            "dailyQuotaGb": quota,
            "quotaNextResetTime": now,
            "dataIngestionStatus": "RespectQuota",
        },
        "publicNetworkAccessForIngestion": asked.get("publicNetworkAccessForIngestion", "Enabled"),
        "publicNetworkAccessForQuery": asked.get("publicNetworkAccessForQuery", "Enabled"),
        "createdDate": before["createdDate"] if before else now,
        "modifiedDate": now,
    }


def _keep_deleted(cloud: Cloud, target: ResourceId) -> None:
    """Keep a workspace that is being deleted: for 14 days Azure lists it and keeps its name (learn: delete-workspace)."""
    existing = cloud.store.get(WORKSPACES, target.key)
    if existing is not None:
        cloud.store.put(DELETED_WORKSPACES, target.key, existing)


def deleted(cloud: Cloud) -> list[JsonObject]:
    """Return what ``GET …/deletedWorkspaces`` lists: a workspace that was made again is recovered."""
    gone = (one for one in cloud.store.list(DELETED_WORKSPACES))
    return [_show(cloud, one) for one in gone if cloud.store.get(WORKSPACES, one["id"].lower()) is None]


def _patch(cloud: Cloud, write: Write) -> WorkspaceRecord:
    existing = cloud.store.get(WORKSPACES, write.target.key)
    assert existing is not None
    body = {
        "location": existing["location"],
        "tags": write.body.get("tags", existing["tags"]),
        "properties": {**existing["properties"], **(write.body.get("properties") or {})},
    }
    patched = _write(cloud, Write(write.target, body, write.api_version, existing))
    patched["properties"]["provisioningState"] = "Succeeded"
    return patched


def _show(_: Cloud, document: Document) -> JsonObject:
    return {
        key: value
        for key, value in document.items()
        if key != "private" and not (key == "tags" and not value)
    }


def _shared_keys(cloud: Cloud, call: Call) -> JsonObject:
    workspace = cloud.store.get(WORKSPACES, call.target.key)
    assert workspace is not None
    keys = workspace["private"]
    return {"primarySharedKey": keys["primary"], "secondarySharedKey": keys["secondary"]}


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


TYPES = (
    ResourceType(
        "Microsoft.OperationalInsights",
        "workspaces",
        API_VERSIONS,
        _show,
        write=_write,
        patch=_patch,
        before_remove=_keep_deleted,
        protocol="insights",
        quick=frozenset({"patch"}),
        lists={"sharedKeys": _shared_keys, "listKeys": _shared_keys},
        locations=locations.NAMES,
    ),
)
