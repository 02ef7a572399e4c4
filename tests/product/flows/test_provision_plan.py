"""The plan: what Azure's what-if says without its noise, how it is read, and the one question before anything is made."""

from __future__ import annotations

import asyncio
import base64
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.azure.preflight import ArmPreflight
from aitk_inference.core.errors import Dismissed, Forbidden
from aitk_inference.core.progress import Reporter
from aitk_inference.core.user_interface import Confirm
from aitk_inference.core.what_if import ChangeType, PropertyChange, PropertyChangeType, ResourceChange
from aitk_inference.flows.api import ProvisionRequest
from aitk_inference.flows.provision.plan import unless_skipped
from aitk_inference.flows.provision.provision import provision
from aitk_inference.flows.provision.what_if import changed_properties
from support.azure_world import AZURE, LOCAL, World, WorldClouds
from support.projects import provision_local, set_parameters
from support.scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.flows.outcome import Outcome

APPS, ACCOUNTS = "Microsoft.App/containerApps", "Microsoft.Storage/storageAccounts"
APP_ID = f"/subscriptions/s/resourceGroups/g/providers/{APPS}/app"
TEMPLATE = "properties.template.containers[0]"


def rows(outcome: Outcome) -> dict[str, Any]:
    """The rows of a plan by the kind of their resources; of several of a kind the last."""
    listed: Any = outcome.data["plan"]
    assert all({"change", "kind", "name", "properties"} <= set(row) for row in listed)
    return {row["kind"]: row for row in listed}


async def plan(project: Path, azure: World, ui: Scripted | None = None, **given: Any) -> Outcome:
    return await provision_local(project, azure, ui, plan_only=True, **given)


async def test_the_service_says_what_changes_from_what_to_what(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, probePath="/health", maxReplicas=3)
    outcome = await plan(project, azure)
    properties = rows(outcome)["Container app"]["properties"]
    paths = {one["path"]: (one["before"], one["after"]) for one in properties}
    assert paths["most replicas"] == (1, 3)
    assert paths[f"{TEMPLATE}.probes[0].httpGet.path"] == ("/livez", "/health")
    assert f"{TEMPLATE}.probes[0].httpGet.path: /livez → /health" in outcome.summary
    assert azure.count("preflight.what_if") == 1
    assert rows(outcome)["Storage account"]["change"] == "keep"


async def test_the_same_template_again_changes_nothing_and_the_noise_is_left_out(
    project: Path, azure: World
) -> None:
    await provision_local(project, azure)
    body = {"location": "westus3", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    azure.ask("PUT", azure.provider(f"{ACCOUNTS}/theirs"), body, version="2023-05-01")
    outcome = await plan(project, azure)
    listed: Any = outcome.data["plan"]
    assert {row["change"] for row in listed} == {"keep", "ignore"}, listed
    assert [row["name"] for row in listed if row["change"] == "ignore"] == ["theirs"]
    assert all(not row["properties"] for row in listed)
    assert "left alone Storage account theirs" in outcome.summary
    assert re.search(r"unchanged +Container app", outcome.summary)


NOISE = [
    PropertyChange("properties.runningStatus", PropertyChangeType.DELETE, "Running"),
    PropertyChange("properties.configuration.ingress.exposedPort", PropertyChangeType.DELETE, 0),
    PropertyChange("location", PropertyChangeType.MODIFY, "West US 3", "westus3"),
    PropertyChange(f"{TEMPLATE}.resources.cpu", PropertyChangeType.MODIFY, 0.5, "0.5"),
    PropertyChange("properties.environmentId", PropertyChangeType.MODIFY, "/a", "[resourceId('A/b', 'c')]"),
    PropertyChange("properties.configuration.secrets[0].value", PropertyChangeType.CREATE, None, "***"),
    PropertyChange(f"{TEMPLATE}.env[0].value", PropertyChangeType.MODIFY, "1", "2"),
    PropertyChange("tags.a", PropertyChangeType.NO_EFFECT, "1", "2"),
    PropertyChange("tags", PropertyChangeType.CREATE, None, {}),
    PropertyChange(
        f"{TEMPLATE}.args",
        PropertyChangeType.ARRAY,
        ["a", "b"],
        ["b", "a"],
        (PropertyChange(f"{TEMPLATE}.args[0]", PropertyChangeType.MODIFY, "a", "b"),),
    ),
]


@pytest.mark.parametrize("noise", NOISE, ids=lambda one: one.path)
def test_what_the_service_always_reports_is_no_change(noise: PropertyChange) -> None:
    """An environment variable is compared by its name, not by where it stands in the list."""
    real = PropertyChange(f"{TEMPLATE}.command[2]", PropertyChangeType.MODIFY, "a", "b")
    found = changed_properties(ResourceChange(APP_ID, ChangeType.MODIFY, (noise, real)))
    assert [one.words for one in found] == [real.path]


async def test_what_if_can_be_left_out_and_its_refusal_is_said(
    project: Path, azure: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise Forbidden("No right to ask this.")

    await provision_local(project, azure)
    outcome = await plan(project, azure, what_if=False)
    assert azure.count("preflight.what_if") == 0
    assert "was left out, as asked" in outcome.summary
    monkeypatch.setattr(ArmPreflight, "what_if", refused)
    outcome = await plan(project, azure)
    assert "can't be had" in outcome.summary
    assert rows(outcome)["Container app"]["change"] == "update"


async def test_a_person_may_go_on_without_what_if_and_who_closes_the_question_waits() -> None:
    async def slow() -> str:
        await asyncio.sleep(0.1)
        return "done"

    skipping = Scripted({"skip": "skip"})
    assert await unless_skipped(asyncio.Event().wait(), Reporter(skipping), patience=0) is None
    assert [question.name for question in skipping.asked] == ["skip"]
    assert any("what-if" in step.message for step in skipping.steps)
    waiting = Scripted({"other": "answer"})
    assert await unless_skipped(slow(), Reporter(waiting), patience=0) == "done"
    nobody = Scripted()
    assert await unless_skipped(slow(), Reporter(nobody), patience=0.01) == "done"
    assert not nobody.asked


async def on_azure(project: Path, azure: World, ui: Scripted, **given: Any) -> Outcome:
    request = ProvisionRequest(project, AZURE.id, "models")._replace(**given)
    return await provision(request, ui=ui, clouds=WorldClouds(azure))


async def test_one_question_with_the_plan_and_its_price_comes_before_anything_is_made(
    project: Path, azure: World
) -> None:
    ui = Scripted({"provision": "no"})
    with pytest.raises(Dismissed):
        await on_azure(project, azure, ui)
    assert not azure.deployed
    assert azure.count("subscriptions.register") == 0
    (question,) = ui.asked
    assert isinstance(question, Confirm)
    assert "makes 6 resources" in question.prompt
    assert "an hour" in question.detail
    (document,) = ui.shown
    assert "Container app" in document.text
    ui = Scripted({"provision": "yes"})
    outcome = await on_azure(project, azure, ui)
    assert [question.name for question in ui.asked] == ["provision"]
    assert "no replica is billed" in outcome.summary
    assert outcome.data["price"]["asleepPerHour"] == 0  # type: ignore[index, call-overload]  # JSON


@pytest.mark.parametrize("given", [{"assume_yes": True}, {"subscription": "local"}])
async def test_who_said_yes_before_or_works_on_this_computer_is_not_asked(
    project: Path, azure: World, given: dict[str, Any]
) -> None:
    ui = Scripted({"something": "else"})
    await on_azure(project, azure, ui, **given)
    assert not ui.asked
    assert azure.deployed


async def test_nobody_who_could_be_asked_is_no_reason_to_stop(project: Path, azure: World) -> None:
    ui = Scripted()
    await on_azure(project, azure, ui)
    assert azure.deployed
    assert azure.count("preflight.what_if") == 0  # nobody reads the plan


async def test_the_document_has_picture_changes_and_price(project: Path, azure: World) -> None:
    outcome = await plan(project, azure)
    assert outcome.document is not None
    page = outcome.document.markdown
    found = re.search(r"!\[[^]]+\]\(data:image/svg\+xml;base64,([^)]+)\)", page)
    assert found
    drawing = ET.fromstring(base64.b64decode(found[1]))
    spaces = {"s": "http://www.w3.org/2000/svg"}
    words = [one.text for one in drawing.findall("s:text", spaces)]
    assert {"Container app", "Storage account", "Log Analytics workspace"} <= set(words)
    assert len(drawing.findall("s:rect", spaces)) == 6
    boxes = {
        name: float(one.get("x", "0"))
        for name, one in zip(words[::3], drawing.findall("s:rect", spaces), strict=True)
    }
    assert (
        boxes["Storage account"] < boxes["File share"] < boxes["Environment storage"] < boxes["Container app"]
    )
    assert re.search(r"\| busy, with requests \| [\d.,]+ USD \| [\d.,]+ USD \|", page)
    assert "| **create** | Container app |" in page
    assert "Nothing has been changed yet" in page
    assert outcome.document.text == outcome.summary


async def test_names_are_no_markdown(project: Path, azure: World) -> None:
    azure.ask("PUT", "/resourceGroups/a_b_(c)", {"location": "westus3"}, subscription=LOCAL)
    outcome = await plan(project, azure, resource_group="a_b_(c)")
    assert outcome.document is not None
    assert "resource group **a\\_b\\_(c)**" in outcome.document.markdown
