"""What running an app costs, by Azure's list prices; what is not known stays unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aitk_inference.core.model import Json

PRICES_PAGE = "https://azure.microsoft.com/pricing/details/container-apps/"
HOURS_A_MONTH = 730
"""As Azure's own calculator counts."""


class Meter(NamedTuple):
    """What is billed.

    Attributes:
        name: For example ``Standard vCPU Active Usage``.
        described: Name, product and SKU in one text, to be searched.
        per_hour: The price of one unit (a core, a GiB, a GPU, a plan) for an hour; None for another measure.
    """

    name: str
    described: str
    per_hour: float | None


class PriceList(NamedTuple):
    """The meters of a region."""

    currency: str
    meters: tuple[Meter, ...]


class Price(NamedTuple):
    """An app's price an hour: with requests, running without, and without a replica. None is unknown.

    Attributes:
        made_up: True for the local Azure's amounts: nobody is billed there.
    """

    currency: str = "USD"
    busy: float | None = None
    idle: float | None = None
    asleep: float | None = None
    made_up: bool = False

    @property
    def known(self) -> bool:
        """Return True if every part of it is known."""
        return None not in (self.busy, self.idle, self.asleep)

    @property
    def words(self) -> str:
        """Return the price in one line: an hour and a month, and where to read what is unknown."""
        parts = (("busy", self.busy), ("idle", self.idle), ("asleep", self.asleep))
        told = "; ".join(f"{name} {self._amount(value)}" for name, value in parts)
        source = "the local Azure's made-up prices, nobody is billed" if self.made_up else "list prices"
        more = "" if self.known else f" See {PRICES_PAGE}"
        return f"Container Apps costs: {told} ({source}; storage and logs come on top).{more}"

    @property
    def meanwhile(self) -> str:
        """Return what is billed while no replica runs, in one sentence."""
        what = "what lies on the share, and what is logged"
        if self.asleep == 0:
            return f"Until then no replica is billed, only {what}."
        return (
            f"Until then this is billed: {self._amount(self.asleep)} for the workload profile's plan, {what}."
        )

    def as_json(self) -> dict[str, Json]:
        """Return the price as programs read it."""
        values = {"busy": self.busy, "idle": self.idle, "asleep": self.asleep}
        months = {
            f"{name}PerMonth": None if value is None else round(value * HOURS_A_MONTH, 2)
            for name, value in values.items()
        }
        hours = {f"{name}PerHour": value for name, value in values.items()}
        return {"currency": self.currency, "known": self.known, **hours, **months, "link": PRICES_PAGE}

    def _amount(self, value: float | None) -> str:
        if value is None:
            return "unknown"
        return f"{value:.2f} {self.currency} an hour ({value * HOURS_A_MONTH:,.0f} a month)"
