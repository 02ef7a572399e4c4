"""Which regions can run an app: what they offer, and what quota is left in them; the best first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.arm_names import same
from aitk_inference.core.errors import AppError
from aitk_inference.core.user_interface import Option
from aitk_inference.flows.provision.quota import gpu_usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.model import Location
    from aitk_inference.core.resource_manager import Preflight
    from aitk_inference.flows.provision.quota import Demand

_AT_ONCE = 12
"""Regions that are asked at a time: two requests each."""
_EVERYWHERE = ("", "Consumption")
"""Workload profiles of every region, which need no quota of their own to begin."""


class Offer(NamedTuple):
    """What a region has for an app.

    Attributes:
        offered: Whether it has the workload profile; None: nobody knows.
        needed: GPUs that the app needs there.
        free: GPUs that are left of the quota; None: nobody knows, or it needs none.
    """

    location: Location
    offered: bool | None = None
    needed: int = 0
    free: float | None = None

    @property
    def rank(self) -> int:
        """Return where it stands in a list: 0 fits, 1 may fit, 2 has too little quota, 3 does not offer it."""
        if self.offered is None:
            return 1
        if not self.offered:
            return 3
        if self.needed and self.free is None:
            return 1
        return 0 if self.needed <= (self.free or 0) else 2

    def words(self, profile: str) -> str:
        """Return what a person should know of it, in a few words."""
        if self.offered is None:
            return "what it offers can't be read"
        if not self.offered:
            return f"does not offer {profile}"
        if not self.needed:
            return f"offers {profile}"
        if self.free is None:
            return f"offers {profile}; its quota can't be read"
        return (
            f"offers {profile}; {self.free:g} of the {self.needed} GPUs that are needed are left"
            if self.rank
            else (f"offers {profile}; {self.free:g} GPUs left")
        )


async def offers(
    demand: Demand, locations: Sequence[Location], preflight: Preflight, subscription_id: str
) -> list[Offer]:
    """Return what each region has for an app, the best first, else in the order that they came in.

    Args:
        demand: What the app needs.
        locations: The regions.
        preflight: Where to ask; nobody is asked where each region has what is needed.
        subscription_id: Whose quota.
    """
    if demand.profile.type in _EVERYWHERE:
        return [Offer(location, offered=True) for location in locations]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(location: Location) -> Offer:
        async with gate:
            return await _offer(demand, location, preflight, subscription_id)

    found = await asyncio.gather(*map(one, locations))
    return sorted(found, key=lambda offer: offer.rank)


def options(found: Sequence[Offer], profile: str) -> tuple[Option, ...]:
    """Return the regions as picks of a question."""
    is_everywhere = profile in _EVERYWHERE
    return tuple(
        Option(
            offer.location.name,
            offer.location.display_name,
            offer.location.name if is_everywhere else offer.words(profile),
        )
        for offer in found
    )


async def _offer(demand: Demand, location: Location, preflight: Preflight, subscription_id: str) -> Offer:
    try:
        types, usages = await asyncio.gather(
            preflight.profile_types(subscription_id, location.name),
            preflight.region_usages(subscription_id, location.name),
        )
    except AppError:
        return Offer(location)
    kind = next((one for one in types if same(one.name, demand.profile.type)), None)
    if kind is None or not kind.gpus:
        return Offer(location, offered=kind is not None)
    usage = gpu_usage(kind, usages)
    free = None if usage is None else max(0.0, usage.limit - usage.used)
    return Offer(location, offered=True, needed=demand.gpus(kind), free=free)
