"""Whether a region and an environment have what an app needs: workload profile, GPUs, cores, environments."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aitk_inference.core.arm_names import same
from aitk_inference.core.errors import AppError
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.flows.project.template_plan import profile_of
from aitk_inference.flows.provision.preflight_catalogue import found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from aitk_inference.core.model import WorkloadProfile
    from aitk_inference.core.preflight import Check, ProfileType, Usage
    from aitk_inference.core.resource_manager import Preflight
    from aitk_inference.flows.project.template_plan import ProjectResources
    from aitk_inference.flows.provision.existing_resources import Existing

_Answer = TypeVar("_Answer")
_SERVERLESS = "Consumption"
_ENVIRONMENTS = "ManagedEnvironmentCount"
_CORES = "ManagedEnvironmentConsumptionCores"


@dataclass(frozen=True)
class Demand:
    """What is asked of a region.

    Attributes:
        missing: The workload profile that an existing environment still needs.
        group_location: The group's region, where nothing says another.
    """

    project: ProjectResources
    existing: Existing
    missing: WorkloadProfile | None
    group_location: str

    @property
    def region(self) -> str:
        """Return the environment's region; empty where it is not known yet."""
        planned = self.project.environment.location if self.project.environment else None
        known = text(self.existing.environment, "location") or str(planned or "") or self.group_location
        return "" if known.startswith("[") else known

    @property
    def profile(self) -> WorkloadProfile:
        """Return the app's workload profile; the existing environment's where the template makes none."""
        profile = self.project.profile
        there = [
            profile_of(one) for one in objects(self.existing.environment, "properties", "workloadProfiles")
        ]
        return (
            profile if profile.type else next((one for one in there if same(one.name, profile.name)), profile)
        )

    @property
    def replicas(self) -> int:
        """Return how many replicas run at least, once there is a request."""
        low = find(self.project.app.body, "properties", "template", "scale", "minReplicas")
        return max(1, low) if isinstance(low, int) else 1

    def gpus(self, kind: ProfileType) -> int:
        """Return how many more GPUs are needed: an app that changes needs one more until it has changed."""
        if kind.name.startswith(_SERVERLESS):
            return kind.gpus * (self.replicas if self.existing.app is None else 1)
        is_new = self.missing is not None or not self.existing.whole_environment
        return kind.gpus * (self.profile.maximum_count or 1) if is_new else 0


async def check(demand: Demand, preflight: Preflight, subscription_id: str) -> list[Check]:
    """Return what the region and the environment can't give, and what can't be known about it."""
    if not demand.region:
        return [found("region-not-chosen")]
    types, region, environment = await asyncio.gather(
        _read(partial(preflight.profile_types, subscription_id, demand.region)),
        _read(partial(preflight.region_usages, subscription_id, demand.region)),
        _read(partial(_environment_usages, demand, preflight)),
    )
    checks: list[Check] = []
    kind: ProfileType | None = None
    if isinstance(types, AppError):
        checks.append(found("profile-unknown", region=demand.region, why=types.message))
    else:
        kind = next((one for one in types if same(one.name, demand.profile.type)), None)
        checks += _not_offered(demand, kind, types)
    for scope, usages in ((demand.region, region), ("its environment", environment)):
        if isinstance(usages, AppError):
            checks.append(found("quota-unknown", scope=scope, why=usages.message))
        else:
            checks += _lacking(demand, kind, usages, scope)
    return [*checks, *_second_node(demand, kind)]


async def _read(ask: Callable[[], Awaitable[_Answer]]) -> _Answer | AppError:
    try:
        return await ask()
    except AppError as error:
        return error


async def _environment_usages(demand: Demand, preflight: Preflight) -> Sequence[Usage]:
    if not demand.existing.whole_environment:
        return ()
    return await preflight.environment_usages(text(demand.existing.environment, "id"))


def _not_offered(demand: Demand, kind: ProfileType | None, types: Sequence[ProfileType]) -> Iterator[Check]:
    profile = demand.profile
    is_there = demand.existing.environment is not None and demand.missing is None
    if kind is not None or not profile.type or is_there:
        return
    offered = ", ".join(one.name for one in types)
    yield found("profile-not-offered", region=demand.region, type=profile.type, offered=offered)


def _lacking(
    demand: Demand, kind: ProfileType | None, usages: Sequence[Usage], scope: str
) -> Iterator[Check]:
    cards = gpu_usage(kind, usages) if kind is not None and kind.gpus else None
    if kind is not None and cards is not None:
        yield from _gpus(demand, kind, cards, scope)
    for usage in usages:
        free = usage.limit - usage.used
        if usage.name == _ENVIRONMENTS and demand.existing.environment is None and free < 1:
            yield found("environment-count", region=scope, used=f"{usage.used:g}", limit=f"{usage.limit:g}")
        elif usage.name == _CORES and (needed := _cores(demand)) > free:
            numbers = {"needed": needed, "free": max(0.0, free), "used": usage.used, "limit": usage.limit}
            yield found("core-quota", **{name: f"{value:g}" for name, value in numbers.items()})


def gpu_usage(kind: ProfileType, usages: Sequence[Usage]) -> Usage | None:
    """Return the quota of a card: ``SubscriptionConsumptionT4Gpus``, ``SubscriptionNCA100Gpus`` …

    Dedicated and serverless GPUs have a quota each.
    """
    is_serverless = kind.name.startswith(_SERVERLESS)
    named = ((usage, usage.name.lower()) for usage in usages)
    cards = ((usage, name) for usage, name in named if "gpu" in name and _card(kind) in name)
    return next((usage for usage, name in cards if ("consumption" in name) == is_serverless), None)


def _gpus(demand: Demand, kind: ProfileType, usage: Usage, scope: str) -> Iterator[Check]:
    needed, free = demand.gpus(kind), max(0.0, usage.limit - usage.used)
    if needed <= free:
        return
    numbers = {"used": f"{usage.used:g}", "limit": f"{usage.limit:g}", "card": _card(kind).upper()}
    runs_on_it = same(text(demand.existing.app, "properties", "workloadProfileName"), demand.profile.name)
    if runs_on_it and usage.used:
        yield found("second-gpu", scope=scope, **numbers)
    else:
        yield found(
            "gpu-quota", needed=str(needed), scope=scope, free=f"{free:g}", quota=usage.name, **numbers
        )


def _second_node(demand: Demand, kind: ProfileType | None) -> Iterator[Check]:
    """Yield a warning where the app's dedicated GPUs are as many as its profile grows to."""
    limit = demand.profile.maximum_count
    if kind is None or not kind.gpus or kind.name.startswith(_SERVERLESS) or demand.existing.app is None:
        return
    if limit is not None and limit <= demand.replicas:
        yield found("second-node", profile=demand.profile.name, limit=str(limit))


def _cores(demand: Demand) -> float:
    """Return the cores that a new app on the Consumption profile needs."""
    if demand.existing.app is not None or demand.profile.type not in ("", _SERVERLESS):
        return 0
    containers = objects(demand.project.app.body, "properties", "template", "containers")
    cores = [find(one, "resources", "cpu") for one in containers]
    return demand.replicas * sum(float(one) for one in cores if isinstance(one, int | float))


def _card(kind: ProfileType) -> str:
    return kind.name.rpartition("-")[2].lower()
