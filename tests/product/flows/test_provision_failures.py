"""Failures that pass, deployments of somebody else, cancels that come late: what happens, and what is said."""

from __future__ import annotations

import asyncio
import shutil
import socket
from typing import TYPE_CHECKING

import pytest
from aca_local.kernel.records import DEPLOYMENT
from aitk_inference.core.actions import ActionKind
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import Cancelled, ProvisionFailed, QuotaExceeded
from aitk_inference.flows.provision.deployment import COMPUTER_TAG, deployment_name
from support.azure_world import AZURE, LOCAL, Refusal, World
from support.projects import provision_local, set_parameters
from support.scripted import Scripted
from support.template_names import default_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.core.actions import Action
    from aitk_inference.core.user_interface import Level

NAMES = default_names(LOCAL.id, "models")
APP = f"Microsoft.App/containerApps/{NAMES.app}"
EXPIRED = Refusal(f"containerApps/{NAMES.app}", "ContainerAppOperationError", "Operation expired.")
NAME = deployment_name(NAMES.app)


def once(azure: World, refusal: Refusal, times: int = 1) -> None:
    """Let the first deployments fail so."""
    azure.refusals = [refusal]

    def step(name: str) -> None:
        if name == "deployments.start" and azure.count(name) > times:
            azure.refusals = []

    azure.on_step = step


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ContainerAppOperationError", "Failed to provision revision. Error details: Operation expired."),
        ("InvalidParameterValueInContainerTemplate", "image is invalid: context deadline exceeded"),
        ("InternalServerError", "An error occurred."),
    ],
)
async def test_what_fails_in_passing_is_tried_once_more(
    project: Path, azure: World, code: str, message: str
) -> None:
    once(azure, Refusal(EXPIRED.part, code, message))
    ui = Scripted()
    outcome = await provision_local(project, azure, ui)
    assert outcome.endpoint
    assert len(azure.deployed) == 2
    assert any("trying once more" in words for _, words in ui.said)


async def test_what_does_not_pass_is_tried_once(project: Path, azure: World) -> None:
    azure.refusals = [Refusal("storageAccounts", "StorageAccountAlreadyTaken", "The name is taken.")]
    with pytest.raises(ProvisionFailed):
        await provision_local(project, azure)
    assert len(azure.deployed) == 1
    assert read_config(project).aca_app_name is None


async def test_a_quota_is_no_passing_failure(project: Path, azure: World) -> None:
    azure.refusals = [Refusal("managedEnvironments", "MaxRegionalQuotaExceeded", "Try again later.")]
    with pytest.raises(QuotaExceeded):
        await provision_local(project, azure)
    assert len(azure.deployed) == 1


async def test_where_app_share_and_environment_are_there_deploy_may_go_on(
    project: Path, azure: World
) -> None:
    await provision_local(project, azure)
    config = project / "infra/inference.config.json"
    config.write_text("{}")
    set_parameters(project, maxReplicas=3)
    azure.refusals = [EXPIRED]
    with pytest.raises(ProvisionFailed, match="Operation expired") as caught:
        await provision_local(project, azure)
    assert "Deploy may work already" in caught.value.suggestion
    assert len(azure.deployed) == 3
    assert read_config(project).aca_app_name == NAMES.app
    assert not read_config(project).missing()


def set_record(azure: World, state: str, computer: str = "build-agent-7") -> None:
    """Let the deployment that is there be another computer's, in this state."""
    running = azure.arm()
    key = f"/subscriptions/{LOCAL.id}/resourceGroups/models/providers/Microsoft.Resources/deployments/{NAME}"

    def change() -> None:
        found = running.cloud.store.get(DEPLOYMENT, key)
        assert found is not None
        found["properties"]["provisioningState"] = state
        found["tags"] = {**found.get("tags", {}), COMPUTER_TAG: computer}
        running.cloud.store.put(DEPLOYMENT, key, found)

    running.call(change)


async def test_another_computers_deployment_is_waited_for_and_named(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, maxReplicas=3)
    set_record(azure, "Running")
    seen = azure.count("deployments.status")

    def end(name: str) -> None:
        if name == "deployments.status" and azure.count(name) == seen + 4:
            set_record(azure, "Succeeded")

    azure.on_step = end
    ui = Scripted()
    await provision_local(project, azure, ui)
    waits = [step.message for step in ui.steps if "build-agent-7" in step.message]
    assert waits == [f"Waiting for the deployment {NAME}, which build-agent-7 started"]
    assert len(azure.deployed) == 2


async def test_a_cancel_leaves_another_computers_deployment_alone(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_record(azure, "Running")
    seen = azure.count("deployments.status")
    task = asyncio.ensure_future(provision_local(project, azure))
    azure.on_step = lambda name: task.cancel() if azure.count("deployments.status") == seen + 3 else None
    with pytest.raises(Cancelled, match="build-agent-7 started, goes on"):
        await task
    assert azure.count("deployments.cancel") == 0


async def test_another_projects_deployment_on_this_computer_is_waited_for_and_never_cancelled(
    project: Path, azure: World, tmp_path: Path
) -> None:
    await provision_local(project, azure)
    other = shutil.copytree(project, tmp_path / "other")
    (other / "infra/inference.config.json").unlink()
    set_record(azure, "Running", socket.gethostname())
    seen = azure.count("deployments.status")
    task = asyncio.ensure_future(provision_local(other, azure))
    azure.on_step = lambda name: task.cancel() if azure.count("deployments.status") == seen + 3 else None
    with pytest.raises(Cancelled, match=f"which the project .*{project.name}.* started, goes on"):
        await task
    assert azure.count("deployments.cancel") == 0


async def test_who_comes_second_in_a_race_waits_and_then_deploys(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, maxReplicas=3)

    def race(name: str) -> None:
        if name == "deployments.start" and azure.count(name) == 2:
            set_record(azure, "Running")
        if name == "deployments.operations" and azure.count("deployments.start") == 2:
            set_record(azure, "Succeeded")

    azure.on_step = race
    ui = Scripted()
    await provision_local(project, azure, ui)
    assert any("Another run began to deploy" in words for _, words in ui.said)
    assert azure.count("deployments.start") == 3
    app = azure.ask("GET", azure.provider(APP))
    assert app["properties"]["template"]["scale"]["maxReplicas"] == 3


async def test_a_cancel_that_success_outran_says_what_was_made(project: Path, azure: World) -> None:
    task = asyncio.ensure_future(provision_local(project, azure))
    path = azure.provider(f"Microsoft.Resources/deployments/{NAME}")

    def cancel_once_it_has_ended(name: str) -> None:
        if name == "deployments.operations" and azure.count(name) == 1:
            while azure.ask("GET", path)["properties"]["provisioningState"] != "Succeeded":
                pass
            task.cancel()

    azure.on_step = cancel_once_it_has_ended
    with pytest.raises(Cancelled, match="ended before it could be cancelled") as caught:
        await task
    assert f"Container app {NAMES.app}" in caught.value.message
    assert read_config(project).aca_app_name is None
    assert (await provision_local(project, azure)).endpoint
    assert len(azure.deployed) == 1


async def test_on_azure_the_portals_page_is_there_from_the_first_second(project: Path, azure: World) -> None:
    ui = Pressing()
    await provision_local(project, azure, ui, subscription=AZURE.id)
    links = [action for actions in ui.offered for action in actions]
    assert [action.kind for action in links] == [ActionKind.OPEN_PORTAL]
    assert links[0].target.endswith(f"/deployments/{deployment_name(default_names(AZURE.id, 'models').app)}")


class Pressing(Scripted):
    """Notes the buttons that were offered."""

    def __init__(self) -> None:
        super().__init__()
        self.offered: list[Sequence[Action]] = []

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        super().say(level, text, actions)
        self.offered.append(actions)
