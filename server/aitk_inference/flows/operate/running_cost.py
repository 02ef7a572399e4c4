"""What an app costs now, and has cost since its oldest replica started: list prices, so an estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.progress import duration
from aitk_inference.flows.provision.running_price import price_of_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.model import ContainerApp, Json, Replica
    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.prices import Price

_HOUR = 3600


class RunningCost(NamedTuple):
    """What the replicas that run cost an hour, and for how many hours they have run; None is unknown.

    Attributes:
        busy: With requests.
        idle: Without.
        hours: Since the oldest of them started; None where none runs.
        made_up: True for the local Azure's amounts.
    """

    currency: str
    busy: float | None
    idle: float | None
    hours: float | None = None
    made_up: bool = False

    @property
    def words(self) -> str:
        """Return the cost in one line, marked as what it is."""
        if self.busy is None:
            return "unknown: there is no price of its hardware"
        source = "made-up prices of the local Azure" if self.made_up else "list prices"
        since = ""
        if self.hours is not None:
            took = duration(self.hours * _HOUR)
            since = f", {self._range(self.hours)} since the replica started {took} ago"
        return f"{self._range(1)} an hour now{since} (an estimate by {source})"

    def as_json(self) -> dict[str, Json]:
        """Return the cost as programs read it."""
        since: dict[str, Json] | None = None
        if self.hours is not None:
            since = {
                "hours": round(self.hours, 3),
                "busy": self._over(self.busy),
                "idle": self._over(self.idle),
            }
        return {
            "currency": self.currency,
            "busyPerHour": self.busy,
            "idlePerHour": self.idle,
            "sinceStart": since,
            "estimate": True,
        }

    def _over(self, rate: float | None) -> float | None:
        return None if rate is None or self.hours is None else round(rate * self.hours, 6)

    def _range(self, hours: float) -> str:
        low, high = ((rate or 0) * hours for rate in (self.idle, self.busy))
        if self.idle is None or low == high:
            return f"{high:.2f} {self.currency}"
        return f"{low:.2f} (idle) to {high:.2f} {self.currency} (busy)"


async def running_cost(app: ContainerApp, replicas: Sequence[Replica], cloud: Cloud) -> RunningCost | None:
    """Return what an app costs now; None where its documents can't be read."""
    price = await price_of_app(app, cloud)
    return None if price is None else cost_of(price, app, replicas, cloud)


def cost_of(price: Price, app: ContainerApp, replicas: Sequence[Replica], cloud: Cloud) -> RunningCost:
    """Return what the replicas that run cost, from the price of an app's fewest replicas.

    Serverless replicas are billed each, the nodes of a dedicated profile as they are; without a replica it is what
    an app costs asleep.
    """
    if not replicas:
        return RunningCost(price.currency, price.asleep, price.asleep, made_up=price.made_up)
    is_serverless = price.asleep == 0
    share = len(replicas) / max(1, app.min_replicas) if is_serverless else 1.0
    busy, idle = (None if rate is None else round(rate * share, 6) for rate in (price.busy, price.idle))
    started = min((one.created for one in replicas if one.created is not None), default=None)
    hours = max(0.0, (cloud.clock.now() - started).total_seconds() / _HOUR) if started else None
    return RunningCost(price.currency, busy, idle, hours, price.made_up)
