"""Workload profiles of Container Apps: the types that a region has, and the rules for an environment's list.

The dedicated types of recorded answers; the GPU types from Microsoft's documentation of workload profiles
(https://learn.microsoft.com/azure/container-apps/workload-profiles-overview and gpu-types).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aca_local.kernel.locations import canonical
from aca_local.providers import app_messages as messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.kernel.context import Cloud
    from aca_local.providers.app_records import ProfileRecord
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
_MOST_NODES = 20
GPU_QUOTA = 20  # A100 of dedicated profiles, a region


def in_region(location: str) -> list[ProfileType]:
    """Return the types that a region has."""
    return [one for one in TYPES if not one.gpus or canonical(location) in GPU_REGIONS]


def find(name: str) -> ProfileType | None:
    """Return a type by its name, without case (the recorded CLI sends upper case)."""
    return next((one for one in TYPES if one.name.lower() == name.lower()), None)


def dedicated(kind: ProfileType) -> bool:
    """Return True if nodes of this type belong to one environment (and are counted and billed as nodes)."""
    return not kind.name.startswith("Consumption")


def listing(cloud: Cloud, location: str) -> list[JsonObject]:
    """Return the value of ``availableManagedEnvironmentsWorkloadProfileTypes`` (recorded shape)."""
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


def gpus(asked: Sequence[ProfileRecord]) -> int:
    """Return how many GPUs the dedicated ones among these profiles may grow to."""
    total = 0
    for one in asked:
        kind = find(one["workloadProfileType"])
        if kind is not None and kind.gpus and dedicated(kind):
            total += one.get("maximumCount", 0) * kind.gpus
    return total


def check(
    asked: Sequence[JsonObject], location: str, before: Sequence[ProfileRecord] | None
) -> list[ProfileRecord]:
    """Return the profiles of an environment, as stored. Raise what Azure would refuse.
     ``before`` are those of an existing environment (None for a new one): a dedicated GPU profile must be
    there from its creation.
    """
    checked: list[ProfileRecord] = []
    for one in asked:
        profile = _checked(one, location)
        if profile["name"].lower() in {each["name"].lower() for each in checked}:
            raise messages.PROFILE_DUPLICATE.error(name=profile["name"])
        checked.append(profile)
    if before is not None:
        _check_change(checked, before)
    return checked


def _checked(one: JsonObject, location: str) -> ProfileRecord:
    name, kind_name = one.get("name") or "", one.get("workloadProfileType") or ""
    kind = find(kind_name)
    if kind is None or kind not in in_region(location):
        raise messages.PROFILE_TYPE_UNSUPPORTED.error(type=kind_name, region=location)
    if not name or len(name) > _MAX_NAME:
        refusal = messages.PROFILE_NAME_TOO_LONG if name else messages.PROFILE_NAME_REQUIRED
        raise refusal.error(name=name, most=_MAX_NAME)
    profile: ProfileRecord = {"workloadProfileType": kind.name, "name": name}
    low, high = one.get("minimumCount"), one.get("maximumCount")
    if not dedicated(kind) and (low is not None or high is not None):
        given = "minimumCount" if low is not None else "maximumCount"
        raise messages.PROFILE_COUNT.error(property=given, type=kind.name)
    if not 0 <= (low or 0) <= (_MOST_NODES if high is None else high) <= _MOST_NODES:
        raise messages.PROFILE_COUNTS.error(name=name, low=low, high=high)
    if low is not None:
        profile["minimumCount"] = low
    if high is not None:
        profile["maximumCount"] = high
    return profile


def _check_change(asked: Sequence[ProfileRecord], before: Sequence[ProfileRecord]) -> None:
    known = {one["name"].lower(): one["workloadProfileType"] for one in before}
    for one in asked:
        new, old = one["workloadProfileType"], known.get(one["name"].lower())
        if old is not None and old != new:
            raise messages.PROFILE_TYPE_CHANGED.error(name=one["name"], old=old, new=new)
        kind = find(new)
        if old is None and kind is not None and kind.gpus and dedicated(kind):
            raise messages.PROFILE_CANNOT_BE_ADDED.error(type=kind.name)
