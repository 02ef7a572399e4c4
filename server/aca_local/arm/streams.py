"""Log streams: the console of a container, the system log of an app or an environment (shapes as recorded).

In Azure they live on another host (``{region}.azurecontainerapps.dev``) and take the token of
``getAuthtoken``;
here they are on ARM's listener and take that token, or ARM's own.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from aiohttp import web

from aca_local.arm.subscriptions import check
from aca_local.kernel import errors
from aca_local.kernel.ids import ResourceId
from aca_local.kernel.records import RESOURCE
from aca_local.kernel.replicas import NotRunningError
from aca_local.providers import environments

if TYPE_CHECKING:
    from datetime import datetime

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import ResourceRecord
    from aca_local.kernel.replicas import SystemEvent
    from aca_local.kernel.routing import ArmRequest
    from aca_local.state import JsonObject

_MAX_TAIL = 300
_DEFAULT_TAIL = 20
_MOST_DIGITS = 9


def resource_of(cloud: Cloud, request: ArmRequest) -> ResourceId:
    """Return the app or environment that a stream's path names."""
    kind, name = (
        ("containerApps", request.path["app"])
        if "app" in request.path
        else ("managedEnvironments", request.path["environment"])
    )
    return ResourceId(
        cloud.settings.subscription_id, request.path["group"], "Microsoft.App", (kind,), (name,)
    )


async def console(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Answer ``…/replicas/{replica}/containers/{container}/logstream``."""
    app, tail, follow, as_json = _read(cloud, request)
    container, revision, replica = (
        request.path["container"],
        request.path["revision"],
        request.path["replica"],
    )
    lines = cloud.replicas.console(app["id"], revision, replica, container, tail=tail, follow=follow)
    response = await _open(request)
    await _say(cloud, response, as_json, f"Connecting to the container '{container}'...")
    try:
        first = await anext(lines, None)
    except NotRunningError:
        await _say(cloud, response, as_json, "Kubernetes error happened. Closing the connection.")
        return response
    words = (
        f"Successfully Connected to container: '{container}' [Revision: '{revision}', Replica: '{replica}']"
    )
    await _say(cloud, response, as_json, words)
    if first is not None:
        await _line(response, as_json, _precise(first.time), first.text)
        async for line in lines:
            await _line(response, as_json, _precise(line.time), line.text)
    await response.write_eof()
    return response


async def unsupported(_: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Refuse a shell in a container, which aca-local does not serve."""
    raise errors.UNSUPPORTED_PATH.error(path=request.http.path)


async def events(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Answer ``…/containerApps/{app}/eventstream``."""
    app, tail, follow, _ = _read(cloud, request)
    response = await _open_events(cloud, request)
    async for event in cloud.replicas.events(app["id"], tail=tail, follow=follow):
        await _write_event(response, _event(event))
    await response.write_eof()
    return response


async def environment_events(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Answer ``…/managedEnvironments/{environment}/eventstream``: the events of its apps as they come."""
    _, tail, follow, _ = _read(cloud, request)
    response = await _open_events(cloud, request)
    apps = environments.apps_of(cloud, resource_of(cloud, request))

    async def write(app_id: str) -> None:
        async for event in cloud.replicas.events(app_id, tail=tail, follow=follow):
            await _write_event(response, _event(event))

    await asyncio.gather(*(write(app["id"]) for app in apps))
    await response.write_eof()
    return response


def _read(cloud: Cloud, request: ArmRequest) -> tuple[ResourceRecord, int, bool, bool]:
    check(cloud, request.path["subscription"])
    target = resource_of(cloud, request)
    resource = cloud.store.get(RESOURCE, target.key)
    if resource is None:
        raise errors.RESOURCE_NOT_FOUND.error(name=target.type_and_name, group=target.group)
    text = request.query.get("tailLines", str(_DEFAULT_TAIL))
    if not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) > _MAX_TAIL:
        raise errors.STREAM_TAIL.error(most=_MAX_TAIL)
    output = request.query.get("output", "text").lower()
    if output not in {"text", "json"}:
        raise errors.STREAM_OUTPUT.error()
    return resource, int(text), request.query.get("follow", "false").lower() == "true", output == "json"


async def _open(request: ArmRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    response.enable_chunked_encoding()
    await response.prepare(request.http)
    return response


async def _open_events(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    response = await _open(request)
    now = cloud.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    for words, reason in (
        ("Connecting to the events collector...", "StartingGettingEvents"),
        ("Successfully connected to events server", "ConnectedToEventsServer"),
    ):
        greeting = {"TimeStamp": now, "Type": "Normal", "ContainerAppName": None, "RevisionName": None}
        greeting |= {"ReplicaName": None, "Msg": words, "Reason": reason}
        await _write_event(response, greeting | {"EventSource": "ContainerAppController", "Count": 1})
    return response


def _event(event: SystemEvent) -> JsonObject:
    return {
        "TimeStamp": event.time.strftime("%Y-%m-%d %H:%M:%S.%f +0000 UTC"),
        "Type": event.type,
        "ContainerAppName": event.app or None,
        "RevisionName": event.revision or None,
        "ReplicaName": event.replica or None,
        "Msg": event.message,
        "Reason": event.reason,
        "EventSource": "ContainerAppController",
        "Count": event.count,
    }


async def _write_event(response: web.StreamResponse, event: JsonObject) -> None:
    await response.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")


async def _say(cloud: Cloud, response: web.StreamResponse, as_json: bool, words: str) -> None:
    await _line(response, as_json, cloud.clock().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-1], words)


async def _line(response: web.StreamResponse, as_json: bool, when: str, words: str) -> None:
    text = (
        json.dumps({"TimeStamp": when, "Log": words}, separators=(",", ":")) if as_json else f"{when} {words}"
    )
    await response.write(text.encode() + b"\n")


def _precise(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
