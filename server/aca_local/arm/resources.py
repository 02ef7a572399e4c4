"""Resources of all types: GET, list, PUT, PATCH, DELETE and POST, as the type says they are done."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aca_local.arm import groups, registration
from aca_local.arm.subscriptions import check
from aca_local.kernel import api_tables, body_schema, errors, locations, operations, responses
from aca_local.kernel.ids import ResourceId
from aca_local.kernel.resource_type import Call, Document, Write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.operations import Change
    from aca_local.kernel.resource_type import ResourceType
    from aca_local.kernel.routing import ArmRequest, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON, JsonObject

T = TypeVar("T")


def put(cloud: Cloud, registry: Registry, target: ResourceId, body: JsonObject, api_version: str) -> Change:
    """Create or replace a resource, as a PUT or a deployment does. Raise ArmError where Azure refuses."""
    kind, target = _prepare(cloud, registry, target, api_version)
    if kind.write is None:
        raise errors.UNSUPPORTED_METHOD.error(method="PUT")
    cloud.conditions.check_policy(kind.full_name, target.name)
    body = _modified(cloud, kind, body_schema.read(kind.full_name, body))
    existing = kind.find(cloud, target)
    if existing is not None:
        target = replace(target, names=(*target.names[:-1], existing["name"]))
    if kind.tracked:
        _check_location(kind, target, body, existing)
    write = Write(target, body, api_version, existing)
    document = kind.write(cloud, write)
    return operations.store_change(cloud, kind, target, document, "put", created=existing is None)


def _prepare(
    cloud: Cloud, registry: Registry, target: ResourceId, api_version: str
) -> tuple[ResourceType, ResourceId]:
    group = groups.check_writable(cloud, target.group)
    kind = registry.require(target.namespace, "/".join(target.types), api_version)
    registration.check_registered(cloud, kind.namespace)
    spelled = registry.spell(target)
    target = replace(spelled, subscription=cloud.settings.subscription_id, group=group["name"])
    _check_parent(cloud, registry, target, "write")
    return kind, target


def _check_parent(cloud: Cloud, registry: Registry, target: ResourceId, operation: str) -> None:
    parent = target.parent
    if parent is None:
        return
    kind = registry.get(parent.type)
    if kind is None or kind.find(cloud, parent) is None:
        raise errors.PARENT_NOT_FOUND.error(operation=operation, name="/".join(target.types), parent=parent)


def _check_location(
    kind: ResourceType, target: ResourceId, body: JsonObject, existing: Document | None
) -> None:
    location = body.get("location")
    if not location:
        raise errors.LOCATION_REQUIRED.error()
    if not locations.known(location):
        regions = ",".join(kind.locations or locations.NAMES)
        raise errors.LOCATION_UNAVAILABLE.error(location=location, name=kind.full_name, regions=regions)
    known, asked = (
        locations.canonical(existing["location"]) if existing else "",
        locations.canonical(location),
    )
    if existing is not None and known != asked:
        raise errors.LOCATION_CONFLICT.error(
            name=target.name, existing=known, group=target.group, asked=asked
        )


def find(
    cloud: Cloud, registry: Registry, target: ResourceId, api_version: str
) -> tuple[ResourceType, Document]:
    """Return a resource and its type. Raise what a GET answers where it, its group or parent is not."""
    groups.find(cloud, target.group)
    kind = registry.require(target.namespace, "/".join(target.types), api_version)
    target = registry.spell(target)
    _check_parent(cloud, registry, target, "read")
    document = kind.find(cloud, target)
    if document is None:
        if kind.missing is not None:
            raise kind.missing(target)
        raise errors.RESOURCE_NOT_FOUND.error(name=target.type_and_name, group=target.group)
    return kind, document


def handlers(registry: Registry) -> Mapping[str, Handler]:
    """Return the handlers of paths below a resource group's ``providers``, by method."""
    table: dict[str, Callable[[Registry, Cloud, ArmRequest], Awaitable[web.StreamResponse]]] = {
        "GET": _get,
        "HEAD": _head,
        "PUT": _put,
        "PATCH": _patch,
        "DELETE": _delete,
        "POST": _post,
    }
    return {method: partial(handler, registry) for method, handler in table.items()}


async def _get(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    target, tail = _target(cloud, request)
    if tail is not None:
        return _get_below(cloud, registry, request, target, tail)
    kind, document = find(cloud, registry, target, request.api_version)
    return responses.answer(kind.view(cloud, document, request.api_version))


async def _head(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    find(cloud, registry, _whole(cloud, request), request.api_version)
    return responses.answer(status=204)


async def _put(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    target = _whole(cloud, request)
    change = put(cloud, registry, target, await request.body(), request.api_version)
    return _changed(cloud, registry, change, request.api_version)


async def _patch(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    body = await request.body()
    kind, document = find(cloud, registry, _whole(cloud, request), request.api_version)
    if kind.patch is None:
        raise errors.UNSUPPORTED_METHOD.error(method="PATCH")
    target = _own_spelling(registry, _whole(cloud, request), document)
    own = f"{kind.full_name}/patch"
    table = own if api_tables.find(own) else kind.full_name
    body = _modified(cloud, kind, body_schema.read(table, body, keep_nulls=kind.merge_patch))
    patched = kind.patch(cloud, Write(target, body, request.api_version, document))
    change = operations.store_change(cloud, kind, target, patched, "patch", created=False)
    return _changed(cloud, registry, change, request.api_version)


def _modified(cloud: Cloud, kind: ResourceType, body: JsonObject) -> JsonObject:
    """Return a body with the properties that a policy of the effect *modify* sets."""
    forced = cloud.conditions.modified(kind.full_name)
    return {**body, "properties": {**(body.get("properties") or {}), **forced}} if forced else body


def _own_spelling(registry: Registry, target: ResourceId, document: Document) -> ResourceId:
    """Return the id as the resource itself is written, whatever the client wrote."""
    spelled = registry.spell(target)
    return replace(spelled, names=(*spelled.names[:-1], document["name"]))


def _target(cloud: Cloud, request: ArmRequest) -> tuple[ResourceId, str | None]:
    """Return the resource of a path, and what stands behind it (an action, a child's type), if anything."""
    check(cloud, request.path["subscription"])
    namespace, *parts = request.path["rest"].strip("/").split("/")
    tail = parts.pop() if len(parts) % 2 else None
    target = ResourceId(
        cloud.settings.subscription_id,
        request.path["group"],
        namespace,
        tuple(parts[0::2]),
        tuple(parts[1::2]),
    )
    return target, tail


def _whole(cloud: Cloud, request: ArmRequest) -> ResourceId:
    target, tail = _target(cloud, request)
    if tail is not None or not target.types:
        raise errors.UNSUPPORTED_METHOD.error(method=request.http.method)
    return target


def _get_below(
    cloud: Cloud, registry: Registry, request: ArmRequest, target: ResourceId, tail: str
) -> web.Response:
    if not target.types:
        groups.find(cloud, target.group)
        kind = registry.require(target.namespace, tail, request.api_version)
        return _listing(cloud, kind, f"{target.group_id}/providers/{kind.full_name}/", request.api_version)
    kind, _ = find(cloud, registry, target, request.api_version)
    query = _look_up(kind.queries, tail)
    if query is not None:
        return responses.answer(
            query(cloud, Call(registry.spell(target), {}, request.query, request.api_version))
        )
    child = registry.require(target.namespace, "/".join((*target.types, tail)), request.api_version)
    prefix = f"{registry.spell(target)}/{child.name.rpartition('/')[2]}/"
    return _listing(cloud, child, prefix, request.api_version)


def _look_up(table: Mapping[str, T], name: str) -> T | None:
    return next((value for key, value in table.items() if key.lower() == name.lower()), None)


def _listing(cloud: Cloud, kind: ResourceType, prefix: str, api_version: str) -> web.Response:
    depth = prefix.count("/")
    found = [one for one in kind.list_all(cloud, prefix) if one["id"].count("/") == depth]
    return responses.answer({"value": [kind.view(cloud, one, api_version) for one in found]})


def list_in_subscription(registry: Registry) -> Handler:
    """Return ``GET /subscriptions/{s}/providers/{namespace}/{type}``: all resources of a type."""

    async def handler(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
        check(cloud, request.path["subscription"])
        kind = registry.require(request.path["namespace"], request.path["type"], request.api_version)
        ending = f"/providers/{kind.full_name}/".lower()
        everything = kind.list_all(cloud, f"/subscriptions/{cloud.settings.subscription_id}/")
        found = [
            one for one in everything if posixpath.dirname(one["id"]).lower().endswith(ending.rstrip("/"))
        ]
        return responses.answer({"value": [kind.view(cloud, one, request.api_version) for one in found]})

    return handler


def _changed(cloud: Cloud, registry: Registry, change: Change, api_version: str) -> web.StreamResponse:
    kind = registry.get(change.resource["type"])
    assert kind is not None
    shown = kind.view(cloud, change.resource, api_version)
    return responses.change_answer(cloud, change, shown, api_version, created_status=kind.created_status)


async def _delete(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    target = _whole(cloud, request)
    groups.find(cloud, target.group)
    kind = registry.require(target.namespace, "/".join(target.types), request.api_version)
    if not kind.remove:
        raise errors.UNSUPPORTED_METHOD.error(method="DELETE")
    document = kind.find(cloud, registry.spell(target))
    if document is None:
        return responses.answer(status=204)
    _check_include(cloud, kind, target, request)
    change = remove(cloud, kind, _own_spelling(registry, target, document), document)
    if change.operation is None:
        return responses.answer(status=200)
    return responses.accepted(cloud, change.operation, request.api_version)


def _check_include(cloud: Cloud, kind: ResourceType, target: ResourceId, request: ArmRequest) -> None:
    include = request.query.get("$include")
    if include is None:
        return
    if kind.check_include is None:
        raise errors.UNSUPPORTED_QUERY.error(names="$include")
    kind.check_include(cloud, target, include)


def remove(cloud: Cloud, kind: ResourceType, target: ResourceId, document: Document) -> Change:
    """Remove a resource as a DELETE does."""
    if kind.before_remove is not None:
        kind.before_remove(cloud, target)
    return operations.store_removal(cloud, kind, target, document)


async def _post(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    target, tail = _target(cloud, request)
    if tail is None:
        raise errors.UNSUPPORTED_METHOD.error(method="POST")
    kind, document = find(cloud, registry, target, request.api_version)
    body = body_schema.read(f"{kind.full_name}/{tail}", await request.body())
    call = Call(_own_spelling(registry, target, document), body, request.query, request.api_version)
    lookup = _look_up(kind.lists, tail)
    if lookup is not None:
        return responses.answer(lookup(cloud, call))
    act = _look_up(kind.actions, tail)
    if act is not None:
        return responses.answer(await act(cloud, call))
    long = _look_up(kind.long_actions, tail)
    if long is None:
        raise errors.UNSUPPORTED_PATH.error(path=request.http.path)
    if kind.before_change is not None:
        kind.before_change(cloud, call.target)
    change = operations.store_change(cloud, kind, call.target, document, long, created=False)
    return responses.change_answer(cloud, change, dict(document), call.api_version, created_status=200)


def list_call(cloud: Cloud, registry: Registry, function: str, target: ResourceId, request: Call) -> JSON:
    """Return what a template's ``list*`` function gets. Raise ArmError."""
    kind, document = find(cloud, registry, target, request.api_version)
    lookup = _look_up(kind.lists, function)
    if lookup is None:
        raise errors.UNSUPPORTED_PATH.error(path=f"{target}/{function}")
    return lookup(cloud, replace(request, target=_own_spelling(registry, target, document)))
