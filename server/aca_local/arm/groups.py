"""Resource groups."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from aca_local.arm import errors, locations, wire
from aca_local.arm.operations import OPERATION
from aca_local.arm.routing import read_filter, tags_match
from aca_local.arm.subscriptions import check
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.routing import Ask
    from aca_local.state import JsonObject

GROUP = "group"

_NAME = re.compile(r"[-\w.()]{1,90}(?<!\.)")
_FILTERS = frozenset({"tagname", "tagvalue"})


def find(cloud: Cloud, name: str) -> JsonObject:
    """A group as it is stored. Raises ResourceGroupNotFound."""
    group = cloud.store.get(GROUP, name)
    if group is None:
        raise errors.group_not_found(name)
    return group


def check_writable(cloud: Cloud, name: str) -> JsonObject:
    """A group that can take resources. Raises ResourceGroupNotFound, ResourceGroupBeingDeleted."""
    group = find(cloud, name)
    if group["properties"]["provisioningState"] == "Deleting":
        raise errors.gateway(
            409,
            "ResourceGroupBeingDeleted",
            f"The resource group '{name}' is in deprovisioning state and cannot perform this operation.",
        )
    return group


def write(cloud: Cloud, name: str, body: JsonObject) -> tuple[JsonObject, bool]:
    """Create or replace a group; also whether it is new. Raises what a real PUT would."""
    if _NAME.fullmatch(name) is None:
        raise errors.gateway(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' has these invalid characters or is too long. The"
            " name can"
            " only be a letter, digit, '-', '.', '(', ')' or '_', and cannot end with '.'.",
        )
    existing = cloud.store.get(GROUP, name)
    group = _document(cloud, name, body, existing)
    cloud.store.put(GROUP, name, group)
    return group, existing is None


def _document(cloud: Cloud, name: str, body: JsonObject, existing: JsonObject | None) -> JsonObject:
    location = body.get("location") or (existing or {}).get("location")
    if not location:
        raise errors.location_required()
    if not locations.known(location):
        raise errors.location_unavailable(location, "Microsoft.Resources/resourceGroups", locations.NAMES)
    location = locations.canonical(location)
    if existing is not None and existing["location"] != location:
        raise errors.gateway(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{location}'. The Resource group already exists in location"
            f" '{existing['location']}'.",
        )
    name = (existing or {}).get("name", name)
    group: JsonObject = {
        "id": f"/subscriptions/{cloud.settings.subscription_id}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
    }
    if body.get("tags") is not None:
        group["tags"] = body["tags"]
    if body.get("managedBy"):
        group["managedBy"] = body["managedBy"]
    group["properties"] = {"provisioningState": "Succeeded"}
    return group


async def put(cloud: Cloud, ask: Ask) -> web.Response:
    """``PUT``: 201 for a new group, 200 for an update."""
    check(cloud, ask.path["subscription"])
    group, created = write(cloud, ask.path["group"], await ask.body())
    return wire.answer(group, 201 if created else 200)


async def patch(cloud: Cloud, ask: Ask) -> web.Response:
    """``PATCH``: its tags."""
    check(cloud, ask.path["subscription"])
    group = find(cloud, ask.path["group"])
    body = await ask.body()
    if "tags" in body:
        group["tags"] = body["tags"]
    cloud.store.put(GROUP, group["name"], group)
    return wire.answer(group)


async def get(cloud: Cloud, ask: Ask) -> web.Response:
    """``GET`` of one group."""
    check(cloud, ask.path["subscription"])
    return wire.answer(find(cloud, ask.path["group"]))


async def head(cloud: Cloud, ask: Ask) -> web.Response:
    """``HEAD``: 204 where the group exists (recorded), else 404."""
    check(cloud, ask.path["subscription"])
    find(cloud, ask.path["group"])
    return wire.answer(status=204)


async def list_all(cloud: Cloud, ask: Ask) -> web.Response:
    """``GET`` of all groups, filtered by tag."""
    check(cloud, ask.path["subscription"])
    clauses = read_filter(ask.query.get("$filter"), _FILTERS)
    found = [one for one in cloud.store.list(GROUP) if tags_match(one, clauses)]
    top = ask.query.get("$top")
    return wire.answer({"value": found[: int(top)] if top and top.isdigit() else found})


def begin_delete(cloud: Cloud, name: str) -> JsonObject:
    """Mark a group as being deleted and give the operation that will do it."""
    group = find(cloud, name)
    group["properties"]["provisioningState"] = "Deleting"
    operation = {
        "name": str(uuid.uuid4()),
        "type": "Microsoft.Resources/resourceGroups",
        "target": group["id"],
        "action": "delete",
        "wire": "arm",
        "location": group["location"],
        "status": "InProgress",
        "startTime": stamp(cloud.clock()),
        "error": None,
    }
    with cloud.store.transaction():
        cloud.store.put(GROUP, name, group)
        cloud.store.put(OPERATION, operation["name"], operation)
    return operation
