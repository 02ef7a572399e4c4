"""A container app's body: what a PUT is checked for, and how the service writes it back.

Explicit nulls, defaults and the order of keys are those of recorded answers.
``InvalidParameterValueInContainerTemplate``
and ``ContainerAppInvalidResourceTotal`` are worded as the service does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_local.arm.errors import ArmError
from aca_local.providers import profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.state import JSON, JsonObject

_APP_NAME = re.compile(r"(?!.*--)[a-z](?:[a-z0-9-]{0,30}[a-z0-9])")
_CONTAINER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SECRET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_SUFFIX = re.compile(r"[a-z](?:[a-z0-9-]{0,53}[a-z0-9])?")
_CONTAINER_KEYS = ("image", "name", "command", "args", "env", "probes", "volumeMounts", "imageType")
_FAILURES = {"Liveness": 30, "Readiness": 48, "Startup": 240}
_VOLUMES = frozenset({"AzureFile", "EmptyDir"})
_TRANSPORTS = frozenset({"Auto", "Http", "Http2"})
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)Gi")


def invalid_field(path: str, details: str) -> ArmError:
    """A field of the template that is missing or wrong."""
    return ArmError(
        400,
        "InvalidParameterValueInContainerTemplate",
        f"The following field(s) are either invalid or missing. Field '{path}' is invalid with details:"
        f" '{details}'.",
        target=path,
    )


def check_name(name: str) -> None:
    """Raises ContainerAppInvalidName."""
    if _APP_NAME.fullmatch(name) is None:
        raise ArmError(
            400,
            "ContainerAppInvalidName",
            f"Invalid ContainerApp name '{name}'. A name must consist of lower case alphanumeric characters"
            " or '-',"
            " start with an alphabetic character, and end with an alphanumeric character and cannot have"
            " '--'. The"
            " length must not be more than 32 characters.",
        )


def template(asked: JsonObject, profile: str | None) -> JsonObject:
    """The ``template`` section as it is stored. Raises what the service refuses."""
    containers = asked.get("containers")
    if not containers:
        raise invalid_field("template.containers", "At least one container is required.")
    suffix = asked.get("revisionSuffix") or ""
    if suffix and _SUFFIX.fullmatch(suffix) is None:
        raise invalid_field(
            "template.revisionSuffix",
            f"Invalid value: \"{suffix}\": lower case alphanumeric characters or '-'",
        )
    volumes = [_volume(one) for one in asked.get("volumes") or []]
    known = {one["name"] for one in volumes}
    written: JsonObject = {
        "revisionSuffix": suffix,
        "terminationGracePeriodSeconds": asked.get("terminationGracePeriodSeconds"),
        "containers": [_container(one, known) for one in containers],
        "initContainers": None,
        "scale": _scale(asked.get("scale") or {}),
        "volumes": volumes or None,
        "serviceBinds": None,
    }
    for unsupported in ("initContainers", "serviceBinds"):
        if asked.get(unsupported):
            raise invalid_field(f"template.{unsupported}", "aca-local does not support this.")
    _check_resources(written["containers"], profile)
    return written


def _container(one: JsonObject, volumes: set[str]) -> JsonObject:
    name = one.get("name") or ""
    path = f"template.containers.{name or '0'}"
    if _CONTAINER_NAME.fullmatch(name) is None:
        raise invalid_field(
            f"{path}.name", f"Invalid value: \"{name}\": lower case alphanumeric characters or '-'"
        )
    if not one.get("image"):
        raise invalid_field(f"{path}.image", 'Invalid value: "": image is required')
    container = {key: one[key] for key in _CONTAINER_KEYS if one.get(key) is not None}
    resources = one.get("resources") or {}
    cpu = float(resources.get("cpu") or 0.5)
    memory = resources.get("memory") or "1Gi"
    container.setdefault("imageType", "ContainerImage")
    container["resources"] = {"cpu": cpu, "memory": memory, "ephemeralStorage": _ephemeral(cpu)}
    for probe in one.get("probes") or ():
        _check_probe(f"{path}.probes", probe)
    for mount in one.get("volumeMounts") or ():
        if mount.get("volumeName") not in volumes:
            raise invalid_field(
                f"{path}.volumeMounts",
                f"Volume '{mount.get('volumeName')}' is not defined in template.volumes.",
            )
    return container


def _ephemeral(cpu: float) -> str:
    steps = ((0.25, "1Gi"), (0.5, "2Gi"), (1.0, "4Gi"))
    return next((size for limit, size in steps if cpu <= limit), "8Gi")


def _check_probe(path: str, probe: JsonObject) -> None:
    kind = probe.get("type")
    if kind not in _FAILURES:
        raise invalid_field(f"{path}.type", f'Invalid value: "{kind}": Liveness, Readiness or Startup')
    target = probe.get("httpGet") or probe.get("tcpSocket")
    if not target or not isinstance(target.get("port"), int):
        raise invalid_field(f"{path}.{kind}", "httpGet or tcpSocket with a port is required")
    if (probe.get("failureThreshold") or 1) > _FAILURES[kind]:
        raise invalid_field(
            f"{path}.{kind}.failureThreshold",
            f"Invalid value: {probe['failureThreshold']}: must be between 1 and {_FAILURES[kind]}",
        )
    for key, limit in (("initialDelaySeconds", 60), ("periodSeconds", 240), ("timeoutSeconds", 240)):
        if (probe.get(key) or 0) > limit:
            raise invalid_field(
                f"{path}.{kind}.{key}", f"Invalid value: {probe[key]}: must be at most {limit}"
            )


def _volume(one: JsonObject) -> JsonObject:
    kind = one.get("storageType") or "EmptyDir"
    if kind not in _VOLUMES:
        raise invalid_field("template.volumes", f"aca-local does not support the storage type '{kind}'.")
    if kind == "AzureFile" and not one.get("storageName"):
        raise invalid_field("template.volumes", f"The volume '{one.get('name')}' needs a storageName.")
    return {key: value for key, value in {**one, "storageType": kind}.items() if value is not None}


def _scale(asked: JsonObject) -> JsonObject:
    low, high = asked.get("minReplicas"), asked.get("maxReplicas")
    if low is not None and high is not None and low > high:
        raise invalid_field("template.scale", f"minReplicas {low} is greater than maxReplicas {high}")
    return {
        "minReplicas": low,
        "maxReplicas": 10 if high is None else high,
        "cooldownPeriod": asked.get("cooldownPeriod") or 300,
        "pollingInterval": asked.get("pollingInterval") or 30,
        "rules": asked.get("rules"),
    }


def gibibytes(memory: str) -> float:
    """``1.5Gi`` → 1.5. Raises where the text is something else."""
    found = _MEMORY.fullmatch(memory)
    if found is None:
        raise invalid_field("template.containers.resources.memory", f'Invalid value: "{memory}"')
    return float(found[1])


def _check_resources(containers: Sequence[JsonObject], profile: str | None) -> None:
    cpu = sum(one["resources"]["cpu"] for one in containers)
    memory = sum(gibibytes(one["resources"]["memory"]) for one in containers)
    kind = profiles.find(profile or "Consumption")
    if kind is None:
        return
    consumption = kind.name == "Consumption"
    if cpu <= kind.cores and memory <= kind.memory_gib and (not consumption or _pair(cpu, memory)):
        return
    combinations = "; ".join(f"[cpu: {step / 4:g}, memory: {step / 2:.1f}Gi]" for step in range(1, 17))
    allowed = (
        f"add up to one of the following CPU - Memory combinations: {combinations}"
        if consumption
        else (f"be at most [cpu: {kind.cores}, memory: {kind.memory_gib}Gi]")
    )
    raise ArmError(
        400,
        "ContainerAppInvalidResourceTotal",
        f"The total requested CPU and memory resources for this application (CPU: {cpu:g}, memory:"
        f" {memory:g}) is"
        f" invalid. Total CPU and memory for all containers defined in a Container App must {allowed}",
    )


def _pair(cpu: float, memory: float) -> bool:
    return (cpu * 4).is_integer() and memory == cpu * 2


def configuration(asked: JsonObject, before: JsonObject | None) -> JsonObject:
    """The ``configuration`` section as it is stored, without the values of secrets."""
    mode = str(asked.get("activeRevisionsMode") or "Single").capitalize()
    if mode not in {"Single", "Multiple"}:
        raise invalid_field(
            "configuration.activeRevisionsMode", f'Invalid value: "{mode}": Single or Multiple'
        )
    if (asked.get("dapr") or {}).get("enabled"):
        raise invalid_field("configuration.dapr.enabled", "aca-local runs no Dapr beside an app.")
    return {
        "secrets": [{"name": one["name"]} for one in asked.get("secrets") or []] or None,
        "activeRevisionsMode": mode,
        "ingress": _ingress(asked.get("ingress"), (before or {}).get("ingress")),
        "registries": asked.get("registries"),
        "dapr": asked.get("dapr"),
        "maxInactiveRevisions": 100
        if asked.get("maxInactiveRevisions") is None
        else asked["maxInactiveRevisions"],
        "service": asked.get("service"),
        "runtime": asked.get("runtime"),
        "targetLabel": asked.get("targetLabel") or "",
        "revisionTransitionThreshold": asked.get("revisionTransitionThreshold"),
        "identitySettings": asked.get("identitySettings") or [],
    }


def _ingress(asked: JsonObject | None, before: JsonObject | None) -> JsonObject | None:
    if not asked:
        return None
    port = asked.get("targetPort")
    if not isinstance(port, int) or not 1 <= port <= 65535:  # noqa: PLR2004 - what a port is
        raise invalid_field(
            "configuration.ingress.targetPort", f"Invalid value: {port}: must be between 1 and 65535"
        )
    transport = str(asked.get("transport") or "Auto").capitalize()
    if transport not in _TRANSPORTS:
        raise invalid_field(
            "configuration.ingress.transport", f"aca-local's ingress speaks HTTP, not '{transport}'."
        )
    keep: tuple[str, ...] = (
        "customDomains",
        "ipSecurityRestrictions",
        "corsPolicy",
        "clientCertificateMode",
        "stickySessions",
        "additionalPortMappings",
        "targetPortHttpScheme",
    )
    return {
        "fqdn": (before or {}).get("fqdn"),
        "external": bool(asked.get("external", False)),
        "targetPort": port,
        "exposedPort": asked.get("exposedPort") or 0,
        "transport": transport,
        "traffic": asked.get("traffic") or [{"weight": 100, "latestRevision": True}],
        "allowInsecure": bool(asked.get("allowInsecure", False)),
        **{key: asked.get(key) for key in keep},
    }


def secrets(asked: JSON) -> list[JsonObject]:
    """The secrets of a PUT, with their values. Raises ContainerAppSecretInvalid."""
    found = []
    for one in asked or []:
        name = one.get("name") or ""
        if _SECRET_NAME.fullmatch(name) is None or one.get("value") is None:
            raise ArmError(
                400,
                "ContainerAppSecretInvalid",
                f"Invalid Request: Container app secret(s) with name(s) '{name}' are invalid: value or"
                " keyVaultUrl and"
                " identity should be provided.",
            )
        found.append({"name": name, "value": one["value"]})
    return found


def check_secret_refs(written: JsonObject, known: set[str]) -> None:
    """Raises ContainerAppSecretRefNotFound for a variable that names an unknown secret."""
    for container in written["containers"]:
        for pair in container.get("env") or ():
            ref = pair.get("secretRef")
            if ref and ref not in known:
                raise ArmError(
                    400,
                    "ContainerAppSecretRefNotFound",
                    f"SecretRef '{ref}' defined for container '{container['name']}' not found.",
                )
