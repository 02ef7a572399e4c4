"""Changes to resources: each is stored with its operation in one transaction, then goes on in the background.
 What an operation does is in the resource type's ``on_complete``; here is what all of them share: the state
before, the time it takes, the state after, the error it may end with, and taking it up again after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from aca_local.kernel.errors import ArmError
from aca_local.kernel.ids import ResourceId, parse
from aca_local.kernel.records import ACTIVE, OPERATION, RESOURCE
from aca_local.kernel.replicas import ReplicasError
from aca_local.state import TERMINAL, transition_of
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import Action, ActiveRecord, ErrorRecord, OperationRecord, ResourceRecord
    from aca_local.kernel.resource_type import Document, ResourceType

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    """What a PUT, PATCH or action started: the resource as it is now, and its operation (None: done)."""

    resource: Document
    operation: OperationRecord | None
    created: bool


def store_change(
    cloud: Cloud,
    kind: ResourceType,
    target: ResourceId,
    document: Document,
    action: Action,
    *,
    created: bool,
) -> Change:
    """Store a resource and, where its type takes time, the operation on it; then start that operation."""
    record = cast("ResourceRecord", document)  # its provider's type is a resource's with more in it
    name = "update" if action == "put" and not created else action
    if kind.protocol == "sync" or name in kind.quick:
        cloud.store.put(RESOURCE, target.key, record)
        return Change(record, None, created)
    state = transition_of(kind.full_name, action, cloud.settings.timing).state
    record["properties"]["provisioningState"] = state
    operation = new_operation(cloud, kind.full_name, str(target), action, location=record.get("location", ""))
    with cloud.store.transaction():
        cloud.store.put(RESOURCE, target.key, record)
        cloud.store.put(OPERATION, operation["name"], operation)
        active: ActiveRecord = {"operation": operation["name"]}
        cloud.store.put(ACTIVE, target.key, active)
    cloud.tasks.spawn(run(cloud, kind, operation))
    return Change(record, operation, created)


def store_removal(cloud: Cloud, kind: ResourceType, target: ResourceId, document: Document) -> Change:
    """Remove a resource: at once, or through an operation where its type takes time."""
    if kind.protocol == "sync" or "delete" in kind.quick:
        forget(cloud, target)
        return Change(document, None, False)
    return store_change(cloud, kind, target, document, "delete", created=False)


def forget(cloud: Cloud, target: ResourceId) -> None:
    """Remove a resource and all below it from the store."""
    with cloud.store.transaction():
        cloud.store.delete(RESOURCE, target.key)
        cloud.store.delete_under(RESOURCE, f"{target.key}/")


def new_operation(
    cloud: Cloud, resource_type: str, target: str, action: Action, *, location: str = ""
) -> OperationRecord:
    """Return a fresh operation."""
    return {
        "name": str(uuid.uuid4()),
        "type": resource_type,
        "target": target,
        "location": location,
        "action": action,
        "status": "InProgress",
        "startTime": stamp(cloud.clock()),
        "error": None,
    }


def active_operation(cloud: Cloud, target: ResourceId) -> OperationRecord | None:
    """Return the operation that is under way on a resource, if any."""
    active = cloud.store.get(ACTIVE, target.key)
    return None if active is None else cloud.store.get(OPERATION, active["operation"])


async def run(cloud: Cloud, kind: ResourceType, operation: OperationRecord) -> None:
    """Carry an operation to its end."""
    target = parse(operation["target"])
    transition = transition_of(kind.full_name, operation["action"], cloud.settings.timing)
    await asyncio.sleep(transition.seconds)
    complete = kind.on_complete.get(operation["action"])
    try:
        if complete is not None:
            await complete(cloud, target)
    except ArmError as error:
        _finish(cloud, operation, "Failed", error.body())
    except Exception as error:
        _LOG.exception("%s of %s failed", operation["action"], target)
        # A failure of this computer (a port in use, a full disk) is shown, a bug is in the log alone.
        known = isinstance(error, OSError | ReplicasError)
        details = str(error) if known else "an internal error; see aca-local's log."
        message = f"Failed to carry out the operation on '{target.name}'. Error details: {details}"
        _finish(cloud, operation, "Failed", {"code": "OperationFailed", "message": message})
    else:
        _finish(cloud, operation, "Succeeded", None)


def _finish(cloud: Cloud, operation: OperationRecord, status: str, error: ErrorRecord | None) -> None:
    target = parse(operation["target"])
    with cloud.store.transaction():
        operation |= {"status": status, "error": error, "endTime": stamp(cloud.clock())}
        cloud.store.put(OPERATION, operation["name"], operation)
        cloud.store.delete(ACTIVE, target.key)
        if operation["action"] == "delete" and status == "Succeeded":
            forget(cloud, target)
            return
        resource = cloud.store.get(RESOURCE, target.key)
        if resource is not None:
            resource["properties"]["provisioningState"] = status
            cloud.store.put(RESOURCE, target.key, resource)


async def wait(cloud: Cloud, operation: OperationRecord) -> OperationRecord:
    """Wait until an operation has ended, and return its last state."""
    while True:
        found = cloud.store.get(OPERATION, operation["name"]) or operation
        if found["status"] in TERMINAL:
            return found
        await asyncio.sleep(0.02)
