"""Resource groups."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_local.arm.subscriptions import check
from aca_local.kernel import body_schema, errors, locations, responses
from aca_local.kernel.operations import new_operation
from aca_local.kernel.records import GROUP, OPERATION
from aca_local.kernel.routing import limited, read_filter, tags_match

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import GroupRecord, OperationRecord
    from aca_local.kernel.routing import ArmRequest
    from aca_local.state import JsonObject

TYPE = "Microsoft.Resources/resourceGroups"

_NAME = re.compile(r"[-\w.()]{1,90}(?<!\.)")
_FILTERS = frozenset({"tagname", "tagvalue"})


def find(cloud: Cloud, name: str) -> GroupRecord:
    """Return a group as it is stored. Raise ResourceGroupNotFound."""
    group = cloud.store.get(GROUP, name)
    if group is None:
        raise errors.GROUP_NOT_FOUND.error(name=name)
    return group


def check_writable(cloud: Cloud, name: str) -> GroupRecord:
    """Return a group that can take resources. Raise ResourceGroupNotFound, ResourceGroupBeingDeleted."""
    group = find(cloud, name)
    if group["properties"]["provisioningState"] == "Deleting":
        raise errors.GROUP_BEING_DELETED.error(name=name)
    return group


def write(cloud: Cloud, name: str, body: JsonObject) -> tuple[GroupRecord, bool]:
    """Create or replace a group; return also whether it is new. Raise what a real PUT would."""
    if _NAME.fullmatch(name) is None:
        raise errors.GROUP_NAME.error(name=name)
    body = body_schema.read(TYPE, body)
    existing = cloud.store.get(GROUP, name)
    group = _document(cloud, name, body, existing)
    cloud.store.put(GROUP, name, group)
    return group, existing is None


def _document(cloud: Cloud, name: str, body: JsonObject, existing: GroupRecord | None) -> GroupRecord:
    asked = body.get("location") or (existing["location"] if existing else None)
    if not asked:
        raise errors.LOCATION_REQUIRED.error()
    if not locations.known(asked):
        regions = ",".join(locations.NAMES)
        raise errors.LOCATION_UNAVAILABLE.error(location=asked, name=TYPE, regions=regions)
    location = locations.canonical(asked)
    if existing is not None and existing["location"] != location:
        raise errors.GROUP_LOCATION.error(location=location, existing=existing["location"])
    name = existing["name"] if existing else name
    group: GroupRecord = {
        "id": f"/subscriptions/{cloud.settings.subscription_id}/resourceGroups/{name}",
        "name": name,
        "type": TYPE,
        "location": location,
        "properties": {"provisioningState": "Succeeded"},
    }
    if body.get("tags") is not None:
        group["tags"] = body["tags"]
    if body.get("managedBy"):
        group["managedBy"] = body["managedBy"]
    return group


async def put(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``PUT``: 201 for a new group, 200 for an update."""
    check(cloud, request.path["subscription"])
    group, created = write(cloud, request.path["group"], await request.body())
    return responses.answer(group, 201 if created else 200)


async def patch(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``PATCH``: its tags."""
    check(cloud, request.path["subscription"])
    group = find(cloud, request.path["group"])
    body = body_schema.read(TYPE, await request.body())
    if "tags" in body:
        group["tags"] = body["tags"]
    cloud.store.put(GROUP, group["name"], group)
    return responses.answer(group)


async def get(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET`` of one group."""
    check(cloud, request.path["subscription"])
    return responses.answer(find(cloud, request.path["group"]))


async def head(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``HEAD``: 204 where the group exists (recorded), else 404."""
    check(cloud, request.path["subscription"])
    find(cloud, request.path["group"])
    return responses.answer(status=204)


async def list_all(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET`` of all groups, filtered by tag."""
    check(cloud, request.path["subscription"])
    clauses = read_filter(request.query.get("$filter"), _FILTERS)
    found = [one for one in cloud.store.list(GROUP) if tags_match(one, clauses)]
    return responses.answer({"value": limited(found, request.query)})


def begin_delete(cloud: Cloud, name: str) -> OperationRecord:
    """Set a group to being deleted, and return the operation that will do it."""
    group = find(cloud, name)
    group["properties"]["provisioningState"] = "Deleting"
    operation = new_operation(cloud, TYPE, group["id"], "delete", location=group["location"])
    with cloud.store.transaction():
        cloud.store.put(GROUP, name, group)
        cloud.store.put(OPERATION, operation["name"], operation)
    return operation
