"""What-if: what a deployment would change (the form of the recorded answer).

Compared is what the template says with what the resource shows. Of what a template leaves out, the service reports for
container apps its own values as deleted, whatever a deployment does (https://github.com/Azure/arm-template-whatif/issues/331);
for other types it knows their defaults and reports none of them (recorded).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from arm_template import Expression

from aca_local.arm import bulk_routes, deployments, preflight
from aca_local.arm.polling import operation_url
from aca_local.kernel import responses
from aca_local.kernel.errors import ArmError
from aca_local.kernel.ids import parse
from aca_local.kernel.locations import canonical
from aca_local.kernel.operations import new_operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web
    from arm_template import Plan, PlannedResource

    from aca_local.arm.deployments import DeploymentScope
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import DeploymentPrivate, ResourceRecord
    from aca_local.kernel.routing import ArmRequest, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON, JsonObject

_SECRET = frozenset({"sharedkey", "accountkey"})
_MOST_KEPT = 100
"""Answers that clients may still ask for."""
_STARS = "*******"
_APP = "microsoft.app/containerapps"
_OWN_VALUES = (
    "properties.runningStatus",
    "properties.configuration.ingress.exposedPort",
    "properties.configuration.ingress.traffic",
)
_TOP = ("apiVersion", "id", "identity", "kind", "location", "name", "properties", "sku", "tags", "type")


def handler(
    registry: Registry,
    scope_of_request: Callable[[Cloud, ArmRequest], DeploymentScope],
    location_of: Callable[[DeploymentScope, JsonObject], str],
) -> Handler:
    """Return ``POST …/whatIf``: 202 with ``Location``, which answers the changes, or the failure with 200."""

    async def what_if(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
        scope = scope_of_request(cloud, request)
        body = await request.body()
        body, properties = deployments.read_request(body)
        location = location_of(scope, body)
        private = deployments.new_private(cloud, properties, request.correlation_id, location)
        operation = new_operation(cloud, deployments.TYPE, scope.id, "whatIf")
        operation["status"] = "Succeeded"
        try:
            operation["result"] = _result(cloud, registry, scope, properties, private)
        except ArmError as error:
            operation["result"] = {"status": "Failed", "error": cast("JSON", error.body())}
        cloud.comparisons[operation["name"]] = operation
        while len(cloud.comparisons) > _MOST_KEPT:
            cloud.comparisons.pop(next(iter(cloud.comparisons)))
        url = operation_url(cloud, operation, request.api_version)
        return responses.answer(status=202, headers={"Location": url, "Retry-After": responses.RETRY_AFTER})

    return what_if


def _result(
    cloud: Cloud,
    registry: Registry,
    scope: DeploymentScope,
    properties: JsonObject,
    private: DeploymentPrivate,
) -> JsonObject:
    plan = deployments.plan_of(cloud, scope, private)
    preflight.check(cloud, registry, scope, plan)
    settings = properties.get("whatIfSettings") or {}
    full = settings.get("resultFormat", "FullResourcePayloads") == "FullResourcePayloads"
    changes = [_change(cloud, registry, one) for one in plan.leaves()]
    changes += [*_others(cloud, registry, scope, plan, properties["mode"])]
    if not full:
        changes = [{key: one[key] for key in ("resourceId", "changeType")} for one in changes]
    return {
        "status": "Succeeded",
        "properties": {"correlationId": private["correlationId"], "changes": changes},
    }


def _change(cloud: Cloud, registry: Registry, one: PlannedResource) -> JsonObject:
    change: JsonObject = {"resourceId": one.id}
    body = {key: _redacted(value, key) for key, value in one.body.items() if key in _TOP}
    after = dict(sorted((body | {"id": one.id, "apiVersion": one.api_version}).items()))
    kind = registry.get(one.type)
    found = (
        kind.find(cloud, parse(one.id)) if kind is not None and _parent_exists(cloud, registry, one) else None
    )
    if kind is None or found is None:
        return change | {"changeType": "Create", "after": after}
    before = _before(kind.view(cloud, found, one.api_version), one.api_version)
    delta = [*_delta(before, after, ""), *_left_out(one.type, before, after)]
    merged = _merge(before, after)
    if not delta:
        return change | {"changeType": "NoChange", "before": before, "after": before}
    return change | {"changeType": "Modify", "before": before, "after": merged, "delta": delta}


def _parent_exists(cloud: Cloud, registry: Registry, one: PlannedResource) -> bool:
    parent = parse(one.id).parent
    if parent is None:
        return True
    kind = registry.get(parent.type)
    return kind is not None and kind.find(cloud, parent) is not None


def _redacted(value: Any, key: str) -> Any:
    """Return a body without its secrets: keys of accounts and workspaces, values of an app's secrets."""
    if isinstance(value, dict):
        return {name: _redacted(held, name) for name, held in value.items()}
    if isinstance(value, list):
        hidden = key.lower() == "secrets"
        return [
            {**one, "value": _STARS} if hidden and "value" in one else _redacted(one, key) for one in value
        ]
    return _STARS if key.lower() in _SECRET else value


def _before(shown: JsonObject, api_version: str) -> JsonObject:
    kept = {key: value for key, value in shown.items() if key in _TOP}
    return dict(sorted((kept | {"apiVersion": api_version}).items()))


def _delta(before: Any, after: JsonObject, path: str) -> list[JsonObject]:
    """Return the property changes from ``before`` to what the template says."""
    found: list[JsonObject] = []
    held = {key.lower(): value for key, value in before.items()} if isinstance(before, dict) else {}
    for key, value in after.items():
        if (not path and key in {"apiVersion", "id", "name", "type"}) or key.lower() in {*_SECRET, "secrets"}:
            continue
        here = f"{path}.{key}" if path else key
        found += _compare(held.get(key.lower()), value, here, known=key.lower() in held)
    return found


def _left_out(resource_type: str, before: JsonObject, after: JsonObject) -> list[JsonObject]:
    """Return the service's own values that a container app's template leaves out, as deleted."""
    if resource_type.lower() != _APP:
        return []
    found = ((path, _at(before, path), _at(after, path)) for path in _OWN_VALUES)
    return [
        {"path": path, "propertyChangeType": "Delete", "before": held}
        for path, held, said in found
        if held is not None and said is None
    ]


def _at(body: Any, path: str) -> Any:
    for key in path.split("."):
        body = body.get(key) if isinstance(body, dict) else None
    return body


def _compare(before: Any, after: Any, path: str, *, known: bool) -> list[JsonObject]:
    if isinstance(after, dict) and isinstance(before, dict):
        return _delta(before, after, path)
    if isinstance(after, Expression) or after is None or before == after:
        return []
    texts = isinstance(after, str) and isinstance(before, str)
    if path == "location" and texts and canonical(before) == canonical(after):
        return []
    if not known:
        return [{"path": path, "propertyChangeType": "Create", "after": after}]
    if isinstance(after, list) and isinstance(before, list):
        return [_array(before, after, path)] if _elements(before, after) else []
    return [{"path": path, "propertyChangeType": "Modify", "before": before, "after": after}]


def _array(before: list[Any], after: list[Any], path: str) -> JsonObject:
    children = _elements(before, after)
    return {
        "path": path,
        "propertyChangeType": "Array",
        "before": before,
        "after": after,
        "children": children,
    }


def _elements(before: list[Any], after: list[Any]) -> list[JsonObject]:
    children: list[JsonObject] = []
    for index in range(max(len(before), len(after))):
        if index >= len(before):
            children.append({"path": str(index), "propertyChangeType": "Create", "after": after[index]})
        elif index >= len(after):
            children.append({"path": str(index), "propertyChangeType": "Delete", "before": before[index]})
        else:
            children += _compare(before[index], after[index], str(index), known=True)
    return children


def _merge(before: JsonObject, after: JsonObject) -> JsonObject:
    merged = dict(before)
    for key, value in after.items():
        held = merged.get(key)
        merged[key] = _merge(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged


def _others(
    cloud: Cloud, registry: Registry, scope: DeploymentScope, plan: Plan, mode: str
) -> list[JsonObject]:
    """Return what the group has beside the template: ignored, or deleted in complete mode."""
    if scope.group is None:
        return []
    named = {one.id.lower() for one in plan.leaves()}
    rest = [
        one
        for one in bulk_routes.tracked(cloud, registry, f"{scope.base}/")
        if one["id"].lower() not in named
    ]
    return [_other(cloud, registry, one, "Delete" if mode == "Complete" else "Ignore") for one in rest]


def _other(cloud: Cloud, registry: Registry, one: ResourceRecord, change: str) -> JsonObject:
    kind = registry.get(one["type"])
    assert kind is not None
    before = _before(kind.show(cloud, one), kind.api_versions[0])
    shown: JsonObject = {"resourceId": one["id"], "changeType": change, "before": before}
    return shown if change == "Delete" else shown | {"after": before}
