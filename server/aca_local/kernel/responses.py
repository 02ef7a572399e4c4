"""Answers of Azure Resource Manager: their headers, and how a long-running operation is answered.
 Headers and shapes as recorded: a managed environment's or app's PUT answers 201 with
``Azure-AsyncOperation``, their PATCH and DELETE 202 with ``Location``; a storage account's PUT 202 with
``Location … monitor=true``; a workspace's PUT 201 with both.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from aca_local.kernel.locations import canonical
from aca_local.state import ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.errors import ArmError
    from aca_local.kernel.operations import Change
    from aca_local.kernel.records import OperationRecord, Protocol
    from aca_local.state import JsonObject

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


def answer(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer with a JSON body; without one (None) where there is nothing to say."""
    if body is None:
        return web.Response(status=status, headers=headers)
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(
        status=status, text=text, headers=headers, content_type="application/json", charset="utf-8"
    )


def failure(error: ArmError) -> web.Response:
    """Return an error answer."""
    headers = dict(error.headers)
    if error.gateway:
        headers["x-ms-failure-cause"] = "gateway"
    return answer({"error": error.body()}, error.status, headers)


def add_common_headers(request: web.BaseRequest, response: web.StreamResponse, correlation: str) -> None:
    """Add the headers that every answer of ARM has."""
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
    """Return how a PUT, PATCH, start or stop answers: at once, or pointing to its operation."""
    operation = change.operation
    if operation is None:
        return answer(shown, created_status if change.created else 200)
    protocol = _operations_of(operation).protocol
    if operation["action"] != "put" or protocol == "storage":
        found = accepted(cloud, operation, api_version)
        if operation["action"] == "patch" and api_version >= _BOTH_HEADERS:
            found.headers["Azure-AsyncOperation"] = status_url(cloud, operation, api_version)
        return found
    headers = {"Azure-AsyncOperation": status_url(cloud, operation, api_version), "Retry-After": RETRY_AFTER}
    if protocol == "insights":
        headers["Location"] = f"{cloud.settings.arm_url}{operation['target']}?api-version={api_version}"
    if protocol == "app":
        headers["x-ms-async-operation-timeout"] = "PT15M"
    return answer(shown, 201 if change.created else 200, headers)


def accepted(cloud: Cloud, operation: OperationRecord, api_version: str) -> web.Response:
    """Return 202, empty, with ``Location``; of a workspace with ``Azure-AsyncOperation`` too (recorded)."""
    headers = {"Location": result_url(cloud, operation, api_version), "Retry-After": RETRY_AFTER}
    protocol = _operations_of(operation).protocol
    if protocol == "storage" and operation["action"] == "put":
        headers["Content-Type"] = "text/plain; charset=utf-8"  # of an empty body (recorded)
    if protocol == "insights":
        headers["Azure-AsyncOperation"] = status_url(cloud, operation, api_version)
    return answer(status=202, headers=headers)


def status_url(cloud: Cloud, operation: OperationRecord, api_version: str) -> str:
    """Return where an operation's status is read (``Azure-AsyncOperation``)."""
    path = status_path(cloud, operation)
    extra = "&azureAsyncOperation=true" if _operations_of(operation).protocol == "app" else ""
    return f"{cloud.settings.arm_url}{path}?api-version={api_version}{extra}&t={ticks(cloud.clock())}"


def status_path(cloud: Cloud, operation: OperationRecord) -> str:
    """Return the operation's id, as its status names it."""
    return _operation_path(cloud, operation, _operations_of(operation).statuses)


def result_url(cloud: Cloud, operation: OperationRecord, api_version: str) -> str:
    """Return where an operation's result is read (``Location``)."""
    path = _operation_path(cloud, operation, _operations_of(operation).results)
    monitor = "monitor=true&" if _operations_of(operation).protocol == "storage" else ""
    return f"{cloud.settings.arm_url}{path}?{monitor}api-version={api_version}&t={ticks(cloud.clock())}"


class _Operations(NamedTuple):
    """How the operations on a type are answered, and the collections of their statuses and results."""

    protocol: Protocol
    statuses: str
    results: str


def _of_app(name: str) -> _Operations:
    return _Operations("app", f"{name}OperationStatuses", f"{name}OperationResults")


_OPERATIONS = {
    "microsoft.app/managedenvironments": _of_app("managedEnvironment"),
    "microsoft.app/containerapps": _of_app("containerapp"),
    "microsoft.app/jobs": _of_app("containerappsjob"),
    "microsoft.storage/storageaccounts": _Operations("storage", "asyncoperations", "asyncoperations"),
    "microsoft.operationalinsights/workspaces": _Operations("insights", *("operationstatuses",) * 2),
}

RESULT_COLLECTIONS = frozenset(one.results.lower() for one in _OPERATIONS.values()) - {"operationstatuses"}
OPERATION_COLLECTIONS = RESULT_COLLECTIONS | {one.statuses.lower() for one in _OPERATIONS.values()}


def _operations_of(operation: OperationRecord) -> _Operations:
    return _OPERATIONS[operation["type"].lower()]


def _operation_path(cloud: Cloud, operation: OperationRecord, collection: str) -> str:
    namespace = operation["type"].partition("/")[0]
    location = canonical(operation["location"]) or "global"
    subscription = f"/subscriptions/{cloud.settings.subscription_id}"
    return f"{subscription}/providers/{namespace}/locations/{location}/{collection}/{operation['name']}"


def status_body(cloud: Cloud, operation: OperationRecord) -> JsonObject:
    """Return what a poll of ``Azure-AsyncOperation`` answers; of a workspace with the end, too (recorded)."""
    workspace = _operations_of(operation).protocol == "insights"
    body: JsonObject = {
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
