"""From a container app's template to what the supervisor of replicas starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aca_local.kernel.ids import parse
from aca_local.kernel.replicas import ContainerSpec, Mount, Probe, RevisionSpec
from aca_local.providers.accounts import account_keys, is_reachable, takes_keys
from aca_local.providers.app_records import STORAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.kernel.replicas import ProbeKind
    from aca_local.providers.app_records import (
        AppRecord,
        ContainerRecord,
        ProbeRecord,
        TemplateRecord,
        VolumeRecord,
    )
    from aca_local.providers.job_records import JobRecord


def build(cloud: Cloud, app: AppRecord, revision: str, template: TemplateRecord) -> RevisionSpec:
    """Return the spec of a revision, with secrets and volumes resolved; a mount that fails says why."""
    ingress, scale = app["properties"]["configuration"]["ingress"], template["scale"]
    return RevisionSpec(
        app_id=app["id"],
        app=app["name"],
        revision=revision,
        containers=containers(cloud, app, template["containers"], template["volumes"] or ()),
        min_replicas=scale["minReplicas"] or 0,
        max_replicas=scale["maxReplicas"],
        target_port=ingress["targetPort"] if ingress else None,
    )


def containers(
    cloud: Cloud,
    owner: AppRecord | JobRecord,
    asked: Sequence[ContainerRecord],
    volumes: Sequence[VolumeRecord],
) -> tuple[ContainerSpec, ...]:
    """Return the containers of an app or job as they are started."""
    environment = parse(owner["properties"]["environmentId"])
    secrets = {one["name"]: one["value"] for one in owner["private"]["secrets"]}
    mounts = {}
    for volume in volumes:
        if volume["storageType"] == "Secret":
            named = {
                one.get("path") or one["secretRef"]: secrets[one["secretRef"]]
                for one in volume.get("secrets") or ()
            }
            files = named or secrets  # without names all of them, each a file
            mounts[volume["name"]] = Mount(path="", folder=Path(), read_only=True, files=files)
        elif volume["storageType"] != "EmptyDir":
            mounts[volume["name"]] = _azure_file(cloud, environment, volume)
    return tuple(_container(one, secrets, mounts) for one in asked)


def _container(
    one: ContainerRecord, secrets: Mapping[str, str], volumes: Mapping[str, Mount]
) -> ContainerSpec:
    return ContainerSpec(
        name=one["name"],
        image=one["image"],
        command=tuple(one.get("command") or ()),
        args=tuple(one.get("args") or ()),
        env={
            pair["name"]: secrets[pair["secretRef"]] if pair.get("secretRef") else pair.get("value", "")
            for pair in one.get("env") or ()
        },
        mounts=tuple(
            replace(volume, path=each["mountPath"], folder=volume.folder / (each.get("subPath") or ""))
            for each in one.get("volumeMounts") or ()
            if (volume := volumes.get(each["volumeName"]))
        ),
        probes=tuple(_probe(each) for each in one.get("probes") or ()),
        cpu=one["resources"]["cpu"],
        memory=one["resources"]["memory"],
    )


def _azure_file(cloud: Cloud, environment: ResourceId, volume: VolumeRecord) -> Mount:
    storage = cloud.store.get(STORAGES, environment.child("storages", volume["storageName"]).key)
    if storage is None:
        return _failed(f'storage "{volume["storageName"]}" was not found in the environment')
    file = storage["properties"]["azureFile"]
    account, share = file["accountName"], file["shareName"]
    closed = not (takes_keys(cloud, account) and is_reachable(cloud, account))
    if closed or storage["private"]["accountKey"] not in account_keys(cloud, account):
        return _failed(f"mount of //{account}/{share} failed: mount error(13): Permission denied")
    if share not in {one.name for one in cloud.shares.list_shares(account)}:
        return _failed(f"mount of //{account}/{share} failed: mount error(2): No such file or directory")
    read_only = file["accessMode"] == "ReadOnly"
    return Mount(path="", folder=cloud.shares.folder(account, share), read_only=read_only)


def _failed(why: str) -> Mount:
    return Mount(path="", folder=Path(), failure=why)


def _probe(one: ProbeRecord) -> Probe:
    http = one.get("httpGet")
    target = http or one["tcpSocket"]
    secure = http is not None and http.get("scheme", "HTTP").upper() == "HTTPS"
    return Probe(
        kind=cast("ProbeKind", one["type"]),  # checked when the app was written
        port=target["port"],
        scheme="tcp" if http is None else "https" if secure else "http",
        path=target.get("path") or "/",
        initial_delay=one.get("initialDelaySeconds", 0),
        period=one.get("periodSeconds", 10),
        timeout=one.get("timeoutSeconds", 1),
        success_threshold=one.get("successThreshold", 1),
        failure_threshold=one.get("failureThreshold", 3),
        headers=tuple((pair["name"], pair["value"]) for pair in target.get("httpHeaders") or ()),
    )
