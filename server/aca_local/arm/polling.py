"""Where clients look how their operation goes: ``Azure-AsyncOperation`` and ``Location`` URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm.subscriptions import check
from aca_local.kernel import errors, responses
from aca_local.kernel.ids import parse
from aca_local.kernel.records import OPERATION, RESOURCE
from aca_local.state import TERMINAL

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import OperationRecord
    from aca_local.kernel.routing import ArmRequest, Handler
    from aca_local.providers.registry import Registry


def handler(registry: Registry) -> Handler:
    """Return ``GET …/locations/{location}/{collection}/{operation}`` of all providers."""

    async def poll(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
        check(cloud, request.path["subscription"])
        collection = request.path["collection"].lower()
        operation = cloud.store.get(OPERATION, request.path["operation"])
        if operation is None or collection not in responses.OPERATION_COLLECTIONS:
            raise errors.OPERATION_NOT_FOUND.error(name=request.path["operation"])
        if collection not in responses.RESULT_COLLECTIONS:
            wait = {} if operation["status"] in TERMINAL else {"Retry-After": responses.RETRY_AFTER}
            return responses.answer(responses.status_body(cloud, operation), 200, wait)
        return _result(cloud, registry, operation, request.api_version)

    return poll


def _result(cloud: Cloud, registry: Registry, operation: OperationRecord, api_version: str) -> web.Response:
    if operation["status"] not in TERMINAL:
        return responses.accepted(cloud, operation, api_version)
    if operation["status"] == "Failed":
        return responses.answer({"error": operation["error"]}, 400)
    if operation["action"] == "delete":
        return responses.answer(status=204)
    target = parse(operation["target"])
    kind = registry.get(target.type)
    resource = cloud.store.get(RESOURCE, target.key)
    if kind is None or resource is None:
        return responses.answer(status=204)
    return responses.answer(kind.view(cloud, resource, api_version))


async def operation_result(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Answer ``GET …/operationresults/{id}``: group deletion, what-if, removal of a deployment."""
    check(cloud, request.path["subscription"])
    name = request.path["operation"]
    operation = cloud.comparisons.get(name) or cloud.store.get(OPERATION, name)
    if operation is None:
        raise errors.OPERATION_NOT_FOUND.error(name=name)
    if operation["status"] not in TERMINAL:
        return responses.answer(
            status=202,
            headers={
                "Location": operation_url(cloud, operation, request.api_version),
                "Retry-After": responses.RETRY_AFTER,
            },
        )
    if operation.get("result") is not None:
        return responses.answer(operation["result"])
    return responses.answer(status=operation.get("done", 200))


def operation_url(cloud: Cloud, operation: OperationRecord, api_version: str) -> str:
    """Return the ``Location`` of ARM's own long operations."""
    base = f"{cloud.settings.arm_url}/subscriptions/{cloud.settings.subscription_id}"
    return f"{base}/operationresults/{operation['name']}?api-version={api_version}"
