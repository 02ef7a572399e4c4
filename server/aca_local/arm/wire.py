"""Answers of Azure Resource Manager: their headers, and how a long-running operation looks.

Headers and shapes as recorded: a managed environment's or app's PUT answers 201 with ``Azure-
AsyncOperation``,
their PATCH and DELETE 202 with ``Location``; a storage account's PUT 202 with ``Location … monitor=true``; a
workspace's PUT 201 with both.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from aiohttp import web

from aca_local.state import ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.errors import ArmError
    from aca_local.arm.operations import Change
    from aca_local.state import JSON, JsonObject

RETRY_AFTER = "1"
_BOTH_HEADERS = (
    "2025-10"  # a PATCH answers both headers since this api-version (recorded), only Location before
)

_COMMON = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


def answer(body: JSON = None, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer with a JSON body; without one (None) where there is nothing to say."""
    if body is None:
        return web.Response(status=status, headers=headers)
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(
        status=status, text=text, headers=headers, content_type="application/json", charset="utf-8"
    )


def failure(error: ArmError) -> web.Response:
    """An error answer."""
    headers = dict(error.headers)
    if error.gateway:
        headers["x-ms-failure-cause"] = "gateway"
    return answer({"error": error.body()}, error.status, headers)


def add_common_headers(request: web.BaseRequest, response: web.StreamResponse, correlation: str) -> None:
    """The headers that every answer of ARM has."""
    request_id = str(uuid.uuid4())
    response.headers.update({key: value for key, value in _COMMON.items() if key not in response.headers})
    response.headers["x-ms-request-id"] = request_id
    response.headers["x-ms-correlation-request-id"] = correlation
    response.headers["x-ms-routing-request-id"] = f"LOCAL:{request_id}"
    client = request.headers.get("x-ms-client-request-id")
    if client and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        response.headers["x-ms-client-request-id"] = client


def change_answer(
    cloud: Cloud, change: Change, shown: JsonObject, api_version: str, *, created_status: int
) -> web.Response:
    """How a PUT, PATCH, start or stop answers: at once, or pointing to its operation."""
    operation = change.operation
    if operation is None:
        return answer(shown, created_status if change.created else 200)
    wire = operation["wire"]
    if operation["action"] != "put" or wire == "storage":
        found = accepted(cloud, operation, api_version)
        if operation["action"] == "patch" and api_version >= _BOTH_HEADERS:
            found.headers["Azure-AsyncOperation"] = status_url(cloud, operation, api_version)
        return found
    headers = {"Azure-AsyncOperation": status_url(cloud, operation, api_version), "Retry-After": RETRY_AFTER}
    if wire == "insights":
        headers["Location"] = f"{cloud.settings.arm_url}{operation['target']}?api-version={api_version}"
    if wire == "app":
        headers["x-ms-async-operation-timeout"] = "PT15M"
    return answer(shown, 201 if change.created else 200, headers)


def accepted(cloud: Cloud, operation: JsonObject, api_version: str) -> web.Response:
    """202, empty, with ``Location``; of a workspace with ``Azure-AsyncOperation`` too (recorded)."""
    headers = {"Location": result_url(cloud, operation, api_version), "Retry-After": RETRY_AFTER}
    if operation["wire"] == "storage" and operation["action"] == "put":
        headers["Content-Type"] = "text/plain; charset=utf-8"  # of an empty body (recorded)
    if operation["wire"] == "insights":
        headers["Azure-AsyncOperation"] = status_url(cloud, operation, api_version)
    return answer(status=202, headers=headers)


def status_url(cloud: Cloud, operation: JsonObject, api_version: str) -> str:
    """Where an operation's status is read (``Azure-AsyncOperation``)."""
    path = status_path(cloud, operation)
    extra = "&azureAsyncOperation=true" if operation["wire"] == "app" else ""
    return f"{cloud.settings.arm_url}{path}?api-version={api_version}{extra}&t={ticks(cloud.clock())}"


def status_path(cloud: Cloud, operation: JsonObject) -> str:
    """The operation's id, as its status names it."""
    return _operation_path(cloud, operation, _COLLECTIONS[operation["type"].lower()][0])


def result_url(cloud: Cloud, operation: JsonObject, api_version: str) -> str:
    """Where an operation's result is read (``Location``)."""
    path = _operation_path(cloud, operation, _COLLECTIONS[operation["type"].lower()][1])
    monitor = "monitor=true&" if operation["wire"] == "storage" else ""
    return f"{cloud.settings.arm_url}{path}?{monitor}api-version={api_version}&t={ticks(cloud.clock())}"


_COLLECTIONS: dict[str, tuple[str, str]] = {
    "microsoft.app/managedenvironments": (
        "managedEnvironmentOperationStatuses",
        "managedEnvironmentOperationResults",
    ),
    "microsoft.app/containerapps": ("containerappOperationStatuses", "containerappOperationResults"),
    "microsoft.app/jobs": ("containerappsjobOperationStatuses", "containerappsjobOperationResults"),
    "microsoft.storage/storageaccounts": ("asyncoperations", "asyncoperations"),
    "microsoft.operationalinsights/workspaces": ("operationstatuses", "operationstatuses"),
}

OPERATION_COLLECTIONS = frozenset(one.lower() for pair in _COLLECTIONS.values() for one in pair)
RESULT_COLLECTIONS = frozenset(pair[1].lower() for pair in _COLLECTIONS.values()) - {"operationstatuses"}


def _operation_path(cloud: Cloud, operation: JsonObject, collection: str) -> str:
    namespace = operation["type"].partition("/")[0]
    location = operation["location"].replace(" ", "").lower() or "global"
    subscription = f"/subscriptions/{cloud.settings.subscription_id}"
    return f"{subscription}/providers/{namespace}/locations/{location}/{collection}/{operation['name']}"


def status_body(cloud: Cloud, operation: JsonObject) -> JsonObject:
    """What a poll of ``Azure-AsyncOperation`` answers; that of a workspace tells the end, too (recorded)."""
    workspace = operation["wire"] == "insights"
    body = {
        "id": status_path(cloud, operation),
        "name": operation["name"],
        "status": operation["status"],
        "startTime": operation["startTime"] if workspace else operation["startTime"].rstrip("Z"),
    }
    if workspace and "endTime" in operation:
        body |= {"endTime": operation["endTime"], "properties": {}}
    if operation["error"] is not None:
        body["error"] = operation["error"]
    return body
