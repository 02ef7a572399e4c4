"""Revisions and replicas as resources: what a GET answers of them, from the store and from what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.kernel.ids import ResourceId, parse
from aca_local.providers import app_messages as messages
from aca_local.providers import revisions, traffic
from aca_local.providers.app_records import REVISIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.replicas import ContainerState, ReplicaState
    from aca_local.providers.app_records import AppRecord, RevisionRecord
    from aca_local.state import JsonObject


_CRASHING = "CrashLoopBackOff"
_CRASHES = 2  # starts that failed before the revision is given up


def find(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    """Return a revision as a resource."""
    app, app_id = revisions.app_of(cloud, target)
    revision = cloud.store.get(REVISIONS, revisions.key_of(app, target.name))
    return None if revision is None else _revision(cloud, app, app_id, revision)


def list_all(cloud: Cloud, prefix: str) -> list[JsonObject]:
    """Return an app's revisions as resources."""
    app, app_id = revisions.app_of(cloud, parse(f"{prefix}x"))
    return [_revision(cloud, app, app_id, one) for one in revisions.all_of(cloud, app["id"])]


def _revision(cloud: Cloud, app: AppRecord, app_id: ResourceId, revision: RevisionRecord) -> JsonObject:
    states = cloud.replicas.states(app["id"], revision["name"])
    ingress = app["properties"]["configuration"]["ingress"]
    written = revision["template"]
    containers = [{**one, "probes": one.get("probes", [])} for one in written["containers"]]
    template = {**written, "revisionSuffix": written["revisionSuffix"] or None, "containers": containers}
    return {
        "id": str(app_id.child("revisions", revision["name"])),
        "name": revision["name"],
        "type": "Microsoft.App/containerapps/revisions",
        "properties": {
            "createdTime": revision["created"],
            "fqdn": ingress["fqdn"] if ingress else None,
            "template": template,
            "active": revision["active"],
            "replicas": sum(one.running_state == "Running" for one in states),
            "trafficWeight": traffic.weights(cloud, app).get(revision["name"], 0),
            **_state(revision, states),
        },
    }


def _state(revision: RevisionRecord, states: Sequence[ReplicaState]) -> JsonObject:
    """Return how a revision is doing; one whose containers crash has failed, and says why."""
    if not revision["active"]:
        running = "Deprovisioning" if states else "Stopped"
        return {"healthState": "None", "provisioningState": "Provisioned", "runningState": running}
    if any(one.ready for one in states):
        return {"healthState": "Healthy", "provisioningState": "Provisioned", "runningState": "Running"}
    containers = [container for one in states for container in one.containers]
    shown = {"healthState": "Unhealthy", "provisioningState": "Provisioned"}
    crashed = [one.name for one in containers if one.running_state_details == _CRASHING]
    if any(one.restart_count >= _CRASHES for one in containers) and crashed:
        error = f"Container crashing: {', '.join(dict.fromkeys(crashed))}"
        failed = {"provisioningState": "Failed", "provisioningError": error, "runningState": "Failed"}
        return {**shown, **failed, "runningStateDetails": error}
    ready = f"{sum(one.ready for one in states)}/{len(states)} replicas ready."
    if any(one.restart_count for one in containers):
        return {**shown, "runningState": "Degraded", "runningStateDetails": ready}
    return {**shown, "runningState": "Processing"}


def find_replica(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    """Return a replica as a resource."""
    return next((one for one in _replicas(cloud, target) if one["name"] == target.name), None)


def list_replicas(cloud: Cloud, prefix: str) -> list[JsonObject]:
    """Return a revision's replicas as resources."""
    return _replicas(cloud, parse(f"{prefix}x"))


def _replicas(cloud: Cloud, target: ResourceId) -> list[JsonObject]:
    app, _ = revisions.app_of(cloud, target)
    revision = target.parent
    assert revision is not None
    group = f"{cloud.settings.arm_url}{revision.group_id}"
    base = f"{group}/containerApps/{revision.names[0]}/revisions/{revision.name}/replicas"
    return [
        _replica(revision, f"{base}/{one.name}", one)
        for one in cloud.replicas.states(app["id"], revision.name)
    ]


def _replica(revision: ResourceId, address: str, state: ReplicaState) -> JsonObject:
    return {
        "id": str(revision.child("replicas", state.name)),
        "name": state.name,
        "type": "Microsoft.App/containerapps/revisions/replicas",
        "properties": {
            "createdTime": state.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "runningState": state.running_state,
            "runningStateDetails": state.running_state_details,
            "containers": [_container(f"{address}/containers/{one.name}", one) for one in state.containers],
            "initContainers": [],
        },
    }


def _container(address: str, one: ContainerState) -> JsonObject:
    return {
        "name": one.name,
        "containerId": one.container_id,
        "ready": one.ready,
        "started": one.started,
        # recorded on Consumption: nothing is counted while a container waits in its back-off
        "restartCount": 0 if "CrashLoop" in one.running_state_details else one.restart_count,
        "runningState": one.running_state,
        "runningStateDetails": one.running_state_details,
        "logStreamEndpoint": f"{address}/logstream",
        "execEndpoint": None,
        "debugEndpoint": None,
    }


def replica_missing(target: ResourceId) -> Exception:
    """Return the error of a replica that is not there."""
    return messages.REPLICA_NOT_FOUND.error(name=target.name)
