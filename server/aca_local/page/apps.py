"""Container apps with their revisions, replicas, probes and logs; jobs with their executions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from aca_local.page.frame import ROOT
from aca_local.page.html import Raw, join, table, tag
from aca_local.page.states import BAD, moment, progress, state
from aca_local.providers import jobs, revisions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm import Cloud
    from aca_local.replicas import ContainerState, ReplicaState
    from aca_local.state import JsonObject

SHOWN_EXECUTIONS = 5
_HEADS = ("Replica", "Container", "State", "Ready", "Restarts", "")


def app_card(cloud: Cloud, app: JsonObject) -> Raw:
    """Show one app, its newest revision opened."""
    properties = app["properties"]
    ingress = properties["configuration"]["ingress"]
    endpoint = f"http://{ingress['fqdn']}" if ingress else ""
    link = tag("a", endpoint, href=endpoint, target="_blank", rel="noreferrer") if endpoint else "no ingress"
    newest = revisions.latest(cloud, app)
    found = [
        _revision(cloud, app, one, newest=one == newest)
        for one in reversed(revisions.all_of(cloud, app["id"]))
    ]
    events = tag("a", "System log", href=f"{ROOT}/events?app={quote(app['id'])}")
    links = tag("span", link, " · ", events, class_="right")
    title = tag("h4", app["name"], " ", _app_state(properties), " ", links)
    return tag("article", title, *found)


def _app_state(properties: JsonObject) -> Raw:
    """What an app is: how far it has got while it is being made or changed, then whether it runs."""
    made: str = properties["provisioningState"]
    return state(properties["runningStatus"]) if made == "Succeeded" else progress(made)


def _revision(cloud: Cloud, app: JsonObject, revision: JsonObject, *, newest: bool) -> Raw:
    replicas = cloud.replicas.states(app["id"], revision["name"])
    probes = [one for part in revision["template"]["containers"] for one in part.get("probes") or []]
    about = f"traffic {revisions.weight(app, revision['name'])} %, made {moment(revision['created'])} UTC"
    said = ", ".join(map(_probe, probes)) or "those that Container Apps adds by itself"
    return tag(
        "details",
        tag("summary", revision["name"], " ", _revision_state(revision, replicas), " ", tag("small", about)),
        tag("p", f"Probes: {said}", class_="quiet"),
        table(_HEADS, _rows(app, revision["name"], replicas))
        if replicas
        else tag("p", "No replica runs.", class_="quiet"),
        id=f"{app['id']}/{revision['name']}",
        open=newest,
    )


def _revision_state(revision: JsonObject, replicas: Sequence[ReplicaState]) -> Raw:
    if not revision["active"]:
        return tag("span", "inactive", class_="state")
    return state("Ready" if any(one.ready for one in replicas) else "Not ready")


def _probe(probe: JsonObject) -> str:
    http = probe.get("httpGet")
    where = f"GET {http.get('path', '/')} on {http['port']}" if http else f"TCP {probe['tcpSocket']['port']}"
    return f"{probe['type'].lower()} {where}"


def _rows(app: JsonObject, revision: str, replicas: Sequence[ReplicaState]) -> list[tuple[object, ...]]:
    return [
        (
            replica.name,
            container.name,
            _container_state(container),
            "yes" if container.ready else "started" if container.started else "no",
            container.restart_count,
            tag("a", "Log", href=_log(app, revision, replica, container)),
        )
        for replica in replicas
        for container in replica.containers
    ]


def _container_state(container: ContainerState) -> Raw:
    details = container.running_state_details
    if details in BAD:
        return state(details)
    return join(state(container.running_state), " ", tag("small", details))


def _log(app: JsonObject, revision: str, replica: ReplicaState, container: ContainerState) -> str:
    return (
        f"{ROOT}/log?app={quote(app['id'])}&revision={quote(revision)}"
        f"&replica={quote(replica.name)}&container={quote(container.name)}"
    )


def job_card(cloud: Cloud, job: JsonObject) -> Raw:
    """Show one job with its last executions."""
    executions = jobs.list_executions(cloud, f"{job['id']}/executions/")[:SHOWN_EXECUTIONS]
    rows = [_execution(one) for one in executions]
    return tag(
        "article",
        tag("h4", job["name"], " ", progress(job["properties"]["provisioningState"])),
        table(("Execution", "State", "Started (UTC)", "Ended (UTC)"), rows)
        if rows
        else tag("p", "Not started yet.", class_="quiet"),
    )


def _execution(execution: JsonObject) -> tuple[object, ...]:
    properties = execution["properties"]
    ended = moment(properties.get("endTime", ""))
    return execution["name"], progress(properties["status"]), moment(properties["startTime"]), ended
