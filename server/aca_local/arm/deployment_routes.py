"""Deployments on the wire, in a group and in the subscription."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from aca_local.arm import deployments, engine, errors, groups, preflight, whatif, wire
from aca_local.arm.deployments import DEPLOYMENT, DEPLOYMENT_OPERATION, Place
from aca_local.arm.operations import OPERATION
from aca_local.arm.polling import operation_url
from aca_local.arm.routing import Route, read_filter
from aca_local.arm.subscriptions import check
from aca_local.arm.versions import RESOURCES_VERSIONS
from aca_local.state import ticks
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.routing import Ask, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject

_SUB = "/subscriptions/{subscription}"
_GROUP = f"{_SUB}/resourcegroups/{{group}}"
_LIST = frozenset({"$filter", "$top"})
_FILTERS = frozenset({"provisioningstate"})


def routes(registry: Registry) -> list[Route]:
    """The routes of both scopes; the operations of a deployment have two paths, an older and a newer."""
    made: list[Route] = []
    for scope in (_GROUP, _SUB):
        base = f"{scope}/providers/{deployments.TYPE}"
        one = f"{base}/{{name}}"
        made += [
            _route("GET", base, _list, _LIST),
            _route("PUT", one, _put(registry)),
            _route("GET", one, _get),
            _route("HEAD", one, _head),
            _route("DELETE", one, _delete),
            _route("POST", f"{one}/cancel", _cancel),
            _route("POST", f"{one}/validate", _validate(registry)),
            _route("POST", f"{one}/whatIf", whatif.handler(registry, _place, _location)),
            _route("POST", f"{one}/exportTemplate", _export),
            _route("GET", f"{one}/operationStatuses/{{status}}", _status),
        ]
        for operations in (f"{one}/operations", f"{scope}/deployments/{{name}}/operations"):
            made.append(_route("GET", operations, _operations, frozenset({"$top"})))
            made.append(_route("GET", f"{operations}/{{operation}}", _operation))
    return made


def _route(method: str, template: str, handler: Handler, query: frozenset[str] = frozenset()) -> Route:
    return Route(method, template, handler, query, RESOURCES_VERSIONS)


def _place(cloud: Cloud, ask: Ask) -> Place:
    """Where a request's deployment is. Raises SubscriptionNotFound, ResourceGroupNotFound."""
    check(cloud, ask.path["subscription"])
    group = groups.find(cloud, ask.path["group"])["name"] if "group" in ask.path else None
    return Place(cloud.settings.subscription_id, group, ask.path.get("name", ""))


def _location(place: Place, body: JsonObject) -> str:
    location = body.get("location") or ""
    if place.group is None and not location:
        raise errors.gateway(
            400,
            "LocationRequired",
            f"The location property is required for the deployment '{place.name}' at the scope of a"
            " subscription.",
        )
    return str(location)


def _find(cloud: Cloud, place: Place) -> JsonObject:
    found = cloud.store.get(DEPLOYMENT, place.id)
    if found is None:
        raise errors.gateway(404, "DeploymentNotFound", f"Deployment '{place.name}' could not be found.")
    return found


def _put(registry: Registry) -> Handler:
    async def put(cloud: Cloud, ask: Ask) -> web.StreamResponse:
        place = _place(cloud, ask)
        deployments.check_name(place.name)
        body = await ask.body()
        properties = deployments.read_request(body)
        location = _location(place, body)
        if place.group is not None:
            groups.check_writable(cloud, place.group)
        existing = deployments.check_inactive(cloud, place)
        private = deployments.new_private(cloud, properties, ask.correlation_id) | {"location": location}
        plan = deployments.plan_of(cloud, place, location, private)
        preflight.check(cloud, registry, place, plan)
        extra = _extra(place, body, location)
        document = deployments.document(cloud, place, properties["mode"], plan, private=private, extra=extra)
        with cloud.store.transaction():
            cloud.store.delete_under(DEPLOYMENT_OPERATION, f"{place.id}/")
            cloud.store.put(DEPLOYMENT, place.id, document)
        engine.begin(cloud, registry, place, plan)
        headers = {
            "Azure-AsyncOperation": _status_url(cloud, place, private, ask),
            "Retry-After": wire.RETRY_AFTER,
        }
        return wire.answer(deployments.show(document), 200 if existing else 201, headers)

    return put


def _extra(place: Place, body: JsonObject, location: str) -> JsonObject:
    extra: JsonObject = {"location": location} if place.group is None else {}
    if body.get("tags"):
        extra["tags"] = body["tags"]
    return extra


def _status_url(cloud: Cloud, place: Place, private: JsonObject, ask: Ask) -> str:
    path = f"{place.id}/operationStatuses/{private['operationId']}"
    query = f"api-version={ask.api_version}&t={ticks(cloud.clock())}"
    return f"{cloud.settings.arm_url}{path}?{query}"


async def _status(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    found = _find(cloud, _place(cloud, ask))
    if found["private"]["operationId"] != ask.path["status"]:
        raise errors.gateway(
            404, "DeploymentOperationNotFound", f"The operation '{ask.path['status']}' could not be found."
        )
    body: JsonObject = {"status": found["properties"]["provisioningState"]}
    if found["properties"].get("error"):
        body["error"] = found["properties"]["error"]
    headers = {"Retry-After": wire.RETRY_AFTER} if engine.is_active(found) else {}
    return wire.answer(body, 200, headers)


async def _get(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    return wire.answer(deployments.show(_find(cloud, _place(cloud, ask))))


async def _head(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    _find(cloud, _place(cloud, ask))
    return wire.answer(status=204)


async def _list(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    place = _place(cloud, ask)
    clauses = read_filter(ask.query.get("$filter"), _FILTERS)
    wanted = clauses.get("provisioningstate", "").lower()
    found = cloud.store.list(DEPLOYMENT, f"{place.base}/providers/")
    shown = [
        deployments.show(one)
        for one in reversed(found)
        if not wanted or one["properties"]["provisioningState"].lower() == wanted
    ]
    top = ask.query.get("$top")
    return wire.answer({"value": shown[: int(top)] if top and top.isdigit() else shown})


async def _delete(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    place = _place(cloud, ask)
    found = cloud.store.get(DEPLOYMENT, place.id)
    if found is None:
        return wire.answer(status=204)
    if engine.is_active(found):
        deployments.check_inactive(cloud, place)
    operation: JsonObject = {
        "name": str(uuid.uuid4()),
        "type": deployments.TYPE,
        "target": place.id,
        "action": "delete",
        "wire": "arm",
        "location": "",
        "status": "Succeeded",
        "startTime": stamp(cloud.clock()),
        "error": None,
        "done": 204,
    }
    with cloud.store.transaction():
        cloud.store.delete(DEPLOYMENT, place.id)
        cloud.store.delete_under(DEPLOYMENT_OPERATION, f"{place.id}/")
        cloud.store.put(OPERATION, operation["name"], operation)
    headers = {"Location": operation_url(cloud, operation, ask.api_version), "Retry-After": wire.RETRY_AFTER}
    return wire.answer(status=202, headers=headers)


async def _cancel(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    """204 while it goes on; 409 DeploymentCannotBeCancelled when it has ended (recorded)."""
    place = _place(cloud, ask)
    found = _find(cloud, place)
    if not engine.is_active(found):
        state = found["properties"]["provisioningState"]
        raise errors.gateway(
            409,
            "DeploymentCannotBeCancelled",
            f"The deployment '{place.name}' cannot be cancelled because it has provisioning state '{state}'"
            " or it has"
            f" already expired (expiration time is '{deployments.expiration(found)}').",
        )
    engine.cancel(cloud, place)
    return wire.answer(status=204)


def _validate(registry: Registry) -> Handler:
    async def validate(cloud: Cloud, ask: Ask) -> web.StreamResponse:
        place = _place(cloud, ask)
        deployments.check_name(place.name)
        body = await ask.body()
        properties = deployments.read_request(body)
        location = _location(place, body)
        private = deployments.new_private(cloud, properties, ask.correlation_id)
        plan = deployments.plan_of(cloud, place, location, private)
        preflight.check(cloud, registry, place, plan)
        document = deployments.document(
            cloud, place, properties["mode"], plan, private=private, extra=_extra(place, body, location)
        )
        validated = [{"id": one.id} for one in plan.leaves()]
        document["properties"] |= {"provisioningState": "Succeeded", "validatedResources": validated}
        return wire.answer(deployments.show(document))

    return validate


async def _export(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    return wire.answer({"template": _find(cloud, _place(cloud, ask))["private"]["template"]})


def _shown(record: JsonObject) -> JsonObject:
    return {key: record[key] for key in ("id", "operationId", "properties")}


async def _operations(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    place = _place(cloud, ask)
    _find(cloud, place)
    found = [_shown(one) for one in cloud.store.list(DEPLOYMENT_OPERATION, f"{place.id}/operations/")]
    top = ask.query.get("$top")
    return wire.answer({"value": found[: int(top)] if top and top.isdigit() else found})


async def _operation(cloud: Cloud, ask: Ask) -> web.StreamResponse:
    place = _place(cloud, ask)
    found = cloud.store.get(DEPLOYMENT_OPERATION, f"{place.id}/operations/{ask.path['operation']}")
    if found is None:
        message = f"The deployment operation '{ask.path['operation']}' could not be found."
        raise errors.gateway(404, "DeploymentOperationNotFound", message)
    return wire.answer(_shown(found))
