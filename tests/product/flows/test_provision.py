"""Provision: what it asks, keeps, deploys and writes, and what it says when it can't."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.actions import ActionKind
from aitk_inference.core.config import CONFIG_PATH, read_config
from aitk_inference.core.errors import (
    Busy,
    Cancelled,
    InputRequired,
    InvalidProject,
    NotFound,
    ProvisionFailed,
    QuotaExceeded,
)
from aitk_inference.core.project_lock import hold
from aitk_inference.core.user_interface import Choice
from aitk_inference.flows.api import ProvisionRequest
from aitk_inference.flows.provision.provision import provision
from aitk_inference.flows.user_dirs import state_folder
from support.azure_world import AZURE, LOCAL, Refusal, World, WorldClouds
from support.projects import provision_local, set_parameters
from support.scripted import Killed, Scripted
from support.template_names import default_names

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


def _parameters(azure: World, number: int) -> dict[str, Any]:
    parameters: dict[str, Any] = azure.deployed[number]["given"][2]
    return parameters


async def test_all_answers_given_nothing_is_asked_and_the_six_keys_are_written(
    project: Path, azure: World
) -> None:
    ui = Scripted()
    outcome = await provision_local(project, azure, ui)
    written = json.loads((project / CONFIG_PATH).read_text())
    names = default_names(LOCAL.id, "models")
    assert not ui.asked
    assert set(written) == SIX
    assert written["STORAGE_ACCOUNT_NAME"] == names.storage_account
    assert written["ACA_APP_NAME"] == names.app
    assert outcome.endpoint == written["ACA_APP_ENDPOINT"]
    assert outcome.endpoint.startswith("http://127.0.0.1:")
    assert [action.kind for action in outcome.actions] == [ActionKind.RUN]


async def test_on_azure_the_portal_is_offered(project: Path, azure: World) -> None:
    outcome = await provision_local(project, azure, subscription=AZURE.id)
    portal = [action.target for action in outcome.actions if action.kind is ActionKind.OPEN_PORTAL]
    assert len(portal) == 1
    assert portal[0].startswith("https://portal.azure.com/#resource/subscriptions/" + AZURE.id)


async def test_asks_subscription_and_group_with_local_first_and_a_new_group_last(
    project: Path, azure: World
) -> None:
    ui = Scripted({"subscription": LOCAL.id, "resourceGroup": "models"})
    await provision_local(project, azure, ui, subscription=None, resource_group=None)
    subscription, group = ui.asked
    assert isinstance(subscription, Choice)
    assert isinstance(group, Choice)
    assert [option.value for option in subscription.options] == [LOCAL.id, AZURE.id]
    assert subscription.default is None
    assert group.create_label == "Create new resource group…"


async def test_the_fine_tuning_steps_answers_are_preselected_never_chosen(
    project: Path, azure: World
) -> None:
    (project / "infra/finetuning.config.json").write_text(
        json.dumps({"SUBSCRIPTION_ID": AZURE.id, "RESOURCE_GROUP_NAME": "models"})
    )
    ui = Scripted({"subscription": LOCAL.id, "resourceGroup": "models"})
    await provision_local(project, azure, ui, subscription=None, resource_group=None)
    assert isinstance(ui.asked[0], Choice)
    assert ui.asked[0].default == AZURE.id
    assert read_config(project).subscription_id == LOCAL.id


async def test_this_projects_earlier_answers_win_over_fine_tuning(project: Path, azure: World) -> None:
    (project / "infra/finetuning.config.json").write_text(json.dumps({"SUBSCRIPTION_ID": AZURE.id}))
    await provision_local(project, azure)
    ui = Scripted({"subscription": LOCAL.id, "resourceGroup": "models"})
    await provision_local(project, azure, ui, subscription=None, resource_group=None)
    assert [question.default for question in ui.asked if isinstance(question, Choice)] == [LOCAL.id, "models"]


async def test_signed_out_the_person_sees_local_and_a_way_to_sign_in(project: Path, azure: World) -> None:
    clouds = WorldClouds(azure, signed_in=False)
    ui = Scripted({"subscription": LOCAL.id})
    await provision(ProvisionRequest(project, None, "models"), ui=ui, clouds=clouds)
    assert isinstance(ui.asked[0], Choice)
    assert [option.label for option in ui.asked[0].options] == [LOCAL.name, "Sign in to Azure…"]


async def test_a_new_group_asks_for_a_location_an_existing_one_does_not(project: Path, azure: World) -> None:
    ui = Scripted({"location": "eastus", "provision": "yes"})
    await provision_local(project, azure, ui, subscription=AZURE.id, resource_group="fresh")
    assert [question.name for question in ui.asked] == ["location", "provision"]
    group = azure.ask("GET", "/resourcegroups/fresh", version="2021-04-01", subscription=AZURE)
    assert group["location"] == "eastus"


async def test_an_unknown_location_lists_the_known_ones(project: Path, azure: World) -> None:
    with pytest.raises(NotFound, match="atlantis") as caught:
        await provision_local(project, azure, resource_group="fresh", location="atlantis")
    assert "westus3" in caught.value.suggestion
    assert "fresh" not in azure.groups()


async def test_an_unknown_subscription_lists_what_is_visible(project: Path, azure: World) -> None:
    with pytest.raises(NotFound, match="nowhere") as caught:
        await provision_local(project, azure, subscription="nowhere")
    assert AZURE.id in caught.value.suggestion
    assert "local" in caught.value.suggestion


async def test_without_anybody_to_ask_every_missing_flag_is_named_at_once(
    project: Path, azure: World
) -> None:
    with pytest.raises(InputRequired) as caught:
        await provision_local(project, azure, subscription=None, resource_group=None)
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
    project: Path, azure: World, text: str, words: str
) -> None:
    path = project / "infra/provision/inference.parameters.json"
    path.write_text(text)
    with pytest.raises(InvalidProject, match=words) as caught:
        await provision_local(project, azure)
    assert caught.value.problems[0].path == path
    assert path.read_text() == text
    assert not azure.deployed


async def test_a_missing_parameters_file_is_told_before_anything_is_asked(
    project: Path, azure: World
) -> None:
    (project / "infra/provision/inference.parameters.json").unlink()
    ui = Scripted()
    with pytest.raises(InvalidProject, match=r"no infra/provision/inference\.parameters\.json"):
        await provision_local(project, azure, ui, subscription=None)
    assert not ui.asked


async def test_a_malformed_configuration_is_told_and_left(project: Path, azure: World) -> None:
    (project / CONFIG_PATH).write_text('{"ACA_APP_NAME": ,}')
    with pytest.raises(InvalidProject, match=r"inference\.config\.json can't be read"):
        await provision_local(project, azure)
    assert (project / CONFIG_PATH).read_text() == '{"ACA_APP_NAME": ,}'


async def test_of_two_parameter_files_the_first_wins_with_a_warning(project: Path, azure: World) -> None:
    (project / "infra/inference.parameters.json").write_text("not even JSON")
    ui = Scripted()
    await provision_local(project, azure, ui)
    assert any("is not used" in text for _, text in ui.said)


async def test_null_parameters_are_left_to_the_template(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    sent = _parameters(azure, 0)
    assert "acaAppName" not in sent
    assert None not in sent.values()


async def test_names_of_the_fine_tuning_step_are_used_in_its_own_group(project: Path, azure: World) -> None:
    (project / "infra/finetuning.config.json").write_text(
        json.dumps({"RESOURCE_GROUP_NAME": "models", "STORAGE_ACCOUNT_NAME": "tuned"})
    )
    await provision_local(project, azure)
    assert _parameters(azure, 0)["storageAccountName"] == "tuned"
    await provision_local(project, azure, resource_group="other", location="eastus")
    assert "storageAccountName" not in _parameters(azure, 1)


async def test_a_persons_own_keys_in_the_configuration_survive(project: Path, azure: World) -> None:
    (project / CONFIG_PATH).write_text('{"note": "mine"}')
    await provision_local(project, azure)
    assert json.loads((project / CONFIG_PATH).read_text())["note"] == "mine"


async def test_an_edited_template_without_a_compiler_is_refused(project: Path, azure: World) -> None:
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_text(bicep.read_text() + "\n// mine\n")
    with pytest.raises(InvalidProject, match="no Bicep CLI to compile it") as caught:
        await provision_local(project, azure)
    assert caught.value.problems[0].path == bicep
    assert caught.value.link
    assert not azure.deployed


async def test_an_edited_template_is_compiled(project: Path, azure: World) -> None:
    compiled = json.loads((project / "infra/provision/inference.json").read_text())
    azure.compiler.template = {**compiled, "variables": {**compiled["variables"], "mine": 1}}
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_text(bicep.read_text() + "\n// mine\n")
    await provision_local(project, azure)
    assert azure.compiler.compiled == 1
    assert azure.deployed[0]["given"][1] == azure.compiler.template


async def test_line_ends_of_windows_are_no_edit(project: Path, azure: World) -> None:
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_bytes(bicep.read_bytes().replace(b"\n", b"\r\n"))
    await provision_local(project, azure)
    assert azure.deployed


async def test_the_same_deployment_is_not_repeated(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    (project / CONFIG_PATH).write_text("{}")
    outcome = await provision_local(project, azure)
    assert len(azure.deployed) == 1
    assert set(json.loads((project / CONFIG_PATH).read_text())) == SIX
    assert outcome.endpoint


async def test_it_is_repeated_when_something_is_gone_changed_or_asked_for(
    project: Path, azure: World
) -> None:
    await provision_local(project, azure)
    app = read_config(project).aca_app_name
    azure.ask("DELETE", azure.provider(f"Microsoft.App/containerApps/{app}"))
    await provision_local(project, azure)
    set_parameters(project, image="other")
    await provision_local(project, azure)
    set_parameters(project, image=None)
    await provision_local(project, azure)
    await provision_local(project, azure, again=True)
    assert len(azure.deployed) == 5


async def test_a_failed_deployment_tells_the_root_cause(project: Path, azure: World) -> None:
    azure.refusals.append(Refusal("storageAccounts", "StorageAccountAlreadyTaken", "The name is taken."))
    before = (project / CONFIG_PATH).read_text()
    with pytest.raises(
        ProvisionFailed, match=r"\(Storage account aistorage\w+\): The name is taken"
    ) as caught:
        await provision_local(project, azure)
    assert "storageAccountName" in caught.value.suggestion
    assert (project / CONFIG_PATH).read_text() == before


async def test_a_missing_quota_is_told_before_other_causes(project: Path, azure: World) -> None:
    azure.refusals += [
        Refusal("storageAccounts", "Other", "other"),
        Refusal("workspaces", "MaxRegionalQuotaExceeded", "Regional max quota limit threshold hit."),
    ]
    with pytest.raises(QuotaExceeded, match="threshold hit") as caught:
        await provision_local(project, azure)
    assert "maximumInstanceCount" in caught.value.suggestion
    assert caught.value.link


async def test_a_failed_deployment_is_tried_again(project: Path, azure: World) -> None:
    azure.refusals.append(Refusal("containerApps", "Broken", "broken"))
    with pytest.raises(ProvisionFailed):
        await provision_local(project, azure)
    azure.refusals.clear()
    await provision_local(project, azure)
    assert read_config(project).missing() == ()


async def test_cancelling_cancels_the_deployment_and_says_how_it_ended(project: Path, azure: World) -> None:
    azure.arm().ingress.held = True  # the app can't be finished
    task = asyncio.ensure_future(provision_local(project, azure))

    def cancel_at_the_fourth_look(name: str) -> None:
        if name == "deployments.status" and azure.count(name) == 4:
            task.cancel()

    azure.on_step = cancel_at_the_fourth_look
    with pytest.raises(Cancelled, match="and the deployment with it"):
        await task
    assert azure.count("deployments.cancel") == 1
    assert read_config(project).aca_app_name is None


async def test_cancelling_before_a_deployment_runs_says_so(project: Path, azure: World) -> None:
    task = asyncio.ensure_future(provision_local(project, azure))
    azure.on_step = lambda name: task.cancel() if name == "deployments.status" else None
    with pytest.raises(Cancelled, match="no deployment was running"):
        await task
    assert not azure.deployed


@pytest.mark.parametrize("kill_at", range(0, 40, 3))
async def test_killed_at_any_step_the_same_command_finishes_with_one_deployment(
    project: Path, azure: World, kill_at: int
) -> None:
    azure.kill_at = kill_at
    with suppress(Killed):
        await provision_local(project, azure, resource_group="fresh", location="eastus")
    azure.kill_at = None
    outcome = await provision_local(project, azure, resource_group="fresh", location="eastus")
    assert outcome.endpoint
    assert read_config(project).missing() == ()
    assert len(azure.deployed) == 1


async def test_a_second_run_on_the_same_project_is_told_who_works(project: Path, azure: World) -> None:
    with hold(project, "deploy", state_folder()), pytest.raises(Busy, match="deploy, process"):
        await provision_local(project, azure)
    await provision_local(project, azure)


async def test_a_plan_lists_and_changes_nothing(project: Path, azure: World) -> None:
    outcome = await provision_local(project, azure, resource_group="fresh", plan_only=True)
    assert "create     Resource group fresh" in outcome.summary
    assert "fresh" not in azure.groups()
    assert not azure.deployed
    await provision_local(project, azure)
    outcome = await provision_local(project, azure, plan_only=True)
    assert "unchanged  Storage account" in outcome.summary
    assert "unchanged  Container app" in outcome.summary


async def test_each_resource_is_told_with_elapsed_time(project: Path, azure: World) -> None:
    ui = Scripted()
    await provision_local(project, azure, ui)
    app = read_config(project).aca_app_name
    shown = [step.message for step in ui.steps if step.message.startswith("Container app")]
    assert shown[-1] == f"Container app {app}: done"
    assert set(shown[:-1]) <= {f"Container app {app}: creating"}  # a look may come when it is done
    elapsed = [step.elapsed for step in ui.steps]
    assert elapsed == sorted(elapsed)
    percents = [step.percent for step in ui.steps if step.percent is not None]
    assert percents == sorted(percents)
    assert percents[-1] == 100
