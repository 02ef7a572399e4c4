"""Provision: what it asks, keeps, deploys and writes, and what it says when it can't."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.config import CONFIG_PATH, read_config
from aitk_inference.core.errors import (
    Busy,
    Cancelled,
    ErrorNode,
    InputRequired,
    InvalidProject,
    NotFound,
    ProvisionFailed,
    QuotaExceeded,
)
from aitk_inference.core.interface import ActionKind, Choice
from aitk_inference.core.naming import default_names
from aitk_inference.flows.places import state_folder
from aitk_inference.flows.project_lock import hold
from aitk_inference.flows.provision import provision
from aitk_inference.flows.requests import ProvisionRequest
from doubles import AZURE, ENDPOINT, LOCAL, FakeCloud, FakeClouds
from projects import provision_local, provisioned, set_parameters
from scripted import Killed, Scripted

if TYPE_CHECKING:
    from pathlib import Path


SIX = {
    "SUBSCRIPTION_ID",
    "RESOURCE_GROUP_NAME",
    "STORAGE_ACCOUNT_NAME",
    "FILE_SHARE_NAME",
    "ACA_APP_NAME",
    "ACA_APP_ENDPOINT",
}


async def test_all_answers_given_nothing_is_asked_and_the_six_keys_are_written(
    project: Path, world: FakeCloud
) -> None:
    ui = Scripted()
    outcome = await provision_local(project, world, ui)
    written = json.loads((project / CONFIG_PATH).read_text())
    names = default_names(LOCAL.id, "models")
    assert not ui.asked
    assert set(written) == SIX
    assert written["STORAGE_ACCOUNT_NAME"] == names.storage_account
    assert written["ACA_APP_NAME"] == names.app
    assert outcome.endpoint == written["ACA_APP_ENDPOINT"] == ENDPOINT
    assert [action.kind for action in outcome.actions] == [ActionKind.RUN, ActionKind.OPEN_ENDPOINT]


async def test_on_azure_the_portal_is_offered(project: Path, world: FakeCloud) -> None:
    outcome = await provision_local(project, world, subscription=AZURE.id)
    portal = [action.target for action in outcome.actions if action.kind is ActionKind.OPEN_PORTAL]
    assert len(portal) == 1
    assert portal[0].startswith("https://portal.azure.com/#resource/subscriptions/" + AZURE.id)


async def test_asks_subscription_and_group_with_local_first_and_a_new_group_last(
    project: Path, world: FakeCloud
) -> None:
    ui = Scripted({"subscription": LOCAL.id, "resourceGroup": "models"})
    await provision_local(project, world, ui, subscription=None, resource_group=None)
    subscription, group = ui.asked
    assert isinstance(subscription, Choice)
    assert isinstance(group, Choice)
    assert [option.value for option in subscription.options] == [LOCAL.id, AZURE.id]
    assert subscription.default is None
    assert group.create_label == "Create new resource group…"


async def test_the_fine_tuning_steps_answers_are_preselected_never_chosen(
    project: Path, world: FakeCloud
) -> None:
    (project / "infra/finetuning.config.json").write_text(
        json.dumps({"SUBSCRIPTION_ID": AZURE.id, "RESOURCE_GROUP_NAME": "models"})
    )
    ui = Scripted({"subscription": LOCAL.id, "resourceGroup": "models"})
    await provision_local(project, world, ui, subscription=None, resource_group=None)
    assert isinstance(ui.asked[0], Choice)
    assert ui.asked[0].default == AZURE.id
    assert read_config(project).subscription_id == LOCAL.id


async def test_this_projects_earlier_answers_win_over_fine_tuning(project: Path, world: FakeCloud) -> None:
    (project / "infra/finetuning.config.json").write_text(json.dumps({"SUBSCRIPTION_ID": AZURE.id}))
    provisioned(project, world)
    ui = Scripted({"subscription": LOCAL.id, "resourceGroup": "models"})
    await provision_local(project, world, ui, subscription=None, resource_group=None)
    assert [question.default for question in ui.asked if isinstance(question, Choice)] == [LOCAL.id, "models"]


async def test_signed_out_the_person_sees_local_and_a_way_to_sign_in(project: Path, world: FakeCloud) -> None:
    clouds = FakeClouds(world, signed_in=False)
    ui = Scripted({"subscription": LOCAL.id})
    await provision(ProvisionRequest(project, None, "models"), ui=ui, clouds=clouds)
    assert isinstance(ui.asked[0], Choice)
    assert [option.label for option in ui.asked[0].options] == [LOCAL.name, "Sign in to Azure…"]


async def test_a_new_group_asks_for_a_location_an_existing_one_does_not(
    project: Path, world: FakeCloud
) -> None:
    ui = Scripted({"location": "eastus"})
    await provision_local(project, world, ui, subscription=AZURE.id, resource_group="fresh")
    assert [question.name for question in ui.asked] == ["location"]
    assert world.groups["fresh"].location == "eastus"


async def test_an_unknown_location_lists_the_known_ones(project: Path, world: FakeCloud) -> None:
    with pytest.raises(NotFound, match="atlantis") as caught:
        await provision_local(project, world, resource_group="fresh", location="atlantis")
    assert "westus3" in caught.value.suggestion
    assert "fresh" not in world.groups


async def test_an_unknown_subscription_lists_what_is_visible(project: Path, world: FakeCloud) -> None:
    with pytest.raises(NotFound, match="nowhere") as caught:
        await provision_local(project, world, subscription="nowhere")
    assert AZURE.id in caught.value.suggestion
    assert "local" in caught.value.suggestion


async def test_without_anybody_to_ask_every_missing_flag_is_named_at_once(
    project: Path, world: FakeCloud
) -> None:
    with pytest.raises(InputRequired) as caught:
        await provision_local(project, world, subscription=None, resource_group=None)
    assert [item.flag for item in caught.value.inputs] == ["--subscription", "--resource-group"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "can't be read"),
        ("[]", "JSON object"),
        ('{"parameters": {"acaAppName": "x"}}', "must be written"),
        ('{"parameters": {"acaAppName": {}}}', 'no "value"'),
        ('{"parameters": {"acaAppName": {"reference": {}}}}', "key vault"),
        ('{"parameters": {"nonsense": {"value": 1}}}', "no parameter nonsense. It has: acaApp"),
        ('{"parameters": {"Locatoin": {"value": 1}}}', r"no parameter Locatoin. Did you mean location\?"),
        ('{"parameters": {"maximumInstanceCount": {"value": "2"}}}', "type int"),
        ('{"parameters": {"maximumInstanceCount": {"value": true}}}', "type int"),
        ('{"parameters": {"maximumInstanceCount": {"value": 0}}}', "between 1"),
        ('{"parameters": {"workloadProfileType": {"value": "NC1"}}}', "one of"),
    ],
)
async def test_malformed_parameters_are_refused_with_their_place_and_left_as_they_are(
    project: Path, world: FakeCloud, text: str, words: str
) -> None:
    path = project / "infra/provision/inference.parameters.json"
    path.write_text(text)
    with pytest.raises(InvalidProject, match=words) as caught:
        await provision_local(project, world)
    assert caught.value.problems[0].path == path
    assert path.read_text() == text
    assert not world.deployments.started


async def test_a_missing_parameters_file_is_told_before_anything_is_asked(
    project: Path, world: FakeCloud
) -> None:
    (project / "infra/provision/inference.parameters.json").unlink()
    ui = Scripted()
    with pytest.raises(InvalidProject, match=r"no infra/provision/inference\.parameters\.json"):
        await provision_local(project, world, ui, subscription=None)
    assert not ui.asked


async def test_a_malformed_configuration_is_told_and_left(project: Path, world: FakeCloud) -> None:
    (project / CONFIG_PATH).write_text('{"ACA_APP_NAME": ,}')
    with pytest.raises(InvalidProject, match=r"inference\.config\.json can't be read"):
        await provision_local(project, world)
    assert (project / CONFIG_PATH).read_text() == '{"ACA_APP_NAME": ,}'


async def test_of_two_parameter_files_the_first_wins_with_a_warning(project: Path, world: FakeCloud) -> None:
    (project / "infra/inference.parameters.json").write_text("not even JSON")
    ui = Scripted()
    await provision_local(project, world, ui)
    assert any("is not used" in text for _, text in ui.said)


async def test_null_parameters_are_left_to_the_template(project: Path, world: FakeCloud) -> None:
    await provision_local(project, world)
    sent = world.deployments.started[0].parameters
    assert "acaAppName" not in sent
    assert None not in sent.values()


async def test_names_of_the_fine_tuning_step_are_used_in_its_own_group(
    project: Path, world: FakeCloud
) -> None:
    (project / "infra/finetuning.config.json").write_text(
        json.dumps({"RESOURCE_GROUP_NAME": "models", "STORAGE_ACCOUNT_NAME": "tuned"})
    )
    await provision_local(project, world)
    assert world.deployments.started[0].parameters["storageAccountName"] == "tuned"
    await provision_local(project, world, resource_group="other", location="eastus")
    assert "storageAccountName" not in world.deployments.started[1].parameters


async def test_a_persons_own_keys_in_the_configuration_survive(project: Path, world: FakeCloud) -> None:
    (project / CONFIG_PATH).write_text('{"note": "mine"}')
    await provision_local(project, world)
    assert json.loads((project / CONFIG_PATH).read_text())["note"] == "mine"


async def test_an_edited_template_without_a_compiler_is_refused(project: Path, world: FakeCloud) -> None:
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_text(bicep.read_text() + "\n// mine\n")
    with pytest.raises(InvalidProject, match="no Bicep CLI to compile it") as caught:
        await provision_local(project, world)
    assert caught.value.problems[0].path == bicep
    assert caught.value.link
    assert not world.deployments.started


async def test_an_edited_template_is_compiled(project: Path, world: FakeCloud) -> None:
    compiled = json.loads((project / "infra/provision/inference.json").read_text())
    world.compiler.template = {**compiled, "variables": {"mine": 1}}
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_text(bicep.read_text() + "\n// mine\n")
    await provision_local(project, world)
    assert world.compiler.compiled == 1
    assert world.deployments.started[0].template == world.compiler.template


async def test_line_ends_of_windows_are_no_edit(project: Path, world: FakeCloud) -> None:
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_bytes(bicep.read_bytes().replace(b"\n", b"\r\n"))
    await provision_local(project, world)
    assert world.deployments.started


async def test_the_same_deployment_is_not_repeated(project: Path, world: FakeCloud) -> None:
    await provision_local(project, world)
    (project / CONFIG_PATH).write_text("{}")
    outcome = await provision_local(project, world)
    assert len(world.deployments.started) == 1
    assert set(json.loads((project / CONFIG_PATH).read_text())) == SIX
    assert outcome.endpoint == ENDPOINT


async def test_it_is_repeated_when_something_is_gone_changed_or_asked_for(
    project: Path, world: FakeCloud
) -> None:
    await provision_local(project, world)
    world.apps.existing_resources = replace(world.apps.existing_resources, app=None)
    await provision_local(project, world)
    set_parameters(project, image="other")
    await provision_local(project, world)
    set_parameters(project, image=None)
    await provision_local(project, world)
    await provision_local(project, world, again=True)
    assert len(world.deployments.started) == 5


async def test_a_failed_deployment_tells_the_root_cause(project: Path, world: FakeCloud) -> None:
    cause = ErrorNode("StorageAccountAlreadyTaken", "The name is taken.", "x", suggestion="Choose another.")
    world.deployments.error = ErrorNode("DeploymentFailed", "See details.", details=(cause,))
    before = (project / CONFIG_PATH).read_text()
    with pytest.raises(ProvisionFailed, match="The name is taken") as caught:
        await provision_local(project, world)
    assert caught.value.suggestion == "Choose another."
    assert (project / CONFIG_PATH).read_text() == before


async def test_what_failed_is_named_as_people_call_it(project: Path, world: FakeCloud) -> None:
    place = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"
    target = f"{place}/fileServices/default/shares/x--y"
    world.deployments.error = ErrorNode("InvalidResourceName", "It has two hyphens.", target)
    with pytest.raises(
        ProvisionFailed, match=r"^The deployment failed \(File share a/default/x--y\): It has"
    ):
        await provision_local(project, world)
    world.deployments.error = ErrorNode("Bad", "No such memory.", "template.containers.resources.memory")
    with pytest.raises(ProvisionFailed, match=r"\(template.containers.resources.memory\): No such memory"):
        await provision_local(project, world)


async def test_a_missing_quota_is_told_before_other_causes(project: Path, world: FakeCloud) -> None:
    quota = ErrorNode("MaxRegionalQuotaExceeded", "Regional max quota limit threshold hit.")
    world.deployments.error = ErrorNode("X", "", details=(ErrorNode("Other", "other"), quota))
    with pytest.raises(QuotaExceeded, match="threshold hit") as caught:
        await provision_local(project, world)
    assert "maximumInstanceCount" in caught.value.suggestion
    assert caught.value.link


async def test_a_failed_deployment_is_tried_again(project: Path, world: FakeCloud) -> None:
    world.deployments.error = ErrorNode("Broken", "broken")
    with pytest.raises(ProvisionFailed):
        await provision_local(project, world)
    world.deployments.error = None
    await provision_local(project, world)
    assert read_config(project).missing() == ()


async def test_cancelling_cancels_the_deployment_and_says_how_it_ended(
    project: Path, world: FakeCloud
) -> None:
    world.deployments.looks = 1000
    task = asyncio.ensure_future(provision_local(project, world))
    world.on_step = lambda _: task.cancel() if world.steps.count("deployment looked at") == 4 else None
    with pytest.raises(Cancelled, match="and the deployment with it"):
        await task
    assert world.deployments.cancelled
    assert read_config(project).aca_app_name is None


async def test_cancelling_before_a_deployment_runs_says_so(project: Path, world: FakeCloud) -> None:
    task = asyncio.ensure_future(provision_local(project, world))
    world.on_step = lambda name: task.cancel() if name == "register" else None
    with pytest.raises(Cancelled, match="no deployment was running"):
        await task
    assert not world.deployments.started


@pytest.mark.parametrize("kill_at", range(14))
async def test_killed_at_any_step_the_same_command_finishes_with_one_deployment(
    project: Path, world: FakeCloud, kill_at: int
) -> None:
    world.kill_at = kill_at
    with suppress(Killed):
        await provision_local(project, world, resource_group="fresh", location="eastus")
    world.kill_at = None
    outcome = await provision_local(project, world, resource_group="fresh", location="eastus")
    assert outcome.endpoint == ENDPOINT
    assert read_config(project).missing() == ()
    assert len(world.deployments.started) == 1


async def test_a_second_run_on_the_same_project_is_told_who_works(project: Path, world: FakeCloud) -> None:
    with hold(project, "deploy", state_folder()), pytest.raises(Busy, match="deploy, process"):
        await provision_local(project, world)
    await provision_local(project, world)


async def test_a_plan_lists_and_changes_nothing(project: Path, world: FakeCloud) -> None:
    outcome = await provision_local(project, world, resource_group="fresh", plan_only=True)
    assert "create  Resource group fresh" in outcome.summary
    assert "fresh" not in world.groups
    assert not world.deployments.started
    await provision_local(project, world)
    outcome = await provision_local(project, world, plan_only=True)
    assert "keep    Storage account" in outcome.summary
    assert "update  Container app" in outcome.summary


async def test_each_resource_is_told_with_elapsed_time(project: Path, world: FakeCloud) -> None:
    ui = Scripted()
    await provision_local(project, world, ui)
    assert [step.message for step in ui.steps if step.message.startswith("Container app")] == [
        "Container app aiacaapp: creating",
        "Container app aiacaapp: done",
    ]
    elapsed = [step.elapsed for step in ui.steps]
    assert elapsed == sorted(elapsed)
    percents = [step.percent for step in ui.steps if step.percent is not None]
    assert percents == sorted(percents)
    assert percents[-1] == 100
