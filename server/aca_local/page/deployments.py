"""Deployments with their operations as they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.kernel.records import DEPLOYMENT, DEPLOYMENT_OPERATION
from aca_local.page.html import Raw, join, table, tag
from aca_local.page.states import moment, progress, time_taken

if TYPE_CHECKING:
    from aca_local.arm import Cloud
    from aca_local.kernel.records import DeploymentRecord, ErrorRecord, StepRecord

QUIET = frozenset({"Succeeded", "Canceled"})
_HEADS = ("Resource", "Type", "Operation", "State", "Time")


def deployments(cloud: Cloud, scope: str) -> Raw:
    """Show the deployments of one scope (a group's or the subscription's id), the newest first."""
    base = f"{scope}/providers/Microsoft.Resources/deployments/"
    found = [one for one in cloud.store.list(DEPLOYMENT, base) if "/" not in one["id"][len(base) :]]
    return join(*(_deployment(cloud, one) for one in reversed(found)))


def _deployment(cloud: Cloud, deployment: DeploymentRecord) -> Raw:
    properties = deployment["properties"]
    operations = cloud.store.list(DEPLOYMENT_OPERATION, deployment["id"] + "/operations/")
    words = properties["provisioningState"]
    error = None if any(map(_failure, operations)) else properties.get("error")
    taken = time_taken(cloud, words, properties["duration"], deployment["private"]["started"])
    when = f"{moment(deployment['private']['started'])} UTC, {taken}"
    return tag(
        "details",
        tag("summary", tag("b", deployment["name"]), " ", progress(words), " ", tag("small", when)),
        tag("p", _error(error), class_="error") if error else None,
        table(_HEADS, [_operation(cloud, one) for one in operations]) if operations else None,
        id=deployment["id"],
        open=words not in QUIET,
    )


def _operation(cloud: Cloud, operation: StepRecord) -> tuple[object, ...]:
    properties = operation["properties"]
    target = properties.get("targetResource")
    said, words = _failure(operation), properties["provisioningState"]
    return (
        target["resourceName"] if target else "",
        target["resourceType"] if target else "",
        properties["provisioningOperation"],
        join(progress(words), tag("p", _error(said), class_="error") if said else None),
        time_taken(cloud, words, properties["duration"], properties["timestamp"]),
    )


def _failure(operation: StepRecord) -> ErrorRecord | None:
    """Return the error that an operation ended with."""
    message = operation["properties"].get("statusMessage")
    return message["error"] if message else None


def _error(error: ErrorRecord) -> str:
    """Say the innermost cause, where the useful words are."""
    details = error.get("details") or []
    return _error(details[0]) if details else f"{error.get('code')}: {error.get('message')}"
