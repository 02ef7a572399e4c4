"""Revisions of container apps: made, started, watched, activated, deactivated, restarted.

A revision is made when the ``template`` section changed, and never changes itself. In single mode the old one
stays until the new one is ready; ``follow`` waits for that, also after a restart of aca-local.
"""

from __future__ import annotations

import asyncio
import secrets
import string
from typing import TYPE_CHECKING

from aca_local.kernel.ids import ResourceId, parse
from aca_local.kernel.replicas import SpecChangedError
from aca_local.providers import app_messages as messages
from aca_local.providers import app_spec, traffic
from aca_local.providers.app_records import APPS, REVISIONS

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.resource_type import Call
    from aca_local.providers.app_records import AppRecord, RevisionRecord, TemplateRecord

_POLL = 0.25
_LETTERS = string.ascii_lowercase + string.digits


def key_of(app: AppRecord, name: str) -> str:
    """Return the key of a revision in the store."""
    return f"{app['id']}/revisions/{name}"


def all_of(cloud: Cloud, app_id: str) -> list[RevisionRecord]:
    """Return an app's revisions, oldest first."""
    return cloud.store.list(REVISIONS, f"{app_id}/revisions/")


def forget(cloud: Cloud, app_id: str) -> None:
    """Remove an app's revisions from the store."""
    cloud.store.delete_under(REVISIONS, f"{app_id}/revisions/")


def latest(cloud: Cloud, app: AppRecord) -> RevisionRecord | None:
    """Return the newest revision of an app."""
    found = all_of(cloud, app["id"])
    return found[-1] if found else None


def ensure(cloud: Cloud, app: AppRecord) -> RevisionRecord:
    """Return the revision that an app's template asks for: the newest one where the template is the same."""
    template = app["properties"]["template"]
    newest = latest(cloud, app)
    if newest is not None and newest["template"] == template:
        return newest
    suffix = template["revisionSuffix"] or "".join(secrets.choice(_LETTERS) for _ in range(7))
    revision: RevisionRecord = {
        "name": f"{app['name']}--{suffix}",
        "created": cloud.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "template": template,
        "active": True,
    }
    cloud.store.put(REVISIONS, key_of(app, revision["name"]), revision)
    return revision


def check_suffix(cloud: Cloud, app: ResourceId, template: TemplateRecord) -> None:
    """Raise ContainerAppRevisionSuffixInUse where a suffix is used again for another template."""
    suffix = template["revisionSuffix"]
    name = f"{app.name}--{suffix}"
    taken = next((one for one in all_of(cloud, str(app)) if one["name"] == name), None)
    if suffix and taken is not None and taken["template"] != template:
        raise messages.SUFFIX_IN_USE.error(suffix=suffix, app=app.name)


async def start(cloud: Cloud, app: AppRecord, revision: RevisionRecord) -> None:
    """Start a revision's replicas, with the secrets and volumes as they are now."""
    spec = app_spec.build(cloud, app, revision["name"], revision["template"])
    try:
        await cloud.replicas.apply(spec)
    except SpecChangedError:  # a volume that could not be found before has a folder now
        await cloud.replicas.stop(app["id"], revision["name"])
        await cloud.replicas.apply(spec)


async def switch_off(cloud: Cloud, app: AppRecord, revision: RevisionRecord) -> None:
    """Deactivate a revision and end its replicas."""
    revision["active"] = False
    cloud.store.put(REVISIONS, key_of(app, revision["name"]), revision)
    await cloud.replicas.stop(app["id"], revision["name"])


def follow(cloud: Cloud, app_id: str) -> None:
    """Watch an app's newest revision until it is ready, in the background, once at a time."""
    cloud.tasks.spawn_once(f"follow {app_id.lower()}", lambda: _follow(cloud, app_id))


async def _follow(cloud: Cloud, app_id: str) -> None:
    key = parse(app_id).key
    while True:
        app = cloud.store.get(APPS, key)
        if app is None or app["properties"]["runningStatus"] == "Stopped":
            return
        newest = latest(cloud, app)
        if newest is None or newest["name"] == app["properties"]["latestReadyRevisionName"]:
            return
        if any(one.ready for one in cloud.replicas.states(app_id, newest["name"])):
            await _promote(cloud, app, newest)
            return
        await asyncio.sleep(_POLL)


async def _promote(cloud: Cloud, app: AppRecord, newest: RevisionRecord) -> None:
    with cloud.store.transaction():
        fresh = cloud.store.get(APPS, parse(app["id"]).key)
        if fresh is None:
            return
        fresh["properties"]["latestReadyRevisionName"] = newest["name"]
        cloud.store.put(APPS, parse(app["id"]).key, fresh)
    await traffic.route(cloud, fresh)
    if fresh["properties"]["configuration"]["activeRevisionsMode"] == "Single":
        for old in all_of(cloud, app["id"]):
            if old["active"] and old["name"] != newest["name"]:
                await switch_off(cloud, fresh, old)
    inactive = [one for one in all_of(cloud, app["id"]) if not one["active"]]
    kept = fresh["properties"]["configuration"]["maxInactiveRevisions"]
    for one in inactive[: max(len(inactive) - kept, 0)]:
        cloud.store.delete(REVISIONS, key_of(app, one["name"]))


def app_of(cloud: Cloud, target: ResourceId) -> tuple[AppRecord, ResourceId]:
    """Return the app, with its id, that a revision or replica is of; it was looked for before."""
    app_id = ResourceId(
        target.subscription, target.group, target.namespace, target.types[:1], target.names[:1]
    )
    app = cloud.store.get(APPS, app_id.key)
    assert app is not None
    return app, app_id


async def activate(cloud: Cloud, call: Call) -> str:
    """Carry ``POST …/activate`` out."""
    app, revision = _revision_of(cloud, call)
    revision["active"] = True
    cloud.store.put(REVISIONS, key_of(app, revision["name"]), revision)
    await start(cloud, app, revision)
    await traffic.route(cloud, app)
    follow(cloud, app["id"])
    return "Activate succeeded"


async def deactivate(cloud: Cloud, call: Call) -> str:
    """Carry ``POST …/deactivate`` out."""
    app, revision = _revision_of(cloud, call)
    await switch_off(cloud, app, revision)
    await traffic.route(cloud, app)
    return "Deactivate succeeded"


async def restart(cloud: Cloud, call: Call) -> str:
    """Carry ``POST …/restart`` out: new replicas of the same revision, with the secrets as they are now."""
    app, revision = _revision_of(cloud, call)
    if not revision["active"]:
        raise messages.REVISION_NOT_ACTIVE.error(revision=revision["name"], app=app["name"])
    running = bool(cloud.replicas.states(app["id"], revision["name"]))
    await start(cloud, app, revision)
    if running:
        await cloud.replicas.restart(app["id"], revision["name"])
    follow(cloud, app["id"])
    return "Restart succeeded"


def _revision_of(cloud: Cloud, call: Call) -> tuple[AppRecord, RevisionRecord]:
    app, _ = app_of(cloud, call.target)
    revision = cloud.store.get(REVISIONS, key_of(app, call.target.name))
    assert revision is not None, "the revision was looked for before"
    return app, revision


def missing(target: ResourceId) -> Exception:
    """Return the error of a revision that is not there."""
    return messages.REVISION_NOT_FOUND.error(name=target.name)
