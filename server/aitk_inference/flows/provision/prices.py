"""What an app would cost an hour, from the list prices of its region: never a guess."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.arm_names import same
from aitk_inference.core.errors import AppError
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.core.prices import Price

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.preflight import ProfileType
    from aitk_inference.core.prices import PriceList
    from aitk_inference.flows.provision.quota import Demand

_SERVERLESS = "Consumption"
_GIB = {"Gi": 1.0, "Mi": 1 / 1024}


class Parts(NamedTuple):
    """What is billed of a replica or a node."""

    cores: float
    memory_gib: float
    gpus: int
    card: str


async def price_of(demand: Demand, cloud: Cloud, subscription_id: str) -> Price:
    """Return the price of the app that a template makes; unknown where its region, meters or hardware are.

    Args:
        demand: What is asked of the region.
        cloud: Where the prices and the types of hardware are read.
        subscription_id: Whose region it is.
    """
    if not demand.region:
        return Price(made_up=cloud.is_local)
    listed, kind = await asyncio.gather(
        cloud.prices.of_region(demand.region), _kind(demand, cloud, subscription_id)
    )
    if listed is None or kind is None:
        return Price(made_up=cloud.is_local)
    price = (
        _serverless(demand, kind, listed)
        if kind.name.startswith(_SERVERLESS)
        else _dedicated(demand, kind, listed)
    )
    return price._replace(made_up=cloud.is_local)


async def _kind(demand: Demand, cloud: Cloud, subscription_id: str) -> ProfileType | None:
    try:
        types = await cloud.preflight.profile_types(subscription_id, demand.region)
    except AppError:
        return None
    wanted = demand.profile.type or demand.profile.name
    return next((one for one in types if same(one.name, wanted)), None)


def _serverless(demand: Demand, kind: ProfileType, listed: PriceList) -> Price:
    """Return the price by the second: replicas with requests and without; none is free.

    A replica is idle where it is one of ``minReplicas`` and has no requests (learn: container-apps/billing).
    """
    parts = _replica(demand, kind)
    if parts is None:
        return Price(listed.currency)
    busy = _sum(parts, listed, "Standard vCPU Active Usage", "Standard Memory Active Usage", idle=False)
    idle = _sum(parts, listed, "Standard vCPU Idle Usage", "Standard Memory Idle Usage", idle=True)
    return Price(listed.currency, _times(demand.replicas, busy), _times(demand.replicas, idle), 0.0)


def _dedicated(demand: Demand, kind: ProfileType, listed: PriceList) -> Price:
    """Return the price by the node and hour: a node costs the same whatever it does; the plan's fee stays."""
    parts = Parts(kind.cores, kind.memory_gib, kind.gpus, _card(kind))
    node = _sum(parts, listed, "Dedicated vCPU Usage", "Dedicated Memory Usage", idle=False)
    fee = _meter("Dedicated Plan Management", listed)
    low = demand.profile.minimum_count or 0
    runs = _total((_times(max(1, low), node), fee))
    return Price(listed.currency, runs, runs, _total((_times(low, node) if low else 0.0, fee)))


def _replica(demand: Demand, kind: ProfileType) -> Parts | None:
    """Return what the containers of a replica have together, or None where that is not known."""
    containers = objects(demand.project.app.body, "properties", "template", "containers")
    cores = [find(one, "resources", "cpu") for one in containers]
    sizes = [re.fullmatch(r"(\d+(?:\.\d+)?)(Gi|Mi)", text(one, "resources", "memory")) for one in containers]
    numbers = [float(one) for one in cores if isinstance(one, int | float)]
    memory = [float(one[1]) * _GIB[one[2]] for one in sizes if one]
    if not containers or len(numbers) != len(containers) or len(memory) != len(containers):
        return None
    return Parts(sum(numbers), sum(memory), kind.gpus, _card(kind))


def _sum(parts: Parts, listed: PriceList, cores: str, memory: str, *, idle: bool) -> float | None:
    gpu = _gpu(parts.card, listed, idle=idle) if parts.gpus else 0.0
    return _total(
        (
            _times(parts.cores, _meter(cores, listed)),
            _times(parts.memory_gib, _meter(memory, listed)),
            _times(parts.gpus, gpu),
        )
    )


def _meter(name: str, listed: PriceList) -> float | None:
    """Return a meter's price an hour, or None where there is none, or several of that name."""
    return _only({one.per_hour for one in listed.meters if one.name == name})


def _gpu(card: str, listed: PriceList, *, idle: bool) -> float | None:
    """Return the price of a card: the one meter that names ``GPU`` and the card; the meters' names are not documented."""
    described = ((one.described.lower(), one.per_hour) for one in listed.meters)
    return _only(
        {
            price
            for words, price in described
            if "gpu" in words and re.search(rf"{card}(?!\d)", words) and ("idle" in words) == idle
        }
    )


def _only(prices: set[float | None]) -> float | None:
    return next(iter(prices)) if len(prices) == 1 else None


def _card(kind: ProfileType) -> str:
    return kind.name.rpartition("-")[2].lower()


def _times(count: float, price: float | None) -> float | None:
    return None if price is None else count * price


def _total(prices: Iterable[float | None]) -> float | None:
    known = list(prices)
    return None if None in known else round(sum(one for one in known if one is not None), 6)
