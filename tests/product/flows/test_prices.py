"""Prices: from list prices alone; what no meter says is unknown.

No recording of the Retail Prices API is at hand: the answers are aca-local's and those made here, in the documented shape.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from support.projects import provision_local, set_parameters
from support.scripted import Scripted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.azure_world import World

T4, D4 = "Consumption-GPU-NC8as-T4", "D4"


def meter(name: str, price: float, unit: str, **more: Any) -> dict[str, Any]:
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "meterName": name,
        "productName": "Azure Container Apps",
        "skuName": "Standard",
        "unitOfMeasure": unit,
        **more,
    }


METERS = [
    meter("Standard vCPU Active Usage", 0.0, "1 Second"),
    meter("Standard vCPU Active Usage", 0.00002, "1 Second", tierMinimumUnits=180000.0),
    meter("Standard vCPU Idle Usage", 0.000002, "1 Second"),
    meter("Standard Memory Active Usage", 0.000003, "1 GiB Second"),
    meter("Standard Memory Idle Usage", 0.000001, "1 GiB Second"),
    meter("Dedicated vCPU Usage", 0.05, "1 Hour"),
    meter("Dedicated Memory Usage", 0.005, "1 GiB Hour"),
    meter("Dedicated Plan Management", 0.1, "1 Hour"),
]
GPU = meter("NC T4 v3 GPU Usage", 0.0001, "1 Second")


@contextmanager
def price_server(items: list[dict[str, Any]], page: int = 3) -> Iterator[tuple[str, list[str]]]:
    """Serve a price list in pages; yields its address and the requests."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            start = int(self.path.partition("skip=")[2] or 0)
            after = start + page
            more = f"{url}/next?skip={after}" if items[after:] else None
            body = json.dumps({"Items": items[start:after], "NextPageLink": more}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url, asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def price(project: Path, azure: World, **given: Any) -> dict[str, Any]:
    outcome = await provision_local(project, azure, plan_only=True, **given)
    found = outcome.data["price"]
    assert isinstance(found, dict)
    assert "Container Apps costs" in outcome.summary
    return found


@pytest.mark.parametrize(
    ("parameters", "meters", "busy", "idle", "asleep"),
    [
        ({"cpu": "2", "memory": "4Gi"}, METERS, 0.1872, 0.0288, 0.0),
        ({"cpu": "2", "memory": "4Gi", "minReplicas": 2, "maxReplicas": 2}, METERS, 0.3744, 0.0576, 0.0),
        ({"workloadProfileType": D4}, METERS, 0.38, 0.38, 0.1),
        ({"workloadProfileType": T4}, METERS, None, None, 0.0),
        ({"workloadProfileType": T4}, [*METERS, GPU], 1.5408, None, 0.0),
        ({"workloadProfileType": T4}, [*METERS, GPU, {**GPU, "meterName": "T4 GPU", "retailPrice": 1}], None, None, 0.0),
        ({}, METERS[:3], None, None, 0.0),
        ({}, [{**one, "unitOfMeasure": "1M"} for one in METERS], None, None, 0.0),
        ({}, [], None, None, 0.0),
    ],
)  # fmt: skip
async def test_a_price_is_the_sum_of_its_meters_or_unknown(
    project: Path,
    azure: World,
    parameters: dict[str, Any],
    meters: list[dict[str, Any]],
    *,
    busy: float | None,
    idle: float | None,
    asleep: float,
) -> None:
    set_parameters(project, **parameters)
    with price_server(meters) as (url, asked):
        azure.prices_url = url
        found = await price(project, azure)
    assert (found["busyPerHour"], found["idlePerHour"], found["asleepPerHour"]) == (
        None if busy is None else pytest.approx(busy),
        None if idle is None else pytest.approx(idle),
        asleep,
    )
    assert found["known"] is (busy is not None and idle is not None)
    assert found["currency"] == "USD"
    assert found["link"].startswith("https://azure.microsoft.com/")
    assert "armRegionName%20eq%20%27westus3%27" in asked[0].replace("+", "%20")


async def test_a_price_list_is_kept_for_a_day(project: Path, azure: World) -> None:
    with price_server(METERS) as (url, asked):
        azure.prices_url = url
        first = await price(project, azure)
        pages = len(asked)
        assert await price(project, azure) == first
        assert len(asked) == pages > 1
        azure.clock.seconds += 25 * 3600
        await price(project, azure)
        assert len(asked) == 2 * pages


async def test_without_a_connection_it_is_unknown_with_a_link(project: Path, azure: World) -> None:
    azure.prices_url = "http://127.0.0.1:9"
    outcome = await provision_local(project, azure, plan_only=True)
    assert "unknown" in outcome.summary
    assert "https://azure.microsoft.com/pricing" in outcome.summary
    assert (await provision_local(project, azure)).endpoint


async def test_aca_locals_prices_are_called_made_up_and_said_before_deploying(
    project: Path, azure: World
) -> None:
    ui = Scripted()
    await provision_local(project, azure, ui)
    said = next(words for _, words in ui.said if "Container Apps costs" in words)
    assert "made-up" in said
    assert "a month" in said
    found = await price(project, azure)
    assert found["known"] is True
    assert found["busyPerMonth"] == pytest.approx(found["busyPerHour"] * 730, abs=0.01)
