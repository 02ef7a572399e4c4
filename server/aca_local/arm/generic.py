"""What is about all resources or all of a group: lists, deletion of a group, checks below a location."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import errors, groups, operations, resources, wire
from aca_local.arm.ids import parse
from aca_local.arm.polling import operation_url
from aca_local.arm.routing import read_filter, tags_match
from aca_local.arm.subscriptions import check
from aca_local.providers import accounts, environments, profiles
from aca_local.providers.model import RESOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.routing import Ask, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject

_FILTERS = frozenset({"resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue"})
_SHOWN = ("id", "name", "type", "sku", "kind", "identity", "location", "tags")


def list_resources(registry: Registry) -> Handler:
    """``GET …/resources`` of the subscription or of a group: the tracked ones, without their properties."""

    async def handler(cloud: Cloud, ask: Ask) -> web.StreamResponse:
        check(cloud, ask.path["subscription"])
        prefix = f"/subscriptions/{cloud.settings.subscription_id}/"
        if "group" in ask.path:
            prefix = f"{groups.find(cloud, ask.path['group'])['id']}/"
        clauses = read_filter(ask.query.get("$filter"), _FILTERS)
        found = [one for one in tracked(cloud, registry, prefix) if _matches(one, clauses)]
        top = ask.query.get("$top")
        found = found[: int(top)] if top and top.isdigit() else found
        return wire.answer({"value": [_brief(one, ask.query) for one in found]})

    return handler


def tracked(cloud: Cloud, registry: Registry, prefix: str) -> list[JsonObject]:
    """The resources below an id that have a place of their own in a group's list."""
    found = []
    for one in cloud.store.list(RESOURCE, prefix):
        kind = registry.get(one["type"])
        if kind is not None and kind.tracked:
            found.append(one)
    return found


def _matches(one: JsonObject, clauses: dict[str, str]) -> bool:
    facts = {
        "resourcetype": one["type"],
        "name": one["name"],
        "location": one["location"].replace(" ", ""),
        "resourcegroup": parse(one["id"]).group,
    }
    wanted = {key: value for key, value in clauses.items() if key in facts}
    return all(facts[key].lower() == value.lower() for key, value in wanted.items()) and tags_match(
        one, clauses
    )


def _brief(one: JsonObject, query: Mapping[str, str]) -> JsonObject:
    shown: JsonObject = {key: one[key] for key in _SHOWN if one.get(key)}
    shown["location"] = one["location"].replace(" ", "").lower()
    if "systemData" in one:
        shown["systemData"] = one["systemData"]
    asked = {name.strip().lower() for name in query.get("$expand", "").split(",")}
    return shown | {name: value for name, value in _expanded(one).items() if name.lower() in asked}


def _expanded(one: JsonObject) -> JsonObject:
    """What ``$expand`` may add to a resource in a list."""
    properties, system = one["properties"], one.get("systemData", {})
    created = system.get("createdAt") or properties.get("creationTime") or properties.get("createdDate")
    changed = system.get("lastModifiedAt") or properties.get("modifiedDate") or created
    return {
        "createdTime": created,
        "changedTime": changed,
        "provisioningState": properties.get("provisioningState"),
    }


def delete_group(registry: Registry) -> Handler:
    """``DELETE`` of a group: 202, then its resources go, apps first, and then the group."""

    async def handler(cloud: Cloud, ask: Ask) -> web.StreamResponse:
        check(cloud, ask.path["subscription"])
        operation = groups.begin_delete(cloud, ask.path["group"])
        cloud.tasks.spawn(empty_group(cloud, registry, operation))
        location = operation_url(cloud, operation, ask.api_version)
        return wire.answer(status=202, headers={"Location": location, "Retry-After": wire.RETRY_AFTER})

    return handler


_ORDER = ("microsoft.app/containerapps", "microsoft.app/jobs", "microsoft.app/managedenvironments")


async def empty_group(cloud: Cloud, registry: Registry, operation: JsonObject) -> None:
    """Carry the deletion of a group out; it can be taken up again."""
    group = operation["target"]
    await remove_all(cloud, registry, tracked(cloud, registry, f"{group}/"))
    with cloud.store.transaction():
        cloud.store.delete(groups.GROUP, group.rpartition("/")[2])
        cloud.store.delete_under(RESOURCE, f"{group}/")
        cloud.store.delete_under("deployment", f"{group}/")
        cloud.store.delete_under("deployment-operation", f"{group}/")
        cloud.store.put(operations.OPERATION, operation["name"], {**operation, "status": "Succeeded"})


async def remove_all(cloud: Cloud, registry: Registry, found: Sequence[JsonObject]) -> None:
    """Remove resources one after the other, apps before their environment."""
    for one in sorted(found, key=lambda each: _rank(each["type"])):
        await _remove(cloud, registry, one)


def _rank(kind: str) -> int:
    return _ORDER.index(kind.lower()) if kind.lower() in _ORDER else len(_ORDER)


async def _remove(cloud: Cloud, registry: Registry, one: JsonObject) -> None:
    kind = registry.get(one["type"])
    assert kind is not None
    target = parse(one["id"])
    running = operations.active_operation(cloud, target)
    if running is not None:
        await operations.wait(cloud, running)
    change = resources.remove(cloud, kind, target, one)
    if change.operation is not None:
        await operations.wait(cloud, change.operation)


async def check_storage_name(cloud: Cloud, ask: Ask) -> web.Response:
    """``POST …/Microsoft.Storage/checkNameAvailability``."""
    check(cloud, ask.path["subscription"])
    body = await ask.body()
    if body.get("type") != accounts.ACCOUNT or not isinstance(body.get("name"), str):
        raise errors.invalid_body(f"name and type '{accounts.ACCOUNT}' are needed.")
    return wire.answer(accounts.check_name(cloud, body["name"]))


async def region_usages(cloud: Cloud, ask: Ask) -> web.Response:
    """``GET …/Microsoft.App/locations/{location}/usages``."""
    check(cloud, ask.path["subscription"])
    return wire.answer(environments.region_usages(cloud, ask.path["location"]))


async def storage_usages(cloud: Cloud, ask: Ask) -> web.Response:
    """``GET …/Microsoft.Storage/locations/{location}/usages``."""
    check(cloud, ask.path["subscription"])
    return wire.answer(accounts.usages(cloud, ask.path["location"]))


async def profile_types(cloud: Cloud, ask: Ask) -> web.Response:
    """``GET …/availableManagedEnvironmentsWorkloadProfileTypes``."""
    check(cloud, ask.path["subscription"])
    return wire.answer({"value": profiles.listing(cloud, ask.path["location"])})
