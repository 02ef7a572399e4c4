"""Where clients look how their operation goes: ``Azure-AsyncOperation`` and ``Location`` URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import errors, wire
from aca_local.arm.ids import parse
from aca_local.arm.operations import find_operation
from aca_local.arm.subscriptions import check
from aca_local.providers.model import RESOURCE
from aca_local.state import TERMINAL

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.routing import Ask, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject


def handler(registry: Registry) -> Handler:
    """``GET …/locations/{location}/{collection}/{operation}`` of all providers."""

    async def poll(cloud: Cloud, ask: Ask) -> web.StreamResponse:
        check(cloud, ask.path["subscription"])
        collection = ask.path["collection"].lower()
        operation = find_operation(cloud, ask.path["operation"])
        if operation is None or collection not in wire.OPERATION_COLLECTIONS:
            raise errors.gateway(
                404, "OperationNotFound", f"The operation '{ask.path['operation']}' was not found."
            )
        if collection not in wire.RESULT_COLLECTIONS:
            return _status(cloud, operation)
        return _result(cloud, registry, operation, ask.api_version)

    return poll


def _status(cloud: Cloud, operation: JsonObject) -> web.Response:
    headers = {} if operation["status"] in TERMINAL else {"Retry-After": wire.RETRY_AFTER}
    return wire.answer(wire.status_body(cloud, operation), 200, headers)


def _result(cloud: Cloud, registry: Registry, operation: JsonObject, api_version: str) -> web.Response:
    if operation["status"] not in TERMINAL:
        return wire.accepted(cloud, operation, api_version)
    if operation["status"] == "Failed":
        return wire.answer({"error": operation["error"]}, 400)
    if operation["action"] == "delete":
        return wire.answer(status=204)
    target = parse(operation["target"])
    kind = registry.get(target.type)
    resource = cloud.store.get(RESOURCE, target.key)
    if kind is None or resource is None:
        return wire.answer(status=204)
    return wire.answer(kind.show(cloud, resource))


async def operation_result(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    """``GET /subscriptions/{s}/operationresults/{id}``: group deletion, what-if, removal of a deployment."""
    check(cloud, ask.path["subscription"])
    operation = find_operation(cloud, ask.path["operation"])
    if operation is None:
        raise errors.gateway(
            404, "OperationNotFound", f"The operation '{ask.path['operation']}' was not found."
        )
    if operation["status"] not in TERMINAL:
        return wire.answer(
            status=202,
            headers={
                "Location": operation_url(cloud, operation, ask.api_version),
                "Retry-After": wire.RETRY_AFTER,
            },
        )
    if operation.get("result") is not None:
        return wire.answer(operation["result"])
    return wire.answer(status=operation.get("done", 200))


def operation_url(cloud: Cloud, operation: JsonObject, api_version: str) -> str:
    """The ``Location`` of ARM's own long operations."""
    base = f"{cloud.settings.arm_url}/subscriptions/{cloud.settings.subscription_id}"
    return f"{base}/operationresults/{operation['name']}?api-version={api_version}"
