"""Revisions of container apps, their replicas, and which of them the traffic goes to.

A revision is made when the ``template`` section changed, and never changes itself. In single mode the old one
stays until the new one is ready; ``follow`` waits for that, also after a restart of aca-local.
"""

from __future__ import annotations

import asyncio
import secrets
import string
from typing import TYPE_CHECKING

from aca_local.arm.errors import ArmError
from aca_local.arm.ids import ResourceId, parse
from aca_local.providers import app_spec
from aca_local.providers.model import RESOURCE, Call
from aca_local.replicas import SpecChangedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm.cloud import Cloud
    from aca_local.replicas import ReplicaState
    from aca_local.state import JsonObject

REVISION = "revision"
_POLL = 0.25
_LETTERS = string.ascii_lowercase + string.digits


def key_of(app: JsonObject, name: str) -> str:
    """The key of a revision in the store."""
    return f"{app['id']}/revisions/{name}"


def all_of(cloud: Cloud, app_id: str) -> list[JsonObject]:
    """An app's revisions, oldest first."""
    return cloud.store.list(REVISION, f"{app_id}/revisions/")


def latest(cloud: Cloud, app: JsonObject) -> JsonObject | None:
    """The newest revision of an app."""
    found = all_of(cloud, app["id"])
    return found[-1] if found else None


def ensure(cloud: Cloud, app: JsonObject) -> JsonObject:
    """The revision that an app's template asks for: the newest one where the template is still the same."""
    template = app["properties"]["template"]
    newest = latest(cloud, app)
    if newest is not None and newest["template"] == template:
        return newest
    suffix = template["revisionSuffix"] or "".join(secrets.choice(_LETTERS) for _ in range(7))
    revision: JsonObject = {
        "name": f"{app['name']}--{suffix}",
        "created": cloud.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "template": template,
        "active": True,
    }
    cloud.store.put(REVISION, key_of(app, revision["name"]), revision)
    return revision


def check_suffix(cloud: Cloud, app_id: str, name: str, template: JsonObject) -> None:
    """Raises where a suffix is used again for another template."""
    suffix = template["revisionSuffix"]
    taken = next((one for one in all_of(cloud, app_id) if one["name"] == f"{name}--{suffix}"), None)
    if suffix and taken is not None and taken["template"] != template:
        raise ArmError(
            400,
            "ContainerAppRevisionSuffixInUse",
            f"The revision suffix '{suffix}' is used by another revision of the container app '{name}'."
            " Choose another.",
        )


async def start(cloud: Cloud, app: JsonObject, revision: JsonObject) -> None:
    """Start a revision's replicas, with the secrets and volumes as they are now."""
    spec = app_spec.build(cloud, app, revision)
    try:
        await cloud.replicas.apply(spec)
    except SpecChangedError:  # a volume that could not be found before has a folder now
        await cloud.replicas.stop(app["id"], revision["name"])
        await cloud.replicas.apply(spec)


async def switch_off(cloud: Cloud, app: JsonObject, revision: JsonObject) -> None:
    """Deactivate a revision and end its replicas."""
    revision["active"] = False
    cloud.store.put(REVISION, key_of(app, revision["name"]), revision)
    await cloud.replicas.stop(app["id"], revision["name"])


def follow(cloud: Cloud, app_id: str) -> None:
    """Watch an app's newest revision until it is ready, in the background, once at a time."""
    cloud.tasks.spawn_once(f"follow {app_id.lower()}", lambda: _follow(cloud, app_id))


async def _follow(cloud: Cloud, app_id: str) -> None:
    key = parse(app_id).key
    while True:
        app = cloud.store.get(RESOURCE, key)
        if app is None or app["properties"]["runningStatus"] == "Stopped":
            return
        newest = latest(cloud, app)
        if newest is None or newest["name"] == app["properties"]["latestReadyRevisionName"]:
            return
        if ready(cloud, app_id, newest):
            await _promote(cloud, app, newest)
            return
        await asyncio.sleep(_POLL)


def ready(cloud: Cloud, app_id: str, revision: JsonObject) -> bool:
    """Whether a revision can take traffic."""
    return any(one.ready for one in cloud.replicas.states(app_id, revision["name"]))


async def _promote(cloud: Cloud, app: JsonObject, newest: JsonObject) -> None:
    with cloud.store.transaction():
        fresh = cloud.store.get(RESOURCE, parse(app["id"]).key)
        if fresh is None:
            return
        fresh["properties"]["latestReadyRevisionName"] = newest["name"]
        cloud.store.put(RESOURCE, parse(app["id"]).key, fresh)
    await route(cloud, fresh)
    if fresh["properties"]["configuration"]["activeRevisionsMode"] == "Single":
        for old in all_of(cloud, app["id"]):
            if old["active"] and old["name"] != newest["name"]:
                await switch_off(cloud, fresh, old)
    _forget_oldest(cloud, fresh)


def _forget_oldest(cloud: Cloud, app: JsonObject) -> None:
    """Of the inactive revisions only the newest ``maxInactiveRevisions`` are kept."""
    inactive = [one for one in all_of(cloud, app["id"]) if not one["active"]]
    keep = app["properties"]["configuration"]["maxInactiveRevisions"]
    for one in inactive[: max(len(inactive) - keep, 0)]:
        cloud.store.delete(REVISION, key_of(app, one["name"]))


async def route(cloud: Cloud, app: JsonObject) -> None:
    """Send an app's traffic where its settings say (the heaviest revision: a share of the traffic is not
    split).
    """
    ingress = app["properties"]["configuration"]["ingress"]
    if not ingress:
        return
    name = _heaviest(cloud, app, ingress["traffic"])
    if name:
        await cloud.ingress.route(app["id"], name)


def _heaviest(cloud: Cloud, app: JsonObject, traffic: Sequence[JsonObject]) -> str:
    newest = latest(cloud, app)
    current: str = app["properties"]["latestReadyRevisionName"] or (newest["name"] if newest else "")
    if app["properties"]["configuration"]["activeRevisionsMode"] == "Single" or not traffic:
        return current
    top = max(traffic, key=lambda one: one.get("weight") or 0)
    return current if top.get("latestRevision") else str(top.get("revisionName") or current)


def weight(app: JsonObject, name: str) -> int:
    """The share of the traffic that goes to a revision, in percent."""
    ingress = app["properties"]["configuration"]["ingress"]
    if not ingress:
        return 0
    newest = app["properties"]["latestReadyRevisionName"] or app["properties"]["latestRevisionName"]
    if app["properties"]["configuration"]["activeRevisionsMode"] == "Single":
        return 100 if name == newest else 0
    return sum(
        one.get("weight") or 0
        for one in ingress["traffic"]
        if (one.get("revisionName") or "") == name or (one.get("latestRevision") and name == newest)
    )


def _app_of(cloud: Cloud, target: ResourceId) -> tuple[JsonObject, ResourceId]:
    app_id = ResourceId(
        target.subscription, target.group, target.namespace, target.types[:1], target.names[:1]
    )
    app = cloud.store.get(RESOURCE, app_id.key)
    assert app is not None, "the parent was looked for before"
    return app, app_id


def find(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    """A revision as a resource."""
    app, app_id = _app_of(cloud, target)
    revision = cloud.store.get(REVISION, key_of(app, target.name))
    return None if revision is None else _resource(cloud, app, app_id, revision)


def list_all(cloud: Cloud, prefix: str) -> list[JsonObject]:
    """An app's revisions as resources."""
    app, app_id = _app_of(cloud, parse(f"{prefix}x"))
    return [_resource(cloud, app, app_id, one) for one in all_of(cloud, app["id"])]


def _resource(cloud: Cloud, app: JsonObject, app_id: ResourceId, revision: JsonObject) -> JsonObject:
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
            "trafficWeight": weight(app, revision["name"]),
            "healthState": _health(revision, states),
            "provisioningState": "Provisioned",
            "runningState": _running_state(revision, states),
        },
    }


def _health(revision: JsonObject, states: Sequence[ReplicaState]) -> str:
    if not revision["active"]:
        return "None"
    return "Healthy" if any(one.ready for one in states) else "Unhealthy"


def _running_state(revision: JsonObject, states: Sequence[ReplicaState]) -> str:
    if not revision["active"]:
        return "Deprovisioning" if states else "Stopped"
    if any(one.ready for one in states):
        return "Running"
    restarts = [container.restart_count for one in states for container in one.containers]
    return "Degraded" if any(restarts) else "Processing"


async def activate(cloud: Cloud, call: Call) -> str:
    """``POST …/activate``."""
    app, revision = _revision_of(cloud, call)
    revision["active"] = True
    cloud.store.put(REVISION, key_of(app, revision["name"]), revision)
    await start(cloud, app, revision)
    follow(cloud, app["id"])
    return "Activate succeeded"


async def deactivate(cloud: Cloud, call: Call) -> str:
    """``POST …/deactivate``."""
    app, revision = _revision_of(cloud, call)
    await switch_off(cloud, app, revision)
    return "Deactivate succeeded"


async def restart(cloud: Cloud, call: Call) -> str:
    """``POST …/restart``: new replicas of the same revision, with the secrets as they are now."""
    app, revision = _revision_of(cloud, call)
    if not revision["active"]:
        raise ArmError(
            400,
            "RevisionNotActive",
            f"The revision '{revision['name']}' of the container app '{app['name']}' is not active.",
        )
    running = bool(cloud.replicas.states(app["id"], revision["name"]))
    await start(cloud, app, revision)
    if running:
        await cloud.replicas.restart(app["id"], revision["name"])
    follow(cloud, app["id"])
    return "Restart succeeded"


def _revision_of(cloud: Cloud, call: Call) -> tuple[JsonObject, JsonObject]:
    app, _ = _app_of(cloud, call.target)
    revision = cloud.store.get(REVISION, key_of(app, call.target.name))
    assert revision is not None, "the revision was looked for before"
    return app, revision


def missing(target: ResourceId) -> Exception:
    """No such revision."""
    return ArmError(404, "RevisionNotFound", f"The revision '{target.name}' was not found.")


def find_replica(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    """A replica as a resource."""
    return next((one for one in _replicas(cloud, target) if one["name"] == target.name), None)


def list_replicas(cloud: Cloud, prefix: str) -> list[JsonObject]:
    """A revision's replicas as resources."""
    return _replicas(cloud, parse(f"{prefix}x"))


def _replicas(cloud: Cloud, target: ResourceId) -> list[JsonObject]:
    app, _ = _app_of(cloud, target)
    parent = target.parent
    assert parent is not None
    return [_replica(cloud, parent, one) for one in cloud.replicas.states(app["id"], parent.name)]


def _replica(cloud: Cloud, revision: ResourceId, state: ReplicaState) -> JsonObject:
    base = f"{_stream(cloud, revision)}/replicas/{state.name}"
    return {
        "id": str(revision.child("replicas", state.name)),
        "name": state.name,
        "type": "Microsoft.App/containerapps/revisions/replicas",
        "properties": {
            "createdTime": state.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "runningState": state.running_state,
            "runningStateDetails": state.running_state_details,
            "containers": [
                {
                    "name": one.name,
                    "containerId": one.container_id,
                    "ready": one.ready,
                    "started": one.started,
                    "restartCount": one.restart_count,
                    "runningState": one.running_state,
                    "runningStateDetails": one.running_state_details,
                    "logStreamEndpoint": f"{base}/containers/{one.name}/logstream",
                    "execEndpoint": None,
                    "debugEndpoint": None,
                }
                for one in state.containers
            ],
            "initContainers": [],
        },
    }


def _stream(cloud: Cloud, revision: ResourceId) -> str:
    app = f"{revision.group_id}/containerApps/{revision.names[0]}"
    return f"{cloud.settings.arm_url}{app}/revisions/{revision.name}"


def replica_missing(target: ResourceId) -> Exception:
    """No such replica."""
    return ArmError(404, "ReplicaNotFound", f"The replica '{target.name}' was not found.")
