"""The Azure Retail Prices API, ``/api/retail/prices``, as far as Container Apps' meters are known.

Shape: https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices. The amounts are
made up: nobody is billed here. GPU meters are not in it, since their names are not known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from aca_local.kernel import errors, locations, responses
from aca_local.kernel.routing import Route

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.routing import ArmRequest
    from aca_local.state import JsonObject

PATH = "/api/retail/prices"
VERSIONS = ("2023-01-01-preview",)
_PAGE = 100
_RATES = {"USD": 1.0, "EUR": 0.9}  # made up, too
_CLAUSE = re.compile(r"\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*")
_MOST_DIGITS = 9


class Meter(NamedTuple):
    """What is billed, by which unit, at which price in USD."""

    name: str
    sku: str
    unit: str
    price: float


_METERS = (
    Meter("Standard vCPU Active Usage", "Standard", "1 Second", 0.000024),
    Meter("Standard vCPU Idle Usage", "Standard", "1 Second", 0.000003),
    Meter("Standard Memory Active Usage", "Standard", "1 GiB Second", 0.000003),
    Meter("Standard Memory Idle Usage", "Standard", "1 GiB Second", 0.000003),
    Meter("Standard Requests", "Standard", "1M", 0.4),
    Meter("Dedicated vCPU Usage", "Dedicated", "1 Hour", 0.0571),
    Meter("Dedicated Memory Usage", "Dedicated", "1 GiB Hour", 0.005),
    Meter("Dedicated Plan Management", "Dedicated", "1 Hour", 0.1),
)


def routes() -> list[Route]:
    """Return its path, which asks nobody who they are."""
    return [Route("GET", PATH, listing, frozenset({"$filter", "$skip", "$top"}), VERSIONS, sign_in="open")]


async def listing(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Answer a page of prices; names and values of the filter are case-sensitive, as in this version."""
    clauses = _read(request.query.get("$filter", ""))
    currency = request.query.get("currencyCode", "USD").strip("'").upper()
    if currency not in _RATES:
        raise errors.CURRENCY.error(currency=currency, known=", ".join(_RATES))
    everything = (_item(meter, region, currency) for region in locations.REGIONS for meter in _METERS)
    found = [one for one in everything if all(one.get(name) == value for name, value in clauses.items())]
    skip = request.query.get("$skip", "0")
    start = int(skip[:_MOST_DIGITS]) if skip.isdecimal() else 0
    following = urlencode({**request.query, "$skip": start + _PAGE})
    return responses.answer(
        {
            "BillingCurrency": currency,
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": found[start : start + _PAGE],
            "NextPageLink": f"{cloud.settings.arm_url}{PATH}?{following}" if found[start + _PAGE :] else None,
            "Count": len(found[start : start + _PAGE]),
        }
    )


def _read(text: str) -> dict[str, str]:
    clauses: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text) if text else ():
        found = _CLAUSE.fullmatch(part)
        if found is None:
            raise errors.FILTER.error(text=text, known="the properties of a price")
        clauses[found[1]] = found[2].replace("''", "'")
    return clauses


def _item(meter: Meter, region: locations.Region, currency: str) -> JsonObject:
    price = round(meter.price * _RATES[currency], 9)
    return {
        "currencyCode": currency,
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": region.name,
        "location": region.display,
        "effectiveStartDate": "2024-01-01T00:00:00Z",
        "meterId": f"{region.name}-{meter.name}".replace(" ", "-").lower(),
        "meterName": meter.name,
        "productName": "Azure Container Apps",
        "skuName": meter.sku,
        "serviceName": "Azure Container Apps",
        "serviceFamily": "Containers",
        "unitOfMeasure": meter.unit,
        "type": "Consumption",
        "priceType": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": "",
    }
