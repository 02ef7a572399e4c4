"""What environments use of what they may have: cores, nodes, GPUs (recorded shapes)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_local.providers import environments, profiles
from aca_local.providers.app_records import ENVIRONMENT, ENVIRONMENTS

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.resource_type import Call
    from aca_local.providers.app_records import EnvironmentRecord
    from aca_local.state import JsonObject

ENVIRONMENT_LIMIT = 40
_CORES = {"GeneralPurpose": 100, "MemoryOptimized": 50, "Consumption": 100}


def usages(cloud: Cloud, call: Call) -> JsonObject:
    """Return what ``GET …/usages`` of an environment answers: cores in use, by kind of profile."""
    used = dict.fromkeys(_CORES, 0.0)
    found = _environment(cloud, call)["properties"].get("workloadProfiles") or []
    types = {one["name"].lower(): one["workloadProfileType"] for one in found}
    for app in environments.apps_of(cloud, call.target):
        name = (app["properties"].get("workloadProfileName") or "Consumption").lower()
        kind = profiles.find(types.get(name, "Consumption"))
        if kind is not None and kind.category in used:
            containers = app["properties"]["template"]["containers"]
            used[kind.category] += sum(one["resources"]["cpu"] for one in containers)
    names = {kind: f"ManagedEnvironment{kind}Cores" for kind in _CORES}
    return {"value": [_usage(names[kind], used[kind], limit) for kind, limit in _CORES.items()]}


def _environment(cloud: Cloud, call: Call) -> EnvironmentRecord:
    environment = cloud.store.get(ENVIRONMENTS, call.target.key)
    assert environment is not None, "the environment was looked for before"
    return environment


def _usage(name: str, value: float, limit: float) -> JsonObject:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    shown = {"value": name, "localizedValue": words}
    return {"name": shown, "usage": value, "currentValue": value, "limit": limit}


def of_region(cloud: Cloud, location: str) -> JsonObject:
    """Return what ``GET …/locations/{location}/usages`` answers, GPU quotas included."""
    here = environments.in_region(cloud, location)
    used = [profile for one in here for profile in one["properties"].get("workloadProfiles") or []]
    counted = {
        "ManagedEnvironmentCount": (len(here), ENVIRONMENT_LIMIT),
        "SubscriptionNCA100Gpus": (profiles.gpus(used), profiles.GPU_QUOTA),
        "SubscriptionConsumptionNCA100Gpus": (0, 20),
        "SubscriptionConsumptionT4Gpus": (0, 20),
        **cloud.conditions.state.usages,
    }
    return {"value": [_usage(name, value, limit) for name, (value, limit) in counted.items()]}


def profile_states(cloud: Cloud, call: Call) -> JsonObject:
    """Return what ``GET …/workloadProfileStates`` answers: how many nodes each profile has now."""
    states = []
    for one in _environment(cloud, call)["properties"].get("workloadProfiles") or []:
        low = one.get("minimumCount", 0)
        counts = {"minimumCount": low, "maximumCount": one.get("maximumCount", 0), "currentCount": low}
        identity = f"{call.target}/workloadProfileStates/{one['name']}"
        kind = f"{ENVIRONMENT}/workloadProfileStates"
        states.append({"properties": counts, "id": identity, "name": one["name"], "type": kind})
    return {"value": states}
