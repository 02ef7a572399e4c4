"""Microsoft.OperationalInsights: Log Analytics workspaces and their keys (shapes as recorded)."""

from __future__ import annotations

import base64
import re
import secrets
import uuid
from typing import TYPE_CHECKING

from aca_local.arm import locations
from aca_local.arm.errors import ArmError
from aca_local.providers.model import RESOURCE, Call, ResourceType, Write
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.state import JsonObject

WORKSPACE = "Microsoft.OperationalInsights/workspaces"
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
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]")


def _write(cloud: Cloud, write: Write) -> JsonObject:
    if _NAME.fullmatch(write.target.name) is None:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The workspace name '{write.target.name}' is invalid: 4 to 63 letters, digits and hyphens; it"
            " starts and"
            " ends with a letter or digit.",
        )
    body, existing = write.body, write.existing
    now = stamp(cloud.clock())
    asked = body.get("properties") or {}
    document: JsonObject = {
        "properties": _properties(asked, existing, now),
        "location": locations.canonical(body["location"]),
        "tags": body.get("tags") or {},
        "id": str(write.target),
        "name": write.target.name,
        "type": WORKSPACE,
        "etag": f'"{uuid.uuid4()}"',
        "private": existing["private"] if existing else {"primary": _key(), "secondary": _key()},
    }
    return document


def _properties(asked: JsonObject, existing: JsonObject | None, now: str) -> JsonObject:
    before = (existing or {}).get("properties", {})
    sku = (asked.get("sku") or {}).get("name", "PerGB2018")
    return {
        "customerId": before.get("customerId") or str(uuid.uuid4()),
        "provisioningState": "Creating",
        "sku": {"name": sku, "lastSkuUpdate": now},
        "retentionInDays": asked.get("retentionInDays", 30),
        "features": {
            "legacy": 0,
            "searchVersion": 1,
            "enableLogAccessUsingOnlyResourcePermissions": True,
            **(asked.get("features") or {}),
        },
        "workspaceCapping": {
            "dailyQuotaGb": (asked.get("workspaceCapping") or {}).get("dailyQuotaGb", -1.0),
            "quotaNextResetTime": now,
            "dataIngestionStatus": "RespectQuota",
        },
        "publicNetworkAccessForIngestion": asked.get("publicNetworkAccessForIngestion", "Enabled"),
        "publicNetworkAccessForQuery": asked.get("publicNetworkAccessForQuery", "Enabled"),
        "createdDate": before.get("createdDate") or now,
        "modifiedDate": now,
    }


def _patch(cloud: Cloud, write: Write) -> JsonObject:
    existing = write.existing
    assert existing is not None
    body = {
        "location": existing["location"],
        "tags": write.body.get("tags", existing["tags"]),
        "properties": {**existing["properties"], **(write.body.get("properties") or {})},
    }
    patched = _write(cloud, Write(write.target, body, write.api_version, existing))
    patched["properties"]["provisioningState"] = "Succeeded"
    return patched


def _show(_: Cloud, document: JsonObject) -> JsonObject:
    return {
        key: value
        for key, value in document.items()
        if key != "private" and not (key == "tags" and not value)
    }


def _shared_keys(cloud: Cloud, call: Call) -> JsonObject:
    workspace = cloud.store.get(RESOURCE, call.target.key)
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
        wire="insights",
        quick=frozenset({"patch"}),
        lists={"sharedKeys": _shared_keys, "listKeys": _shared_keys},
        locations=locations.NAMES,
    ),
)
