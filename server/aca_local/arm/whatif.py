"""What-if: what a deployment would change (the form of the recorded answer).

Compared is what the template says with what the resource shows: a property that the template leaves out is
not
reported, since the service fills it with its default.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from aca_local.arm import deployments, generic, preflight, wire
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import parse
from aca_local.arm.operations import OPERATION
from aca_local.arm.polling import operation_url
from aca_local.state.clock import stamp
from aca_local.templates import Expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.deployments import Place
    from aca_local.arm.routing import Ask, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON, JsonObject
    from aca_local.templates import Plan, PlannedResource

_SECRET = frozenset({"sharedkey", "accountkey"})
_STARS = "*******"
_TOP = ("apiVersion", "id", "identity", "kind", "location", "name", "properties", "sku", "tags", "type")


def handler(
    registry: Registry,
    place_of: Callable[[Cloud, Ask], Place],
    location_of: Callable[[Place, JsonObject], str],
) -> Handler:
    """``POST …/whatIf``: 202 with ``Location``; the answer there holds the changes, or the failure with
    status 200.
    """

    async def what_if(cloud: Cloud, ask: Ask) -> web.StreamResponse:
        place = place_of(cloud, ask)
        body = await ask.body()
        deployments.read_request(body)
        location, correlation = location_of(place, body), ask.correlation_id
        try:
            result = _result(cloud, registry, place, body, location=location, correlation=correlation)
        except ArmError as error:
            result = {"status": "Failed", "error": error.body()}
        operation = _operation(cloud, place, result)
        cloud.store.put(OPERATION, operation["name"], operation)
        url = operation_url(cloud, operation, ask.api_version)
        return wire.answer(status=202, headers={"Location": url, "Retry-After": wire.RETRY_AFTER})

    return what_if


def _operation(cloud: Cloud, place: Place, result: JsonObject) -> JsonObject:
    return {
        "name": str(uuid.uuid4()),
        "type": deployments.TYPE,
        "target": place.id,
        "action": "whatIf",
        "wire": "arm",
        "location": "",
        "status": "Succeeded",
        "startTime": stamp(cloud.clock()),
        "error": None,
        "result": result,
    }


def _result(
    cloud: Cloud, registry: Registry, place: Place, body: JsonObject, *, location: str, correlation: str
) -> JsonObject:
    properties = deployments.read_request(body)
    private = deployments.new_private(cloud, properties, correlation)
    plan = deployments.plan_of(cloud, place, location, private)
    preflight.check(cloud, registry, place, plan)
    settings = properties.get("whatIfSettings") or {}
    full = settings.get("resultFormat", "FullResourcePayloads") == "FullResourcePayloads"
    changes = [*_planned(cloud, registry, plan), *_others(cloud, registry, place, plan, properties["mode"])]
    if not full:
        changes = [{key: one[key] for key in ("resourceId", "changeType")} for one in changes]
    return {"status": "Succeeded", "properties": {"correlationId": correlation, "changes": changes}}


def _planned(cloud: Cloud, registry: Registry, plan: Plan) -> list[JsonObject]:
    return [_change(cloud, registry, one) for one in plan.leaves()]


def _change(cloud: Cloud, registry: Registry, one: PlannedResource) -> JsonObject:
    change: JsonObject = {"resourceId": one.id}
    after = _written(one)
    kind = registry.get(one.type)
    found = (
        kind.find(cloud, parse(one.id)) if kind is not None and _parent_exists(cloud, registry, one) else None
    )
    if kind is None or found is None:
        return change | {"changeType": "Create", "after": after}
    before = _before(kind.show(cloud, found), one.api_version)
    delta = _delta(before, after, "")
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


def _written(one: PlannedResource) -> JsonObject:
    body = {key: _redacted(value, key) for key, value in one.body.items() if key in _TOP}
    return dict(sorted((body | {"id": one.id, "apiVersion": one.api_version}).items()))


def _redacted(value: JSON, key: str) -> JSON:
    """A body without its secrets: keys of accounts and workspaces, values of an app's secrets."""
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


def _delta(before: JSON, after: JsonObject, path: str) -> list[JsonObject]:
    """The property changes from ``before`` to what the template says, only for what the template says."""
    found: list[JsonObject] = []
    held = {key.lower(): value for key, value in before.items()} if isinstance(before, dict) else {}
    for key, value in after.items():
        if (not path and key in {"apiVersion", "id", "name", "type"}) or key.lower() in {*_SECRET, "secrets"}:
            continue
        here = f"{path}.{key}" if path else key
        found += _compare(held.get(key.lower()), value, here, known=key.lower() in held)
    return found


def _compare(before: JSON, after: JSON, path: str, *, known: bool) -> list[JsonObject]:
    if isinstance(after, dict) and isinstance(before, dict):
        return _delta(before, after, path)
    if isinstance(after, Expression) or after is None or _same(before, after, path):
        return []
    if not known:
        return [{"path": path, "propertyChangeType": "Create", "after": after}]
    if isinstance(after, list) and isinstance(before, list):
        return [_array(before, after, path)] if _elements(before, after) else []
    return [{"path": path, "propertyChangeType": "Modify", "before": before, "after": after}]


def _array(before: list[JSON], after: list[JSON], path: str) -> JsonObject:
    children = _elements(before, after)
    return {
        "path": path,
        "propertyChangeType": "Array",
        "before": before,
        "after": after,
        "children": children,
    }


def _elements(before: list[JSON], after: list[JSON]) -> list[JsonObject]:
    children: list[JsonObject] = []
    for index in range(max(len(before), len(after))):
        if index >= len(before):
            children.append({"path": str(index), "propertyChangeType": "Create", "after": after[index]})
        elif index >= len(after):
            children.append({"path": str(index), "propertyChangeType": "Delete", "before": before[index]})
        else:
            children += _compare(before[index], after[index], str(index), known=True)
    return children


def _same(before: JSON, after: JSON, path: str) -> bool:
    if path == "location" and isinstance(before, str) and isinstance(after, str):
        return before.replace(" ", "").lower() == after.replace(" ", "").lower()
    return bool(before == after)


def _merge(before: JsonObject, after: JsonObject) -> JsonObject:
    merged = dict(before)
    for key, value in after.items():
        held = merged.get(key)
        merged[key] = _merge(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged


def _others(cloud: Cloud, registry: Registry, place: Place, plan: Plan, mode: str) -> list[JsonObject]:
    """What the group has beside the template: ignored, or deleted in complete mode."""
    if place.group is None:
        return []
    named = {one.id.lower() for one in plan.leaves()}
    rest = [
        one for one in generic.tracked(cloud, registry, f"{place.base}/") if one["id"].lower() not in named
    ]
    return [_other(cloud, registry, one, "Delete" if mode == "Complete" else "Ignore") for one in rest]


def _other(cloud: Cloud, registry: Registry, one: JsonObject, change: str) -> JsonObject:
    kind = registry.get(one["type"])
    assert kind is not None
    before = _before(kind.show(cloud, one), kind.api_versions[0])
    shown: JsonObject = {"resourceId": one["id"], "changeType": change, "before": before}
    return shown if change == "Delete" else shown | {"after": before}
