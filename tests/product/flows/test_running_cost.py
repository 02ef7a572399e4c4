"""What an app costs now and has cost since its replica started: in status, and in what delete lists."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.model import AppRef, ContainerApp, Replica
from aitk_inference.core.prices import Price
from aitk_inference.flows.api import DeleteRequest, StatusRequest
from aitk_inference.flows.operate.running_cost import cost_of
from aitk_inference.flows.operate.status import status
from aitk_inference.flows.provision.delete import delete
from support.azure_world import LOCAL, World, WorldClouds
from support.projects import provision_local
from support.scripted import FakeClock, Scripted

if TYPE_CHECKING:
    from pathlib import Path

PRICE = Price("USD", busy=0.2, idle=0.05, asleep=0.0)


class _Cloud:
    clock = FakeClock()


def app(fewest: int = 1) -> ContainerApp:
    return ContainerApp(AppRef("s", "g", "app"), None, None, "Succeeded", "Running", min_replicas=fewest)


def replicas(*ages: float) -> list[Replica]:
    return [Replica(f"r{age}", FakeClock.start - timedelta(hours=age), "Running") for age in ages]


@pytest.mark.parametrize(
    ("price", "fewest", "ages", "busy", "since"),
    [
        (PRICE, 1, (2.0,), 0.2, 0.4),
        (PRICE, 0, (2.0, 1.0), 0.4, 0.8),
        (PRICE._replace(busy=0.4, idle=0.1), 2, (3.0, 2.0), 0.4, 1.2),
        (PRICE._replace(busy=1.0, idle=1.0, asleep=0.1), 1, (1.0, 1.0), 1.0, 1.0),
        (PRICE, 1, (), 0.0, None),
        (PRICE._replace(busy=None), 1, (2.0,), None, None),
    ],
)
def test_it_is_the_price_of_the_replicas_that_run(
    price: Price, fewest: int, ages: tuple[float, ...], busy: float | None, since: float | None
) -> None:
    cost = cost_of(price, app(fewest), replicas(*ages), _Cloud())  # type: ignore[arg-type]  # its clock alone
    found: Any = cost.as_json()
    assert found["busyPerHour"] == busy
    assert (found["sinceStart"] or {}).get("busy") == since
    assert found["estimate"] is True
    assert ("an estimate" in cost.words) == (busy is not None)
    assert ("unknown" in cost.words) is (busy is None)
    assert ("since the replica started" in cost.words) is (since is not None)


async def test_status_says_it_and_delete_lists_it(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    clouds = WorldClouds(azure, running=True)
    outcome = await status(StatusRequest(project), ui=Scripted(), clouds=clouds)
    assert "an hour now" in outcome.summary
    assert outcome.data["cost"]["currency"] == "USD"  # type: ignore[index, call-overload]  # JSON
    ui = Scripted()
    request = DeleteRequest(project, LOCAL.id, assume_yes=True)
    await delete(request, ui=ui, clouds=clouds)
    listed = next(words for _, words in ui.said if words.startswith("This is deleted:"))
    assert "Container Apps costs: busy" in listed
