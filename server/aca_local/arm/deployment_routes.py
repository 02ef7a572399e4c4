"""The requests about deployments, in a group and in the subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import deployments, engine, groups, preflight, whatif
from aca_local.arm.deployments import DeploymentScope
from aca_local.arm.polling import operation_url
from aca_local.arm.subscriptions import check
from aca_local.arm.versions import RESOURCES_VERSIONS
from aca_local.kernel import errors, responses
from aca_local.kernel.operations import new_operation
from aca_local.kernel.records import DEPLOYMENT, DEPLOYMENT_OPERATION, OPERATION
from aca_local.kernel.routing import Route, limited, read_filter
from aca_local.state import ticks

if TYPE_CHECKING:
    from aiohttp import web
    from arm_template import Plan

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import DeploymentRecord, StepRecord
    from aca_local.kernel.routing import ArmRequest, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject

_SUB = "/subscriptions/{subscription}"
_GROUP = f"{_SUB}/resourcegroups/{{group}}"
_LIST = frozenset({"$filter", "$top"})
_FILTERS = frozenset({"provisioningstate"})


def routes(registry: Registry) -> list[Route]:
    """Return the routes of both scopes; a deployment's operations have two paths, an older and a newer."""
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
            _route("POST", f"{one}/whatIf", whatif.handler(registry, _scope, _location)),
            _route("POST", f"{one}/exportTemplate", _export),
            _route("GET", f"{one}/operationStatuses/{{status}}", _status),
        ]
        for operations in (f"{one}/operations", f"{scope}/deployments/{{name}}/operations"):
            made.append(_route("GET", operations, _operations, frozenset({"$top"})))
            made.append(_route("GET", f"{operations}/{{operation}}", _operation))
    return made


def _route(method: str, template: str, handler: Handler, query: frozenset[str] = frozenset()) -> Route:
    return Route(method, template, handler, query, RESOURCES_VERSIONS)


def _scope(cloud: Cloud, request: ArmRequest) -> DeploymentScope:
    """Return where a request's deployment is. Raise SubscriptionNotFound, ResourceGroupNotFound."""
    check(cloud, request.path["subscription"])
    group = groups.find(cloud, request.path["group"])["name"] if "group" in request.path else None
    return DeploymentScope(cloud.settings.subscription_id, group, request.path.get("name", ""))


def _location(scope: DeploymentScope, body: JsonObject) -> str:
    location = body.get("location") or ""
    if scope.group is None and not location:
        raise errors.DEPLOYMENT_LOCATION.error(name=scope.name)
    return str(location)


def _find(cloud: Cloud, scope: DeploymentScope) -> DeploymentRecord:
    found = cloud.store.get(DEPLOYMENT, scope.id)
    if found is None:
        raise errors.DEPLOYMENT_NOT_FOUND.error(name=scope.name)
    return found


def _put(registry: Registry) -> Handler:
    async def put(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
        scope = _scope(cloud, request)
        deployments.check_name(scope.name)
        body = await request.body()
        if scope.group is not None:
            groups.check_writable(cloud, scope.group)
        existing = deployments.check_inactive(cloud, scope)
        document, plan = _prepare(cloud, registry, scope, body, request.correlation_id)
        with cloud.store.transaction():
            cloud.store.delete_under(DEPLOYMENT_OPERATION, f"{scope.id}/")
            cloud.store.put(DEPLOYMENT, scope.id, document)
        engine.begin(cloud, registry, scope, plan)
        path = f"{scope.id}/operationStatuses/{document['private']['operationId']}"
        query = f"api-version={request.api_version}&t={ticks(cloud.clock())}"
        status = f"{cloud.settings.arm_url}{path}?{query}"
        headers = {"Azure-AsyncOperation": status, "Retry-After": responses.RETRY_AFTER}
        return responses.answer(deployments.show(document), 200 if existing else 201, headers)

    return put


def _prepare(
    cloud: Cloud, registry: Registry, scope: DeploymentScope, body: JsonObject, correlation: str
) -> tuple[DeploymentRecord, Plan]:
    """Return a deployment with its plan; nothing is stored yet. Raise what Azure would refuse."""
    body, properties = deployments.read_request(body)
    location = _location(scope, body)
    private = deployments.new_private(cloud, properties, correlation, location)
    plan = deployments.plan_of(cloud, scope, private)
    preflight.check(cloud, registry, scope, plan)
    document = deployments.document(cloud, scope, properties["mode"], plan, private=private)
    if scope.group is None:
        document["location"] = location
    if body.get("tags"):
        document["tags"] = body["tags"]
    return document, plan


async def _status(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    found = _find(cloud, _scope(cloud, request))
    if found["private"]["operationId"] != request.path["status"]:
        raise errors.DEPLOYMENT_STATUS_NOT_FOUND.error(name=request.path["status"])
    body: JsonObject = {"status": found["properties"]["provisioningState"]}
    if found["properties"].get("error"):
        body["error"] = found["properties"]["error"]
    headers = {"Retry-After": responses.RETRY_AFTER} if engine.is_active(found) else {}
    return responses.answer(body, 200, headers)


async def _get(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    return responses.answer(deployments.show(_find(cloud, _scope(cloud, request))))


async def _head(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    _find(cloud, _scope(cloud, request))
    return responses.answer(status=204)


async def _list(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    scope = _scope(cloud, request)
    clauses = read_filter(request.query.get("$filter"), _FILTERS)
    wanted = clauses.get("provisioningstate", "").lower()
    found = cloud.store.list(DEPLOYMENT, f"{scope.base}/providers/")
    shown = [
        deployments.show(one)
        for one in reversed(found)
        if not wanted or one["properties"]["provisioningState"].lower() == wanted
    ]
    return responses.answer({"value": limited(shown, request.query)})


async def _delete(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    scope = _scope(cloud, request)
    found = cloud.store.get(DEPLOYMENT, scope.id)
    if found is None:
        return responses.answer(status=204)
    if engine.is_active(found):
        deployments.check_inactive(cloud, scope)
    operation = new_operation(cloud, deployments.TYPE, scope.id, "delete")
    operation |= {"status": "Succeeded", "done": 204}
    with cloud.store.transaction():
        cloud.store.delete(DEPLOYMENT, scope.id)
        cloud.store.delete_under(DEPLOYMENT_OPERATION, f"{scope.id}/")
        cloud.store.put(OPERATION, operation["name"], operation)
    headers = {
        "Location": operation_url(cloud, operation, request.api_version),
        "Retry-After": responses.RETRY_AFTER,
    }
    return responses.answer(status=202, headers=headers)


async def _cancel(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Answer 204 while it goes on, 409 DeploymentCannotBeCancelled when it has ended (recorded)."""
    scope = _scope(cloud, request)
    found = _find(cloud, scope)
    if not engine.is_active(found):
        state, until = found["properties"]["provisioningState"], deployments.expiration(found)
        raise errors.CANNOT_CANCEL.error(name=scope.name, state=state, until=until)
    engine.cancel(cloud, scope)
    return responses.answer(status=204)


def _validate(registry: Registry) -> Handler:
    async def validate(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
        scope = _scope(cloud, request)
        deployments.check_name(scope.name)
        document, plan = _prepare(cloud, registry, scope, await request.body(), request.correlation_id)
        document["properties"]["provisioningState"] = "Succeeded"
        document["properties"]["validatedResources"] = [{"id": one.id} for one in plan.leaves()]
        return responses.answer(deployments.show(document))

    return validate


async def _export(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    return responses.answer({"template": _find(cloud, _scope(cloud, request))["private"]["template"]})


def _shown(record: StepRecord) -> JsonObject:
    """Return a step of a deployment without what only the engine knows."""
    return {"id": record["id"], "operationId": record["operationId"], "properties": record["properties"]}


async def _operations(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    scope = _scope(cloud, request)
    _find(cloud, scope)
    found = [_shown(one) for one in cloud.store.list(DEPLOYMENT_OPERATION, f"{scope.id}/operations/")]
    return responses.answer({"value": limited(found, request.query)})


async def _operation(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    scope = _scope(cloud, request)
    found = cloud.store.get(DEPLOYMENT_OPERATION, f"{scope.id}/operations/{request.path['operation']}")
    if found is None:
        raise errors.DEPLOYMENT_OPERATION_NOT_FOUND.error(name=request.path["operation"])
    return responses.answer(_shown(found))
