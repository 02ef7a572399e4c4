"""What is about all resources or all of a group: lists, deletion of a group, checks below a location."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import groups, resources
from aca_local.arm.polling import operation_url
from aca_local.arm.subscriptions import check
from aca_local.kernel import body_schema, errors, operations, responses
from aca_local.kernel.ids import parse
from aca_local.kernel.locations import canonical
from aca_local.kernel.records import DEPLOYMENT, DEPLOYMENT_OPERATION, GROUP, OPERATION, RESOURCE
from aca_local.kernel.routing import limited, read_filter, tags_match
from aca_local.providers import accounts, environment_usages, insights, profiles
from aca_local.providers.storage_records import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import OperationRecord, ResourceRecord
    from aca_local.kernel.resource_type import Document
    from aca_local.kernel.routing import ArmRequest, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject

_FILTERS = frozenset({"resourcetype", "name", "location", "resourcegroup", "tagname", "tagvalue"})
_SHOWN = ("id", "name", "type", "sku", "kind", "identity", "location", "tags")


def list_resources(registry: Registry) -> Handler:
    """Return ``GET …/resources`` of the subscription or of a group: without their properties."""

    async def handler(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
        check(cloud, request.path["subscription"])
        prefix = f"/subscriptions/{cloud.settings.subscription_id}/"
        if "group" in request.path:
            prefix = f"{groups.find(cloud, request.path['group'])['id']}/"
        clauses = read_filter(request.query.get("$filter"), _FILTERS)
        found = [one for one in tracked(cloud, registry, prefix) if _matches(one, clauses)]
        return responses.answer(
            {"value": [_brief(one, request.query) for one in limited(found, request.query)]}
        )

    return handler


def tracked(cloud: Cloud, registry: Registry, prefix: str) -> list[ResourceRecord]:
    """Return the resources below an id that stand in a group's list."""
    found = []
    for one in cloud.store.list(RESOURCE, prefix):
        kind = registry.get(one["type"])
        if kind is not None and kind.tracked:
            found.append(one)
    return found


def _matches(one: ResourceRecord, clauses: dict[str, str]) -> bool:
    facts = {
        "resourcetype": one["type"],
        "name": one["name"],
        "location": canonical(one.get("location", "")),
        "resourcegroup": parse(one["id"]).group,
    }
    wanted = {key: value for key, value in clauses.items() if key in facts}
    return all(facts[key].lower() == value.lower() for key, value in wanted.items()) and tags_match(
        one, clauses
    )


def _brief(one: Document, query: Mapping[str, str]) -> JsonObject:
    shown: JsonObject = {key: one[key] for key in _SHOWN if one.get(key)}
    shown["location"] = canonical(one["location"])
    if "systemData" in one:
        shown["systemData"] = one["systemData"]
    asked = {name.strip().lower() for name in query.get("$expand", "").split(",")}
    return shown | {name: value for name, value in _expanded(one).items() if name.lower() in asked}


def _expanded(one: Document) -> JsonObject:
    """Return what ``$expand`` may add to a resource in a list."""
    properties, system = one["properties"], one.get("systemData", {})
    created = system.get("createdAt") or properties.get("creationTime") or properties.get("createdDate")
    changed = system.get("lastModifiedAt") or properties.get("modifiedDate") or created
    return {
        "createdTime": created,
        "changedTime": changed,
        "provisioningState": properties.get("provisioningState"),
    }


def delete_group(registry: Registry) -> Handler:
    """Return ``DELETE`` of a group: 202, then its resources go, apps first, and then the group."""

    async def handler(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
        check(cloud, request.path["subscription"])
        operation = groups.begin_delete(cloud, request.path["group"])
        cloud.tasks.spawn(empty_group(cloud, registry, operation))
        location = operation_url(cloud, operation, request.api_version)
        return responses.answer(
            status=202, headers={"Location": location, "Retry-After": responses.RETRY_AFTER}
        )

    return handler


_ORDER = ("microsoft.app/containerapps", "microsoft.app/jobs", "microsoft.app/managedenvironments")


async def empty_group(cloud: Cloud, registry: Registry, operation: OperationRecord) -> None:
    """Carry the deletion of a group out; it can be taken up again."""
    group = operation["target"]
    await remove_all(cloud, registry, tracked(cloud, registry, f"{group}/"))
    with cloud.store.transaction():
        cloud.store.delete(GROUP, group.rpartition("/")[2])
        cloud.store.delete_under(RESOURCE, f"{group}/")
        cloud.store.delete_under(DEPLOYMENT, f"{group}/")
        cloud.store.delete_under(DEPLOYMENT_OPERATION, f"{group}/")
        operation["status"] = "Succeeded"
        cloud.store.put(OPERATION, operation["name"], operation)


async def remove_all(cloud: Cloud, registry: Registry, found: Sequence[ResourceRecord]) -> None:
    """Remove resources one after the other, apps before their environment."""
    rank = {kind: index for index, kind in enumerate(_ORDER)}
    for one in sorted(found, key=lambda each: rank.get(each["type"].lower(), len(rank))):
        await _remove(cloud, registry, one)


async def _remove(cloud: Cloud, registry: Registry, one: ResourceRecord) -> None:
    kind = registry.get(one["type"])
    assert kind is not None
    target = parse(one["id"])
    running = operations.active_operation(cloud, target)
    if running is not None:
        await operations.wait(cloud, running)
    change = resources.remove(cloud, kind, target, one)
    if change.operation is not None:
        await operations.wait(cloud, change.operation)


async def check_storage_name(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``POST …/Microsoft.Storage/checkNameAvailability``."""
    check(cloud, request.path["subscription"])
    body = body_schema.read("Microsoft.Storage/checkNameAvailability", await request.body())
    if body.get("type") != ACCOUNT or not isinstance(body.get("name"), str):
        raise errors.INVALID_BODY.error(why=f"name and type '{ACCOUNT}' are needed.")
    return responses.answer(accounts.check_name(cloud, body["name"]))


async def region_usages(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET …/Microsoft.App/locations/{location}/usages``."""
    check(cloud, request.path["subscription"])
    return responses.answer(environment_usages.of_region(cloud, request.path["location"]))


async def storage_usages(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET …/Microsoft.Storage/locations/{location}/usages``."""
    check(cloud, request.path["subscription"])
    return responses.answer(accounts.usages(cloud, request.path["location"]))


async def deleted_workspaces(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET …/Microsoft.OperationalInsights/deletedWorkspaces``."""
    check(cloud, request.path["subscription"])
    return responses.answer({"value": insights.deleted(cloud)})


async def profile_types(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET …/availableManagedEnvironmentsWorkloadProfileTypes``."""
    check(cloud, request.path["subscription"])
    return responses.answer({"value": profiles.listing(cloud, request.path["location"])})
