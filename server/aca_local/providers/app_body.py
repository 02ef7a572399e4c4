"""A container app's template: what a PUT is checked for, and how the service writes it back.
 Explicit nulls, defaults and the order of keys are those of recorded answers. JSON types are checked before,
against Microsoft's documents (``kernel.body_schema``); here are the rules between values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aca_local.providers import app_messages as messages
from aca_local.providers import profiles
from aca_local.providers.app_messages import invalid_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.providers.app_records import ContainerRecord, ScaleRecord, TemplateRecord, VolumeRecord
    from aca_local.state import JsonObject

_APP_NAME = re.compile(r"(?!.*--)[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?")
_CONTAINER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SUFFIX = re.compile(r"[a-z](?:[a-z0-9-]{0,53}[a-z0-9])?")
_CONTAINER_KEYS = ("image", "name", "command", "args", "env", "probes", "volumeMounts", "imageType")
_VOLUMES = frozenset({"AzureFile", "EmptyDir", "Secret"})
_MEMORY = re.compile(r"([0-9]{1,5}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})Gi")
_MOST_REPLICAS = 1000
_LONGEST_GRACE = 600


class Limit(NamedTuple):
    """The smallest and the largest value of a number."""

    low: int
    high: int


_FAILURES = {"Liveness": 30, "Readiness": 48, "Startup": 240}
_PROBE_LIMITS = {
    "initialDelaySeconds": Limit(0, 60),
    "periodSeconds": Limit(1, 240),
    "timeoutSeconds": Limit(1, 240),
    "successThreshold": Limit(1, 10),
}


def check_range(path: str, value: int | None, limit: Limit) -> None:
    """Raise InvalidParameterValueInContainerTemplate for a number outside of its limits."""
    if value is not None and not limit.low <= value <= limit.high:
        raise invalid_field(path, f"Invalid value: {value}: must be between {limit.low} and {limit.high}")


def check_name(name: str) -> None:
    """Raise ContainerAppInvalidName."""
    if _APP_NAME.fullmatch(name) is None:
        raise messages.APP_NAME.error(name=name)


def template(asked: JsonObject, profile: str | None) -> TemplateRecord:
    """Return the ``template`` section as it is stored. Raise what the service refuses."""
    containers, volumes = asked.get("containers"), [_volume(one) for one in asked.get("volumes") or []]
    if not containers:
        raise invalid_field("template.containers", "At least one container is required.")
    suffix = asked.get("revisionSuffix") or ""
    if suffix and _SUFFIX.fullmatch(suffix) is None:
        raise _not_lower_case("template.revisionSuffix", suffix)
    for unsupported in ("initContainers", "serviceBinds"):
        if asked.get(unsupported):
            raise invalid_field(f"template.{unsupported}", "aca-local does not support this.")
    grace = asked.get("terminationGracePeriodSeconds")
    check_range("template.terminationGracePeriodSeconds", grace, Limit(0, _LONGEST_GRACE))
    known = {one["name"] for one in volumes}
    written: TemplateRecord = {
        "revisionSuffix": suffix,
        "terminationGracePeriodSeconds": grace,
        "containers": [_container(one, known) for one in containers],
        "initContainers": None,
        "scale": _scale(asked.get("scale") or {}),
        "volumes": volumes or None,
        "serviceBinds": None,
    }
    _check_containers(written["containers"], profile)
    return written


def _not_lower_case(path: str, value: str) -> Exception:
    return invalid_field(path, f"Invalid value: \"{value}\": lower case alphanumeric characters or '-'")


def _container(one: JsonObject, volumes: set[str]) -> ContainerRecord:
    name = one.get("name") or ""
    path = f"template.containers.{name or '0'}"
    if _CONTAINER_NAME.fullmatch(name) is None:
        raise _not_lower_case(f"{path}.name", name)
    if not one.get("image"):
        raise invalid_field(f"{path}.image", 'Invalid value: "": image is required')
    asked = one.get("resources") or {}
    cpu, memory = float(asked.get("cpu", 0.5)), asked.get("memory", "1Gi")
    steps = ((0.25, "1Gi"), (0.5, "2Gi"), (1.0, "4Gi"))
    disk = next((size for limit, size in steps if cpu <= limit), "8Gi")
    for probe in one.get("probes") or ():
        _check_probe(f"{path}.probes", probe)
    for pair in one.get("env") or ():
        if not pair.get("name") or "=" in pair["name"]:
            raise invalid_field(f"{path}.env", f'Invalid value: "{pair.get("name", "")}": a name without "="')
    _check_mounts(path, one.get("volumeMounts") or (), volumes)
    container: ContainerRecord = {
        **{key: one[key] for key in _CONTAINER_KEYS if one.get(key) is not None},  # type: ignore[typeddict-item]
        "resources": {"cpu": cpu, "memory": memory, "ephemeralStorage": disk},
    }
    container.setdefault("imageType", "ContainerImage")
    return container


def _check_mounts(path: str, mounts: Sequence[JsonObject], volumes: set[str]) -> None:
    for mount in mounts:
        if mount.get("volumeName") not in volumes:
            details = f"Volume '{mount.get('volumeName')}' is not defined in template.volumes."
            raise invalid_field(f"{path}.volumeMounts", details)
        if not str(mount.get("mountPath") or "").startswith("/"):
            details = f'Invalid value: "{mount.get("mountPath", "")}": an absolute mountPath is required'
            raise invalid_field(f"{path}.volumeMounts.mountPath", details)
        if ".." in str(mount.get("subPath") or "").split("/") or str(mount.get("subPath") or "").startswith(
            "/"
        ):
            details = f'Invalid value: "{mount["subPath"]}": must be a relative path without ".."'
            raise invalid_field(f"{path}.volumeMounts.subPath", details)


def _check_probe(path: str, probe: JsonObject) -> None:
    kind = probe.get("type")
    if kind not in _FAILURES:
        raise invalid_field(f"{path}.type", f'Invalid value: "{kind}": Liveness, Readiness or Startup')
    target = probe.get("httpGet") or probe.get("tcpSocket")
    if not target or not 1 <= target.get("port", 0) <= 65535:  # noqa: PLR2004 - what a port is
        raise invalid_field(f"{path}.{kind}", "httpGet or tcpSocket with a port is required")
    limits = {**_PROBE_LIMITS, "failureThreshold": Limit(1, _FAILURES[kind])}
    for key, limit in limits.items():
        check_range(f"{path}.{kind}.{key}", probe.get(key), limit)
    for header in target.get("httpHeaders") or ():
        if (
            not header.get("name")
            or "value" not in header
            or not (header["name"] + header["value"]).isprintable()
        ):
            raise invalid_field(f"{path}.{kind}.httpHeaders", "a header needs a name and a value of one line")


def _volume(one: JsonObject) -> VolumeRecord:
    kind = one.get("storageType") or "EmptyDir"
    if not one.get("name"):
        raise invalid_field("template.volumes", "A volume needs a name.")
    if kind not in _VOLUMES:
        raise invalid_field("template.volumes", f"aca-local does not support the storage type '{kind}'.")
    if kind == "AzureFile" and not one.get("storageName"):
        raise invalid_field("template.volumes", f"The volume '{one['name']}' needs a storageName.")
    for secret in one.get("secrets") or ():
        path = str(secret.get("path") or "")
        if not secret.get("secretRef") or path.startswith("/") or ".." in path.split("/"):
            details = f"The volume '{one['name']}' needs a secretRef and a relative path for each secret."
            raise invalid_field("template.volumes", details)
    return {**one, "storageType": kind}  # type: ignore[typeddict-item]  # the table has checked the rest


def _scale(asked: JsonObject) -> ScaleRecord:
    low, high = asked.get("minReplicas"), asked.get("maxReplicas")
    check_range("template.scale.minReplicas", low, Limit(0, _MOST_REPLICAS))
    check_range("template.scale.maxReplicas", high, Limit(1, _MOST_REPLICAS))
    for name in ("cooldownPeriod", "pollingInterval"):
        check_range(f"template.scale.{name}", asked.get(name), Limit(0, 2**31))
    if low is not None and high is not None and low > high:
        raise invalid_field("template.scale", f"minReplicas {low} is greater than maxReplicas {high}")
    return {
        "minReplicas": low,
        "maxReplicas": 10 if high is None else high,
        "cooldownPeriod": asked.get("cooldownPeriod", 300),
        "pollingInterval": asked.get("pollingInterval", 30),
        "rules": asked.get("rules"),
    }


def gibibytes(memory: str) -> float:
    """Return 1.5 for ``1.5Gi``. Raise InvalidParameterValueInContainerTemplate for what is no memory size."""
    found = _MEMORY.fullmatch(memory)
    if found is None:
        raise invalid_field("template.containers.resources.memory", f'Invalid value: "{memory}"')
    return float(found[1])


def _check_containers(containers: Sequence[ContainerRecord], profile: str | None) -> None:
    names = [one["name"] for one in containers]
    if len({*names}) < len(names):
        raise invalid_field("template.containers", "The names of containers must be unique.")
    cpu = sum(one["resources"]["cpu"] for one in containers)
    memory = sum(gibibytes(one["resources"]["memory"]) for one in containers)
    kind = profiles.find(profile or "Consumption")
    if any(one["resources"]["cpu"] <= 0 for one in containers):
        raise invalid_field("template.containers.resources.cpu", f"Invalid value: {cpu:g}: must be positive")
    if kind is None:
        return
    consumption = kind.name == "Consumption"
    pair = float(cpu * 4).is_integer() and memory == cpu * 2
    if cpu <= kind.cores and memory <= kind.memory_gib and (pair or not consumption):
        return
    combinations = "; ".join(f"[cpu: {step / 4:g}, memory: {step / 2:.1f}Gi]" for step in range(1, 17))
    sums, most = "add up to one of the following CPU - Memory combinations", f"be at most [cpu: {kind.cores}"
    allowed = f"{sums}: {combinations}" if consumption else f"{most}, memory: {kind.memory_gib}Gi]"
    raise messages.RESOURCE_TOTAL.error(cpu=cpu, memory=memory, allowed=allowed)


def check_secret_refs(written: TemplateRecord, known: set[str]) -> None:
    """Raise ContainerAppSecretRefNotFound for a variable or a volume that names an unknown secret."""
    for volume in written["volumes"] or ():
        for secret in volume.get("secrets") or ():
            if secret["secretRef"] not in known:
                raise messages.VOLUME_SECRET_NOT_FOUND.error(ref=secret["secretRef"], volume=volume["name"])
    for container in written["containers"]:
        for pair in container.get("env") or ():
            ref = pair.get("secretRef")
            if ref and ref not in known:
                raise messages.SECRET_REF_NOT_FOUND.error(ref=ref, container=container["name"])
