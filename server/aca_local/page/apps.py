"""Container apps with their revisions, replicas, probes and logs; jobs with their executions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from aca_local.page.frame import ROOT
from aca_local.page.html import Raw, join, table, tag
from aca_local.page.states import BAD, moment, progress, state
from aca_local.providers import job_executions, revisions, traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm import Cloud
    from aca_local.kernel.replicas import ContainerState, ReplicaState
    from aca_local.providers.app_records import AppRecord, ProbeRecord, RevisionRecord
    from aca_local.providers.job_records import JobRecord

SHOWN_EXECUTIONS = 5
_HEADS = ("Replica", "Container", "State", "Ready", "Restarts", "")


def app_card(cloud: Cloud, app: AppRecord) -> Raw:
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
    # How far it has got while it is being made or changed, then whether it runs.
    made = properties["provisioningState"]
    shown = state(properties["runningStatus"]) if made == "Succeeded" else progress(made)
    title = tag("h4", app["name"], " ", shown, " ", links)
    return tag("article", title, *found)


def _revision(cloud: Cloud, app: AppRecord, revision: RevisionRecord, *, newest: bool) -> Raw:
    replicas = cloud.replicas.states(app["id"], revision["name"])
    probes = [one for part in revision["template"]["containers"] for one in part.get("probes") or []]
    weight = traffic.weights(cloud, app).get(revision["name"], 0)
    about = f"traffic {weight} %, made {moment(revision['created'])} UTC"
    ready = state("Ready" if any(one.ready for one in replicas) else "Not ready")
    shown = ready if revision["active"] else tag("span", "inactive", class_="state")
    said = ", ".join(map(_probe, probes)) or "those that Container Apps adds by itself"
    return tag(
        "details",
        tag("summary", revision["name"], " ", shown, " ", tag("small", about)),
        tag("p", f"Probes: {said}", class_="quiet"),
        table(_HEADS, _rows(app, revision["name"], replicas))
        if replicas
        else tag("p", "No replica runs.", class_="quiet"),
        id=f"{app['id']}/{revision['name']}",
        open=newest,
    )


def _probe(probe: ProbeRecord) -> str:
    http = probe.get("httpGet")
    tcp = f"TCP {probe['tcpSocket']['port']}" if "tcpSocket" in probe else "TCP"
    where = f"GET {http.get('path', '/')} on {http['port']}" if http else tcp
    return f"{probe['type'].lower()} {where}"


def _rows(app: AppRecord, revision: str, replicas: Sequence[ReplicaState]) -> list[tuple[object, ...]]:
    address = f"{ROOT}/log?app={quote(app['id'])}&revision={quote(revision)}"
    return [
        _row(f"{address}&replica={quote(replica.name)}", replica, container)
        for replica in replicas
        for container in replica.containers
    ]


def _row(address: str, replica: ReplicaState, container: ContainerState) -> tuple[object, ...]:
    details = container.running_state_details
    quiet = join(state(container.running_state), " ", tag("small", details))
    return (
        replica.name,
        container.name,
        state(details) if details in BAD else quiet,
        "yes" if container.ready else "started" if container.started else "no",
        container.restart_count,
        tag("a", "Log", href=f"{address}&container={quote(container.name)}"),
    )


def job_card(cloud: Cloud, job: JobRecord) -> Raw:
    """Show one job with its last executions."""
    executions = job_executions.list_all(cloud, f"{job['id']}/executions/")[:SHOWN_EXECUTIONS]
    rows: list[tuple[object, ...]] = [
        (name, progress(one["status"]), moment(one["startTime"]), moment(one.get("endTime", "")))
        for name, one in ((one["name"], one["properties"]) for one in executions)
    ]
    return tag(
        "article",
        tag("h4", job["name"], " ", progress(job["properties"]["provisioningState"])),
        table(("Execution", "State", "Started (UTC)", "Ended (UTC)"), rows)
        if rows
        else tag("p", "Not started yet.", class_="quiet"),
    )
