"""From a container app's template to what the supervisor of replicas starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aca_local.arm.ids import parse
from aca_local.providers.accounts import account_keys
from aca_local.providers.model import RESOURCE
from aca_local.replicas import ContainerSpec, Mount, Probe, RevisionSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.arm.cloud import Cloud
    from aca_local.state import JsonObject


def build(cloud: Cloud, app: JsonObject, revision: JsonObject) -> RevisionSpec:
    """The spec of a revision, with secrets and volumes resolved; a mount says itself why it fails, if it
    does.
    """
    template = revision["template"]
    ingress = app["properties"]["configuration"].get("ingress")
    scale = template.get("scale") or {}
    port = ingress["targetPort"] if ingress else None
    mounts = _volumes(cloud, app, template)
    secrets = {one["name"]: one.get("value", "") for one in app["private"]["secrets"]}
    containers = tuple(_container(one, secrets, mounts) for one in template["containers"])
    return RevisionSpec(
        app_id=app["id"],
        app=app["name"],
        revision=revision["name"],
        containers=containers,
        min_replicas=scale.get("minReplicas") or 0,
        max_replicas=scale.get("maxReplicas") or 10,
        target_port=port,
    )


def _container(one: JsonObject, secrets: Mapping[str, str], volumes: Mapping[str, Mount]) -> ContainerSpec:
    resources = one.get("resources") or {}
    return ContainerSpec(
        name=one["name"],
        image=one["image"],
        command=tuple(one.get("command") or ()),
        args=tuple(one.get("args") or ()),
        env={pair["name"]: _value(pair, secrets) for pair in one.get("env") or ()},
        mounts=tuple(_mount(each, volumes) for each in one.get("volumeMounts") or ()),
        probes=tuple(_probe(each) for each in one.get("probes") or ()),
        cpu=float(resources.get("cpu", 0.5)),
        memory=resources.get("memory", "1Gi"),
    )


def _value(pair: JsonObject, secrets: Mapping[str, str]) -> str:
    if pair.get("secretRef"):
        return secrets.get(pair["secretRef"], "")
    return pair.get("value") or ""


def _mount(each: JsonObject, volumes: Mapping[str, Mount]) -> Mount:
    volume = volumes[each["volumeName"]]
    folder = volume.folder / each["subPath"] if each.get("subPath") else volume.folder
    return replace(volume, path=each["mountPath"], folder=folder)


def _volumes(cloud: Cloud, app: JsonObject, template: JsonObject) -> dict[str, Mount]:
    volumes = {}
    for one in template.get("volumes") or ():
        if one.get("storageType", "EmptyDir") == "AzureFile":
            volumes[one["name"]] = _azure_file(cloud, app, one)
    return volumes


def _azure_file(cloud: Cloud, app: JsonObject, volume: JsonObject) -> Mount:
    environment = parse(app["properties"]["environmentId"])
    storage = cloud.store.get(RESOURCE, environment.child("storages", volume["storageName"]).key)
    if storage is None:
        return _failed(f'storage "{volume["storageName"]}" was not found in the environment')
    file = storage["properties"]["azureFile"]
    account, share = file["accountName"], file["shareName"]
    if storage["private"]["accountKey"] not in account_keys(cloud, account):
        return _failed(f"mount of //{account}/{share} failed: mount error(13): Permission denied")
    if share not in {one.name for one in cloud.shares.list_shares(account)}:
        return _failed(f"mount of //{account}/{share} failed: mount error(2): No such file or directory")
    read_only = file["accessMode"] == "ReadOnly"
    return Mount(path="", folder=cloud.shares.folder(account, share), read_only=read_only)


def _failed(why: str) -> Mount:
    return Mount(path="", folder=Path(), failure=why)


def _probe(one: JsonObject) -> Probe:
    http = one.get("httpGet")
    target = http or one.get("tcpSocket") or {}
    scheme = str((http or {}).get("scheme") or "HTTP").lower() if http else "tcp"
    return Probe(
        kind=one["type"],
        port=int(target["port"]),
        scheme="https" if scheme == "https" else "http" if scheme == "http" else "tcp",
        path=(http or {}).get("path") or "/",
        initial_delay=float(one.get("initialDelaySeconds") or 0),
        period=float(one.get("periodSeconds") or 10),
        timeout=float(one.get("timeoutSeconds") or 1),
        success_threshold=int(one.get("successThreshold") or 1),
        failure_threshold=int(one.get("failureThreshold") or 3),
        headers=tuple((pair["name"], pair["value"]) for pair in (http or {}).get("httpHeaders") or ()),
    )
