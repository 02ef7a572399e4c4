"""Changes to resources: each is stored with its operation in one transaction, then goes on in the background.

What an operation does is in the resource type's ``settle``; here is what all of them share: the state before,
the time it takes, the state after, the error it may end with, and taking it up again after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_local.arm.errors import ArmError
from aca_local.arm.ids import ResourceId, parse
from aca_local.providers.model import RESOURCE
from aca_local.replicas import ReplicasError
from aca_local.state import TERMINAL, transition_of
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.providers.model import Action, ResourceType
    from aca_local.state import JsonObject

_LOG = logging.getLogger(__name__)
OPERATION = "operation"
ACTIVE = "active-operation"


@dataclass(frozen=True)
class Change:
    """What a PUT, PATCH or action started: the resource as it is now, and its operation (None: done)."""

    resource: JsonObject
    operation: JsonObject | None
    created: bool


def store_change(
    cloud: Cloud,
    kind: ResourceType,
    target: ResourceId,
    document: JsonObject,
    action: Action,
    *,
    created: bool,
) -> Change:
    """Store a resource and, where its type takes time, the operation on it; then start that operation."""
    name = "update" if action == "put" and not created else action
    if kind.wire == "sync" or name in kind.quick:
        cloud.store.put(RESOURCE, target.key, document)
        return Change(document, None, created)
    document["properties"]["provisioningState"] = transition_of(
        kind.full_name, action, cloud.settings.timing
    ).state
    operation = new_operation(cloud, kind, target, document, action)
    with cloud.store.transaction():
        cloud.store.put(RESOURCE, target.key, document)
        cloud.store.put(OPERATION, operation["name"], operation)
        cloud.store.put(ACTIVE, target.key, {"operation": operation["name"]})
    cloud.tasks.spawn(run(cloud, kind, operation))
    return Change(document, operation, created)


def store_removal(cloud: Cloud, kind: ResourceType, target: ResourceId, document: JsonObject) -> Change:
    """Remove a resource: at once, or through an operation where its type takes time."""
    if kind.wire == "sync" or "delete" in kind.quick:
        forget(cloud, target)
        return Change(document, None, False)
    return store_change(cloud, kind, target, document, "delete", created=False)


def forget(cloud: Cloud, target: ResourceId) -> None:
    """Remove a resource and all below it from the store."""
    with cloud.store.transaction():
        cloud.store.delete(RESOURCE, target.key)
        cloud.store.delete_under(RESOURCE, f"{target.key}/")


def new_operation(
    cloud: Cloud, kind: ResourceType, target: ResourceId, document: JsonObject, action: Action
) -> JsonObject:
    """A fresh operation document."""
    return {
        "name": str(uuid.uuid4()),
        "type": kind.full_name,
        "wire": kind.wire,
        "target": str(target),
        "location": document.get("location") or "",
        "action": action,
        "status": "InProgress",
        "startTime": stamp(cloud.clock()),
        "error": None,
    }


def find_operation(cloud: Cloud, name: str) -> JsonObject | None:
    """Find an operation by its name."""
    return cloud.store.get(OPERATION, name)


def active_operation(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    """The operation that is under way on a resource, if any."""
    active = cloud.store.get(ACTIVE, target.key)
    return None if active is None else find_operation(cloud, active["operation"])


async def run(cloud: Cloud, kind: ResourceType, operation: JsonObject) -> None:
    """Carry an operation to its end."""
    target = parse(operation["target"])
    transition = transition_of(kind.full_name, operation["action"], cloud.settings.timing)
    await asyncio.sleep(transition.seconds)
    settle = kind.settle.get(operation["action"])
    try:
        if settle is not None:
            await settle(cloud, target)
    except ArmError as error:
        _finish(cloud, operation, "Failed", error.body())
    except Exception as error:
        _LOG.exception("%s of %s failed", operation["action"], target)
        _finish(cloud, operation, "Failed", _unexpected(target, error))
    else:
        _finish(cloud, operation, "Succeeded", None)


def _unexpected(target: ResourceId, error: Exception) -> JsonObject:
    """What a client is told of a failure of this computer: a port in use, a full disk, a bug."""
    known = isinstance(error, OSError | ReplicasError)
    details = str(error) if known else "an internal error; see aca-local's log."
    message = f"Failed to carry out the operation on '{target.name}'. Error details: {details}"
    return {"code": "OperationFailed", "message": message}


def _finish(cloud: Cloud, operation: JsonObject, status: str, error: JsonObject | None) -> None:
    target = parse(operation["target"])
    with cloud.store.transaction():
        ended = {"status": status, "error": error, "endTime": stamp(cloud.clock())}
        cloud.store.put(OPERATION, operation["name"], {**operation, **ended})
        cloud.store.delete(ACTIVE, target.key)
        if operation["action"] == "delete" and status == "Succeeded":
            forget(cloud, target)
            return
        resource = cloud.store.get(RESOURCE, target.key)
        if resource is not None:
            resource["properties"]["provisioningState"] = status
            cloud.store.put(RESOURCE, target.key, resource)


async def wait(cloud: Cloud, operation: JsonObject) -> JsonObject:
    """Wait until an operation has ended, and give its last state."""
    while True:
        found = find_operation(cloud, operation["name"]) or operation
        if found["status"] in TERMINAL:
            return found
        await asyncio.sleep(0.02)
