"""Resources of all types: GET, list, PUT, PATCH, DELETE and POST, as the type says they are done."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aca_local.arm import errors, groups, locations, operations, registration, wire
from aca_local.arm.ids import ResourceId
from aca_local.arm.subscriptions import check
from aca_local.providers.model import Call, Write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.operations import Change
    from aca_local.arm.routing import Ask, Handler
    from aca_local.providers.model import Action, ResourceType
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON, JsonObject

T = TypeVar("T")


def put(cloud: Cloud, registry: Registry, target: ResourceId, body: JsonObject, api_version: str) -> Change:
    """Create or replace a resource, as a PUT or a deployment does. Raises ArmError where Azure refuses."""
    kind, target, existing = _prepare(cloud, registry, target, body, api_version)
    if kind.write is None:
        raise errors.unsupported_method("PUT")
    write = Write(target, body, api_version, existing)
    document = kind.write(cloud, write)
    return operations.store_change(cloud, kind, target, document, "put", created=existing is None)


def _prepare(
    cloud: Cloud, registry: Registry, target: ResourceId, body: JsonObject, api_version: str
) -> tuple[ResourceType, ResourceId, JsonObject | None]:
    group = groups.check_writable(cloud, target.group)
    kind = registry.require(target.namespace, "/".join(target.types), api_version)
    registration.check_registered(cloud, kind.namespace)
    spelled = registry.spell(target)
    target = replace(spelled, subscription=cloud.settings.subscription_id, group=group["name"])
    _check_parent(cloud, registry, target, "write")
    existing = kind.find(cloud, target)
    if existing is not None:
        target = replace(target, names=(*target.names[:-1], existing["name"]))
    if kind.tracked:
        _check_location(kind, target, body, existing)
    return kind, target, existing


def _check_parent(cloud: Cloud, registry: Registry, target: ResourceId, operation: str) -> None:
    parent = target.parent
    if parent is None:
        return
    kind = registry.get(parent.type)
    if kind is None or kind.find(cloud, parent) is None:
        raise errors.parent_not_found(operation, "/".join(target.types), str(parent))


def _check_location(
    kind: ResourceType, target: ResourceId, body: JsonObject, existing: JsonObject | None
) -> None:
    location = body.get("location")
    if not location:
        raise errors.location_required()
    if not locations.known(location):
        raise errors.location_unavailable(location, kind.full_name, kind.locations or locations.NAMES)
    if existing is not None and locations.canonical(existing["location"]) != locations.canonical(location):
        raise errors.location_conflict(
            target.name,
            locations.canonical(existing["location"]),
            target.group,
            locations.canonical(location),
        )


def find(
    cloud: Cloud, registry: Registry, target: ResourceId, api_version: str
) -> tuple[ResourceType, JsonObject]:
    """A resource with its type. Raises ResourceGroupNotFound, ParentResourceNotFound, ResourceNotFound."""
    groups.find(cloud, target.group)
    kind = registry.require(target.namespace, "/".join(target.types), api_version)
    target = registry.spell(target)
    _check_parent(cloud, registry, target, "read")
    document = kind.find(cloud, target)
    if document is None:
        if kind.missing is not None:
            raise kind.missing(target)
        raise errors.resource_not_found(target.type_and_name, target.group)
    return kind, document


def handlers(registry: Registry) -> Mapping[str, Handler]:
    """The handlers of paths below a resource group's ``providers``, by method."""
    table: dict[str, Callable[[Registry, Cloud, Ask], Awaitable[web.StreamResponse]]] = {
        "GET": _get,
        "HEAD": _head,
        "PUT": _put,
        "PATCH": _patch,
        "DELETE": _delete,
        "POST": _post,
    }
    return {method: partial(handler, registry) for method, handler in table.items()}


async def _get(registry: Registry, cloud: Cloud, ask: Ask) -> web.StreamResponse:
    target, tail = _target(cloud, ask)
    if tail is not None:
        return _get_below(cloud, registry, ask, target, tail)
    kind, document = find(cloud, registry, target, ask.api_version)
    return wire.answer(kind.show(cloud, document))


async def _head(registry: Registry, cloud: Cloud, ask: Ask) -> web.StreamResponse:
    find(cloud, registry, _whole(cloud, ask), ask.api_version)
    return wire.answer(status=204)


async def _put(registry: Registry, cloud: Cloud, ask: Ask) -> web.StreamResponse:
    target = _whole(cloud, ask)
    change = put(cloud, registry, target, await ask.body(), ask.api_version)
    return _changed(cloud, registry, change, ask.api_version)


async def _patch(registry: Registry, cloud: Cloud, ask: Ask) -> web.StreamResponse:
    body = await ask.body()
    kind, document = find(cloud, registry, _whole(cloud, ask), ask.api_version)
    if kind.patch is None:
        raise errors.unsupported_method("PATCH")
    target = _own_spelling(registry, _whole(cloud, ask), document)
    patched = kind.patch(cloud, Write(target, body, ask.api_version, document))
    change = operations.store_change(cloud, kind, target, patched, "patch", created=False)
    return _changed(cloud, registry, change, ask.api_version)


def _own_spelling(registry: Registry, target: ResourceId, document: JsonObject) -> ResourceId:
    """The id as the resource itself is written, whatever the client wrote."""
    spelled = registry.spell(target)
    return replace(spelled, names=(*spelled.names[:-1], document["name"]))


def _target(cloud: Cloud, ask: Ask) -> tuple[ResourceId, str | None]:
    """The resource of a path, and what stands behind it (an action, a child's type), if anything."""
    check(cloud, ask.path["subscription"])
    namespace, *parts = ask.path["rest"].strip("/").split("/")
    tail = parts.pop() if len(parts) % 2 else None
    target = ResourceId(
        cloud.settings.subscription_id, ask.path["group"], namespace, tuple(parts[0::2]), tuple(parts[1::2])
    )
    return target, tail


def _whole(cloud: Cloud, ask: Ask) -> ResourceId:
    target, tail = _target(cloud, ask)
    if tail is not None or not target.types:
        raise errors.unsupported_method(ask.http.method)
    return target


def _get_below(cloud: Cloud, registry: Registry, ask: Ask, target: ResourceId, tail: str) -> web.Response:
    if not target.types:
        groups.find(cloud, target.group)
        kind = registry.require(target.namespace, tail, ask.api_version)
        return _listing(cloud, kind, f"{target.group_id}/providers/{kind.full_name}/")
    kind, _ = find(cloud, registry, target, ask.api_version)
    query = _look_up(kind.queries, tail)
    if query is not None:
        return wire.answer(query(cloud, Call(registry.spell(target), {}, ask.query, ask.api_version)))
    child = registry.require(target.namespace, "/".join((*target.types, tail)), ask.api_version)
    return _listing(cloud, child, f"{registry.spell(target)}/{child.name.rpartition('/')[2]}/")


def _look_up(table: Mapping[str, T], name: str) -> T | None:
    return next((value for key, value in table.items() if key.lower() == name.lower()), None)


def _listing(cloud: Cloud, kind: ResourceType, prefix: str) -> web.Response:
    depth = prefix.count("/")
    found = [one for one in kind.list_all(cloud, prefix) if one["id"].count("/") == depth]
    return wire.answer({"value": [kind.show(cloud, one) for one in found]})


def list_in_subscription(registry: Registry) -> Handler:
    """``GET /subscriptions/{s}/providers/{namespace}/{type}``: all resources of a type."""

    async def handler(cloud: Cloud, ask: Ask) -> web.StreamResponse:
        check(cloud, ask.path["subscription"])
        kind = registry.require(ask.path["namespace"], ask.path["type"], ask.api_version)
        ending = f"/providers/{kind.full_name}/".lower()
        everything = kind.list_all(cloud, f"/subscriptions/{cloud.settings.subscription_id}/")
        found = [
            one for one in everything if posixpath.dirname(one["id"]).lower().endswith(ending.rstrip("/"))
        ]
        return wire.answer({"value": [kind.show(cloud, one) for one in found]})

    return handler


def _changed(cloud: Cloud, registry: Registry, change: Change, api_version: str) -> web.StreamResponse:
    kind = registry.get(change.resource["type"])
    assert kind is not None
    shown = kind.show(cloud, change.resource)
    return wire.change_answer(cloud, change, shown, api_version, created_status=kind.created_status)


async def _delete(registry: Registry, cloud: Cloud, ask: Ask) -> web.StreamResponse:
    target = _whole(cloud, ask)
    groups.find(cloud, target.group)
    kind = registry.require(target.namespace, "/".join(target.types), ask.api_version)
    if not kind.remove:
        raise errors.unsupported_method("DELETE")
    document = kind.find(cloud, registry.spell(target))
    if document is None:
        return wire.answer(status=204)
    _check_include(cloud, kind, target, ask)
    change = remove(cloud, kind, _own_spelling(registry, target, document), document)
    if change.operation is None:
        return wire.answer(status=200)
    return wire.accepted(cloud, change.operation, ask.api_version)


def _check_include(cloud: Cloud, kind: ResourceType, target: ResourceId, ask: Ask) -> None:
    include = ask.query.get("$include")
    if include is None:
        return
    if kind.check_include is None:
        raise errors.unsupported_query(["$include"])
    kind.check_include(cloud, target, include)


def remove(cloud: Cloud, kind: ResourceType, target: ResourceId, document: JsonObject) -> Change:
    """Remove a resource as a DELETE does."""
    if kind.before_remove is not None:
        kind.before_remove(cloud, target)
    return operations.store_removal(cloud, kind, target, document)


async def _post(registry: Registry, cloud: Cloud, ask: Ask) -> web.StreamResponse:
    target, tail = _target(cloud, ask)
    if tail is None:
        raise errors.unsupported_method("POST")
    kind, document = find(cloud, registry, target, ask.api_version)
    call = Call(_own_spelling(registry, target, document), await ask.body(), ask.query, ask.api_version)
    lookup = _look_up(kind.lists, tail)
    if lookup is not None:
        return wire.answer(lookup(cloud, call))
    act = _look_up(kind.actions, tail)
    if act is not None:
        return wire.answer(await act(cloud, call))
    long = _look_up(kind.long_actions, tail)
    if long is None:
        raise errors.unsupported_path(ask.http.path)
    return _start(cloud, kind, call, document, long)


def _start(
    cloud: Cloud, kind: ResourceType, call: Call, document: JsonObject, action: Action
) -> web.StreamResponse:
    if kind.before_change is not None:
        kind.before_change(cloud, call.target)
    change = operations.store_change(cloud, kind, call.target, document, action, created=False)
    return wire.change_answer(cloud, change, document, call.api_version, created_status=200)


def list_call(cloud: Cloud, registry: Registry, function: str, target: ResourceId, request: Call) -> JSON:
    """A template's ``list*`` function. Raises ArmError."""
    kind, document = find(cloud, registry, target, request.api_version)
    lookup = _look_up(kind.lists, function)
    if lookup is None:
        raise errors.unsupported_path(f"{target}/{function}")
    return lookup(cloud, replace(request, target=_own_spelling(registry, target, document)))
