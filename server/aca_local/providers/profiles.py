"""Workload profiles of Container Apps: the types that a region has, and the rules for an environment's list.

The dedicated types of recorded answers; the GPU types from Microsoft's documentation of workload profiles
(https://learn.microsoft.com/azure/container-apps/workload-profiles-overview and gpu-types).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aca_local.arm.errors import ArmError
from aca_local.arm.locations import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm.cloud import Cloud
    from aca_local.state import JsonObject


class ProfileType(NamedTuple):
    """A type of workload profile; ``gpus`` per node or replica."""

    name: str
    display: str
    category: str
    cores: int
    memory_gib: int
    gpus: int = 0


TYPES = (
    ProfileType("D4", "Dedicated-D4", "GeneralPurpose", 4, 16),
    ProfileType("D8", "Dedicated-D8", "GeneralPurpose", 8, 32),
    ProfileType("D16", "Dedicated-D16", "GeneralPurpose", 16, 64),
    ProfileType("D32", "Dedicated-D32", "GeneralPurpose", 32, 128),
    ProfileType("E4", "Dedicated-E4", "MemoryOptimized", 4, 32),
    ProfileType("E8", "Dedicated-E8", "MemoryOptimized", 8, 64),
    ProfileType("E16", "Dedicated-E16", "MemoryOptimized", 16, 128),
    ProfileType("E32", "Dedicated-E32", "MemoryOptimized", 32, 256),
    ProfileType("Consumption", "Consumption", "Consumption", 4, 8),
    ProfileType("NC24-A100", "Dedicated-NC24-A100", "GPU-NC-A100", 24, 220, 1),
    ProfileType("NC48-A100", "Dedicated-NC48-A100", "GPU-NC-A100", 48, 440, 2),
    ProfileType("NC96-A100", "Dedicated-NC96-A100", "GPU-NC-A100", 96, 880, 4),
    ProfileType(
        "Consumption-GPU-NC24-A100", "Consumption-GPU-NC24-A100", "Consumption-GPU-NC24-A100", 24, 220, 1
    ),
    ProfileType("Consumption-GPU-NC8as-T4", "Consumption-GPU-NC8as-T4", "Consumption-GPU-NC8as-T4", 8, 56, 1),
)

GPU_REGIONS = ("westus3", "australiaeast", "swedencentral", "eastus", "northeurope")
_MAX_NAME = 15
_NODE_LIMITS = ("minimumCount", "maximumCount")


def in_region(location: str) -> list[ProfileType]:
    """The types that a region has."""
    return [one for one in TYPES if not one.gpus or canonical(location) in GPU_REGIONS]


def find(name: str) -> ProfileType | None:
    """A type by its name, without case (the recorded CLI sends upper case)."""
    return next((one for one in TYPES if one.name.lower() == name.lower()), None)


def dedicated(kind: ProfileType) -> bool:
    """Whether nodes of this type belong to one environment (and are counted and billed as nodes)."""
    return not kind.name.startswith("Consumption")


def listing(cloud: Cloud, location: str) -> list[JsonObject]:
    """The value of ``availableManagedEnvironmentsWorkloadProfileTypes`` (recorded shape)."""
    kind = "Microsoft.App/availableManagedEnvironmentsWorkloadProfileTypes"
    base = f"/subscriptions/{cloud.settings.subscription_id}/providers/{kind}"
    return [_listed(one, base, kind, location) for one in in_region(location)]


def _listed(one: ProfileType, base: str, kind: str, location: str) -> JsonObject:
    properties: JsonObject = {
        "displayName": one.display,
        "category": one.category,
        "cores": one.cores,
        "memoryGiB": one.memory_gib,
    }
    if one.gpus:
        properties["gpus"] = one.gpus
    return {
        "location": canonical(location),
        "properties": properties,
        "id": f"{base}/{one.name}",
        "name": one.name,
        "type": kind,
    }


def check(
    asked: Sequence[JsonObject], location: str, before: Sequence[JsonObject] | None
) -> list[JsonObject]:
    """The profiles of an environment, as stored. Raises what Azure would refuse.

    ``before`` are those of an existing environment (None for a new one): a dedicated GPU profile must be
    there
    from its creation.
    """
    names: set[str] = set()
    checked = []
    for one in asked:
        profile = _checked(one, location)
        if profile["name"].lower() in names:
            raise ArmError(
                400,
                "WorkloadProfileDuplicateName",
                f"The workload profile name '{profile['name']}' is used more than once.",
            )
        names.add(profile["name"].lower())
        checked.append(profile)
    if before is not None:
        _check_change(checked, before)
    return checked


def _checked(one: JsonObject, location: str) -> JsonObject:
    keys = {key.lower(): value for key, value in one.items()}
    name, kind_name = keys.get("name") or "", keys.get("workloadprofiletype") or ""
    kind = find(kind_name)
    if kind is None or kind not in in_region(location):
        raise ArmError(
            400,
            "WorkloadProfileTypeNotSupported",
            f"Workload profile type '{kind_name}' is not supported in region '{location}'.",
        )
    if not name or len(name) > _MAX_NAME:
        raise ArmError(
            400,
            "WorkloadProfileInvalidNameTooLong" if name else "WorkloadProfileNameRequired",
            f"The workload profile name '{name}' is invalid: it must have 1 to {_MAX_NAME} characters.",
        )
    profile: JsonObject = {"workloadProfileType": kind.name, "name": name}
    limits = {key: keys[key.lower()] for key in _NODE_LIMITS if keys.get(key.lower()) is not None}
    if limits and not dedicated(kind):
        raise ArmError(
            400,
            "WorkloadProfilePropertyNotSupported",
            f"Workload profile property '{next(iter(limits))}' is not supported for workload profile type"
            f" '{kind.name}'.",
        )
    return profile | limits


def _check_change(asked: Sequence[JsonObject], before: Sequence[JsonObject]) -> None:
    known = {one["name"].lower(): one for one in before}
    for one in asked:
        old = known.get(one["name"].lower())
        if old is not None and old["workloadProfileType"] != one["workloadProfileType"]:
            raise ArmError(
                400,
                "WorkloadProfileTypeCannotBeChanged",
                f"The workload profile '{one['name']}' has type '{old['workloadProfileType']}', which cannot"
                " be changed"
                f" to '{one['workloadProfileType']}'.",
            )
        kind = find(one["workloadProfileType"])
        if old is None and kind is not None and kind.gpus and dedicated(kind):
            raise ArmError(
                400,
                "WorkloadProfileCannotBeAdded",
                f"The workload profile type '{kind.name}' can be set only when the environment is created.",
            )
