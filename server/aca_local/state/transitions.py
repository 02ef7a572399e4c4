"""The states that resources and deployments move through, and how long they take.

Read in recordings of real traffic: a managed environment is ``Waiting``, a container app ``InProgress``, a
Log Analytics workspace ``Creating``, a storage account answers nothing at all until it is ``Succeeded``; a
deployment is ``Accepted``, then ``Running``. The times of ``realistic`` are those of the same recordings,
rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Timing = Literal["instant", "realistic"]

TERMINAL = frozenset({"Succeeded", "Failed", "Canceled"})


@dataclass(frozen=True)
class Transition:
    """From ``state`` a resource moves on after ``seconds`` (``realistic``), or at once (``instant``)."""

    state: str
    seconds: float = 0.0


_TRANSITIONS: dict[tuple[str, str], Transition] = {
    ("microsoft.app/managedenvironments", "put"): Transition("Waiting", 90.0),
    ("microsoft.app/managedenvironments", "patch"): Transition("Waiting", 15.0),
    ("microsoft.app/managedenvironments", "delete"): Transition("ScheduledForDelete", 120.0),
    ("microsoft.app/containerapps", "put"): Transition("InProgress", 15.0),
    ("microsoft.app/containerapps", "patch"): Transition("InProgress", 10.0),
    ("microsoft.app/containerapps", "start"): Transition("InProgress", 5.0),
    ("microsoft.app/containerapps", "stop"): Transition("InProgress", 5.0),
    ("microsoft.app/containerapps", "delete"): Transition("Deleting", 10.0),
    ("microsoft.app/jobs", "put"): Transition("InProgress", 5.0),
    ("microsoft.app/jobs", "patch"): Transition("InProgress", 5.0),
    ("microsoft.app/jobs", "delete"): Transition("Deleting", 5.0),
    ("microsoft.storage/storageaccounts", "put"): Transition("Creating", 18.0),
    ("microsoft.operationalinsights/workspaces", "put"): Transition("Creating", 15.0),
    ("microsoft.operationalinsights/workspaces", "delete"): Transition("Deleting", 5.0),
    ("microsoft.resources/deployments", "accepted"): Transition("Accepted", 2.0),
    ("microsoft.resources/deployments", "delete"): Transition("Deleting", 2.0),
    ("microsoft.resources/resourcegroups", "delete"): Transition("Deleting", 20.0),
}


def transition_of(resource_type: str, action: str, timing: Timing) -> Transition:
    """Return what ``action`` puts a resource of this type into, and for how many seconds."""
    found = _TRANSITIONS.get((resource_type.lower(), action), Transition("Accepted"))
    return found if timing == "realistic" else Transition(found.state)
