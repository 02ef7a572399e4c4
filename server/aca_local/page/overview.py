"""The overview: each resource group with its deployments, apps, shares and the rest, as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from aca_local.arm.deployments import DEPLOYMENT, DEPLOYMENT_OPERATION
from aca_local.arm.groups import GROUP
from aca_local.page.html import Raw, join, table, tag
from aca_local.providers import revisions
from aca_local.providers.model import RESOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm import Cloud
    from aca_local.replicas import ContainerState, ReplicaState
    from aca_local.state import JsonObject

APP = "microsoft.app/containerapps"
SHARE = "microsoft.storage/storageaccounts/fileservices/shares"
GOOD = frozenset({"Succeeded", "Running", "Healthy", "OK", "Ready"})
BAD = frozenset({"Failed", "Unhealthy", "Degraded", "Terminated"})
ROOT = "/aca-local/page"


def overview(cloud: Cloud) -> Raw:
    """Show everything; a link for a newcomer when there is nothing."""
    groups = cloud.store.list(GROUP)
    if not groups:
        return tag(
            "p", "No resource group yet. Provision a project: ", tag("code", "aitk-inference provision")
        )
    return join(*(_group(cloud, one) for one in groups))


def _group(cloud: Cloud, group: JsonObject) -> Raw:
    inside = cloud.store.list(RESOURCE, group["id"] + "/")
    apps = [one for one in inside if one["type"].lower() == APP]
    shares = [one for one in inside if one["type"].lower() == SHARE]
    others = [one for one in inside if one not in apps and one not in shares]
    deployments = cloud.store.list(DEPLOYMENT, group["id"] + "/")
    return tag(
        "section",
        tag("h2", group["name"], " ", tag("small", group["location"])),
        tag("h3", "Container apps"),
        join(*(_app(cloud, one) for one in apps)) if apps else tag("p", "None yet.", class_="quiet"),
        tag("h3", "Deployments"),
        join(*(_deployment(cloud, one) for one in reversed(deployments)))
        or tag("p", "None yet.", class_="quiet"),
        tag("h3", "Shares"),
        table(("Share", "Storage account", "Size limit"), [_share(one) for one in shares]),
        tag("h3", "Other resources"),
        table(("Name", "Type", "State"), [_other(one) for one in others]),
    )


def state(words: str) -> Raw:
    """Show a state in the colour that it deserves."""
    kind = "good" if words in GOOD else "bad" if words in BAD else "busy"
    return tag("span", words, class_=f"state {kind}")


def _deployment(cloud: Cloud, deployment: JsonObject) -> Raw:
    properties = deployment["properties"]
    operations = cloud.store.list(DEPLOYMENT_OPERATION, deployment["id"] + "/operations/")
    summary = tag(
        "summary",
        deployment["name"],
        " ",
        state(properties["provisioningState"]),
        " ",
        tag("small", f"{properties['timestamp'][:19]}Z, {_seconds(properties['duration'])}"),
    )
    error = properties.get("error")
    return tag(
        "details",
        summary,
        tag("p", _error(error), class_="error") if error else None,
        table(("Resource", "Type", "Operation", "State", "Time"), [_operation(one) for one in operations]),
        id=deployment["id"],
        open=properties["provisioningState"] not in {"Succeeded", "Canceled"},
    )


def _operation(operation: JsonObject) -> tuple[object, ...]:
    properties = operation["properties"]
    target = properties.get("targetResource") or {}
    said = (properties.get("statusMessage") or {}).get("error")
    return (
        target.get("resourceName", ""),
        target.get("resourceType", ""),
        properties["provisioningOperation"],
        join(
            state(properties["provisioningState"]), tag("p", _error(said), class_="error") if said else None
        ),
        _seconds(properties["duration"]),
    )


def _error(error: JsonObject) -> str:
    """Say the innermost cause, where the useful words are."""
    details = error.get("details") or []
    return _error(details[0]) if details else f"{error.get('code')}: {error.get('message')}"


def _seconds(duration: str) -> str:
    return duration.removeprefix("PT").lower()


def _app(cloud: Cloud, app: JsonObject) -> Raw:
    properties = app["properties"]
    ingress = properties["configuration"]["ingress"]
    endpoint = f"http://{ingress['fqdn']}" if ingress else ""
    link = tag("a", endpoint, href=endpoint, target="_blank", rel="noreferrer") if endpoint else "no ingress"
    newest = revisions.latest(cloud, app)
    return tag(
        "article",
        tag("h4", app["name"], " ", state(properties["runningStatus"]), " ", link),
        tag("p", tag("a", "System log", href=f"{ROOT}/events?app={quote(app['id'])}")),
        join(
            *(
                _revision(cloud, app, one, newest=one == newest)
                for one in reversed(revisions.all_of(cloud, app["id"]))
            )
        ),
    )


def _revision(cloud: Cloud, app: JsonObject, revision: JsonObject, *, newest: bool) -> Raw:
    replicas = cloud.replicas.states(app["id"], revision["name"])
    probes = [one for part in revision["template"]["containers"] for one in part.get("probes") or []]
    return tag(
        "details",
        tag(
            "summary",
            revision["name"],
            " ",
            state("Running" if any(one.ready for one in replicas) else "Not ready")
            if revision["active"]
            else "inactive",
            " ",
            tag(
                "small", f"traffic {revisions.weight(app, revision['name'])} %, created {revision['created']}"
            ),
        ),
        tag(
            "p",
            "Probes: ",
            ", ".join(map(_probe, probes)) or "the defaults of Container Apps",
            class_="quiet",
        ),
        table(
            ("Replica", "Container", "State", "Ready", "Restarts", "Log"),
            _rows(app, revision["name"], replicas),
        ),
        id=f"{app['id']}/{revision['name']}",
        open=newest,
    )


def _probe(probe: JsonObject) -> str:
    http = probe.get("httpGet")
    where = f"GET {http.get('path', '/')} on {http['port']}" if http else f"TCP {probe['tcpSocket']['port']}"
    return f"{probe['type']} {where}"


def _rows(app: JsonObject, revision: str, replicas: Sequence[ReplicaState]) -> list[tuple[object, ...]]:
    return [
        (
            replica.name,
            container.name,
            join(state(container.running_state), " ", tag("small", container.running_state_details)),
            "yes" if container.ready else "started" if container.started else "no",
            container.restart_count,
            tag("a", "Log", href=_log(app, revision, replica, container)),
        )
        for replica in replicas
        for container in replica.containers
    ]


def _log(app: JsonObject, revision: str, replica: ReplicaState, container: ContainerState) -> str:
    return (
        f"{ROOT}/log?app={quote(app['id'])}&revision={quote(revision)}"
        f"&replica={quote(replica.name)}&container={quote(container.name)}"
    )


def _share(share: JsonObject) -> tuple[object, ...]:
    account = share["id"].split("/")[8]
    href = f"{ROOT}/files/{quote(account)}/{quote(share['name'])}/"
    return tag("a", share["name"], href=href), account, f"{share['properties']['shareQuota']} GiB"


def _other(resource: JsonObject) -> tuple[object, ...]:
    shown = resource.get("properties", {}).get("provisioningState")
    return resource["name"], resource["type"], state(shown) if shown else ""
