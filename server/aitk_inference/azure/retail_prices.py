"""List prices of Container Apps from the Azure Retail Prices API, kept for a day in the user's cache folder.

https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices: no sign-in, pages by
``NextPageLink``, filters are case-sensitive.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx

from aitk_inference.core.arm_names import region_key
from aitk_inference.core.config import write_atomically
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.core.prices import Meter, PriceList
from aitk_inference.core.regular_files import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Clock

PUBLIC = "https://prices.azure.com"
_PATH, _VERSION = "/api/retail/prices", "2023-01-01-preview"
_KEPT = timedelta(days=1)
_MOST_PAGES = 10
_TIMEOUT = 10.0
_HOUR = 3600

log = logging.getLogger(__name__)


class RetailPrices:
    """The :class:`~aitk_inference.core.ports.Prices` port.

    Args:
        http: Who asks.
        base: Where the API is.
        folder: The cache; one file a region.
        clock: How old a file is.
    """

    def __init__(self, http: httpx.AsyncClient, base: str, folder: Path, clock: Clock) -> None:
        self._http = http
        self._base = base.rstrip("/")
        self._folder = folder
        self._clock = clock

    async def of_region(self, location: str) -> PriceList | None:
        """Return the meters of Container Apps in a region, or None where nobody answers."""
        region = region_key(location)
        kept = self._read(region)
        if kept is not None:
            return _price_list(kept)
        try:
            items = await self._pages(region)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.info("The price list can't be read: %s", error)
            return None
        if items:
            self._write(region, items)
        return _price_list(items)

    async def _pages(self, region: str) -> list[dict[str, Json]]:
        clauses = (
            "serviceName eq 'Azure Container Apps'",
            f"armRegionName eq '{region}'",
            "priceType eq 'Consumption'",
        )
        query = {"api-version": _VERSION, "$filter": " and ".join(clauses)}
        url = str(httpx.URL(f"{self._base}{_PATH}", params=query))
        items: list[dict[str, Json]] = []
        for _ in range(_MOST_PAGES):
            answer = await self._http.get(url, timeout=_TIMEOUT)
            answer.raise_for_status()
            page: Json = answer.json()
            items += objects(page, "Items")
            url = text(page, "NextPageLink")
            if not url.startswith(f"{self._base}/"):
                break
        return items

    def _file(self, region: str) -> Path:
        source = hashlib.sha256(self._base.encode()).hexdigest()[:8]
        return self._folder / f"prices-{region}-{source}.json"

    def _read(self, region: str) -> Sequence[dict[str, Json]] | None:
        try:
            found: Json = json.loads(read_text(self._file(region)))
            age = self._clock.now() - datetime.fromisoformat(text(found, "read"))
        except (OSError, ValueError, TypeError, RecursionError):
            return None
        return objects(found, "items") if timedelta(0) <= age < _KEPT else None

    def _write(self, region: str, items: Sequence[dict[str, Json]]) -> None:
        kept = {"read": self._clock.now().isoformat(), "items": list(items)}
        try:
            write_atomically(self._file(region), json.dumps(kept))
        except OSError as error:
            log.info("The price list can't be kept: %s", error)


def _price_list(items: Sequence[dict[str, Json]]) -> PriceList:
    """Return the meters, each at its highest tier: the first one may be a free grant."""
    highest: dict[str, dict[str, Json]] = {}
    tiers = [(find(item, "tierMinimumUnits"), item) for item in items]
    measured = [(tier if isinstance(tier, int | float) else 0, item) for tier, item in tiers]
    for _, item in sorted(measured, key=lambda one: one[0]):
        highest[" ".join(text(item, name) for name in ("meterName", "productName", "skuName"))] = item
    currency = next((text(item, "currencyCode") for item in items), "") or "USD"
    meters = (Meter(text(item, "meterName"), words, _per_hour(item)) for words, item in highest.items())
    return PriceList(currency, tuple(meters))


def _per_hour(item: dict[str, Json]) -> float | None:
    """Return the price for an hour: the measure is ``1 Second``, ``1 GiB Second``, ``1 Hour`` …"""
    count, _, measure = text(item, "unitOfMeasure").partition(" ")
    factor = {"second": _HOUR, "hour": 1}.get(measure.rpartition(" ")[2].lower().removesuffix("s"))
    if factor is None or not count.isdecimal() or int(count) == 0:
        return None
    price = find(item, "retailPrice")
    return price * factor / int(count) if isinstance(price, int | float) else None
