"""One press: what mends a problem of the preflight is offered as data, and does it; regions come the best first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import AppError, InvalidProject, QuotaExceeded
from aitk_inference.core.user_interface import Choice
from aitk_inference.flows.api import FixRequest, ProvisionRequest
from aitk_inference.flows.provision.fix import fix
from aitk_inference.flows.provision.provision import provision
from support.azure_world import AZURE, World, WorldClouds
from support.projects import provision_local, set_parameters
from support.scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path

T4, A100 = "Consumption-GPU-NC8as-T4", "Consumption-GPU-NC24-A100"
FULL = {"SubscriptionConsumptionT4Gpus": (1, 1)}
GPU_REGIONS = {"westus3", "australiaeast", "swedencentral", "eastus", "northeurope"}


def conditions(azure: World, **changes: Any) -> None:
    running = azure.arm(AZURE)

    def change() -> None:
        running.cloud.conditions.state = replace(running.cloud.conditions.state, **changes)

    running.call(change)


async def offered(project: Path, azure: World, **given: Any) -> list[Action]:
    """The buttons of a check, which are its data, too."""
    outcome = await provision_local(project, azure, check_only=True, subscription=AZURE.id, **given)
    fixes: Any = outcome.data["fixes"]
    buttons = [one for one in outcome.actions if one.title != "Provision"]
    assert (len(buttons) < len(outcome.actions)) is not outcome.failed
    assert {(one["kind"], one["title"], one["target"]) for one in fixes} == {
        (str(one.kind), one.title, one.target) for one in buttons
    }
    assert all("{" not in one.title + one.target for one in buttons)
    return buttons


async def press(project: Path, azure: World, button: Action) -> ProvisionRequest:
    return await fix(FixRequest(project, button.target), ui=Scripted(), clouds=WorldClouds(azure))


async def test_another_card_is_offered_and_set_where_this_ones_quota_is_used_up(
    project: Path, azure: World
) -> None:
    path = set_parameters(project, workloadProfileType=T4)
    conditions(azure, usages=FULL)
    buttons = {one.title: one for one in await offered(project, azure)}
    assert buttons["Request quota"].kind is ActionKind.OPEN_LINK
    assert buttons["Request quota"].target.startswith("https://portal.azure.com/")
    before = json.loads(path.read_text())
    again = await press(project, azure, buttons[f"Use {A100}"])
    after = json.loads(path.read_text())
    assert after["parameters"].pop("workloadProfileType") == {"value": A100}
    before["parameters"].pop("workloadProfileType")
    assert after == before
    assert (again.subscription, again.resource_group, again.check_only) == (AZURE.id, "models", True)
    outcome = await provision(again, ui=Scripted(), clouds=WorldClouds(azure))
    assert not outcome.failed


async def test_another_region_is_offered_where_this_one_has_no_such_hardware(
    project: Path, azure: World
) -> None:
    set_parameters(project, workloadProfileType=T4)
    given = {"resource_group": "fresh", "location": "westeurope"}
    buttons = [one for one in await offered(project, azure, **given) if "location=" in one.target]
    (button,) = [one for one in buttons if one.title.startswith("Use ")]
    assert button.title.removeprefix("Use ") in GPU_REGIONS
    again = await press(project, azure, button)
    assert (again.resource_group, again.location) == ("fresh", "westeurope")
    assert not (await provision(again, ui=Scripted(), clouds=WorldClouds(azure))).failed


async def test_provision_stops_with_the_same_buttons_and_goes_on_after_a_press(
    project: Path, azure: World
) -> None:
    set_parameters(project, workloadProfileType=T4)
    conditions(azure, usages=FULL)
    with pytest.raises(QuotaExceeded) as caught:
        await provision_local(project, azure, subscription=AZURE.id)
    button = next(one for one in caught.value.actions if one.kind is ActionKind.FIX)
    again = await press(project, azure, button)
    assert not again.check_only
    assert (await provision(again, ui=Scripted(), clouds=WorldClouds(azure))).endpoint


async def test_a_name_that_others_have_is_replaced_by_a_free_one(project: Path, azure: World) -> None:
    set_parameters(project, storageAccountName="Bad_Name")
    (button,) = [one for one in await offered(project, azure) if "storageAccountName" in one.target]
    again = await press(project, azure, button)
    assert not (await provision(again, ui=Scripted(), clouds=WorldClouds(azure))).failed


async def test_providers_are_registered_by_one_press(project: Path, azure: World) -> None:
    azure.arm(AZURE)
    azure.ask("POST", "/providers/Microsoft.App/unregister", version="2021-04-01", subscription=AZURE)
    (button,) = [one for one in await offered(project, azure) if one.kind is ActionKind.FIX]
    assert button.title == "Register them"
    await press(project, azure, button)
    assert await offered(project, azure) == []


async def test_nothing_is_offered_that_the_template_does_not_take(project: Path, azure: World) -> None:
    template = project / "infra/provision/inference.json"
    text = template.read_text().replace('"workloadProfileType"', '"hardware"')
    template.write_text(text.replace("'workloadProfileType'", "'hardware'"))
    (project / "infra/provision/inference.bicep").unlink()
    parameters = project / "infra/provision/inference.parameters.json"
    parameters.write_text(parameters.read_text().replace("workloadProfileType", "hardware"))
    set_parameters(project, hardware=T4)
    conditions(azure, usages=FULL)
    assert not [one for one in await offered(project, azure) if "workloadProfileType" in one.target]


@pytest.mark.parametrize("text", ["", "drop?x=y", "set?", "set?then=preflight"])
async def test_what_is_no_fix_is_refused(project: Path, azure: World, text: str) -> None:
    with pytest.raises(AppError):
        await press(project, azure, Action(ActionKind.FIX, "x", text))


async def test_parameters_that_bicep_compiles_are_left_to_the_person(project: Path, azure: World) -> None:
    (project / "infra/provision/inference.bicepparam").write_text("using 'inference.bicep'\n")
    with pytest.raises(InvalidProject, match="by hand"):
        await press(project, azure, Action(ActionKind.FIX, "x", "set?location=eastus"))


async def regions(project: Path, azure: World) -> list[tuple[str, str]]:
    ui = Scripted({"location": "eastus", "provision": "no"})
    with pytest.raises(AppError):
        await provision_local(project, azure, ui, subscription=AZURE.id, resource_group="fresh")
    question = ui.asked[0]
    assert isinstance(question, Choice)
    return [(one.value, one.description) for one in question.options]


async def test_regions_are_ordered_and_marked_by_what_they_offer_and_what_is_left(
    project: Path, azure: World
) -> None:
    set_parameters(project, workloadProfileType=T4)
    listed = await regions(project, azure)
    assert {name for name, _ in listed[: len(GPU_REGIONS)]} == GPU_REGIONS
    assert all("GPUs left" in words for _, words in listed[: len(GPU_REGIONS)])
    assert all(f"does not offer {T4}" in words for _, words in listed[len(GPU_REGIONS) :])
    conditions(azure, usages=FULL)
    listed = await regions(project, azure)
    assert "0 of the 1 GPUs that are needed are left" in listed[0][1]


async def test_what_every_region_has_is_not_asked_for_in_each(project: Path, azure: World) -> None:
    listed = await regions(project, azure)
    assert all(name == words for name, words in listed)
    assert azure.count("preflight.region_usages") == 1
