"""Provision where resources exist already: they are read first, kept, and never reset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aca_local.kernel.records import RESOURCE
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import Conflict, InputRequired, InvalidProject
from support.azure_world import LOCAL, World
from support.projects import provision_local, set_parameters
from support.scripted import Scripted
from support.template_names import default_names

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.core.user_interface import ProgressEvent

NAMES = default_names(LOCAL.id, "models")
ENVIRONMENT = f"Microsoft.App/managedEnvironments/{NAMES.environment}"
APP = f"Microsoft.App/containerApps/{NAMES.app}"
T4 = {"name": "serverless-T4", "workloadProfileType": "Consumption-GPU-NC8as-T4"}


def _parameters(azure: World, number: int) -> dict[str, Any]:
    parameters: dict[str, Any] = azure.deployed[number]["given"][2]
    return parameters


def _get(azure: World, path: str) -> Any:
    return azure.ask("GET", azure.provider(path))


def _set_environment(azure: World, state: str, *profiles: dict[str, str]) -> None:
    """Put the stored environment into a state that only time or a failure brings about."""
    running = azure.arm()
    path = f"/subscriptions/{LOCAL.id}{azure.provider(ENVIRONMENT)}"

    def change() -> None:
        document = running.cloud.store.get(RESOURCE, path.lower())
        assert document is not None
        properties = {**document["properties"], "provisioningState": state}
        if profiles:
            properties["workloadProfiles"] = list(profiles)
        running.cloud.store.put(RESOURCE, path.lower(), {**document, "properties": properties})

    running.call(change)


async def test_what_exists_is_read_and_handed_to_the_template(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, minReplicas=2, maxReplicas=2)
    await provision_local(project, azure)
    first, second = _parameters(azure, 0), _parameters(azure, 1)
    assert first["storageAccountExists"] is first["acaEnvironmentExists"] is False
    assert "existingApp" not in first
    assert second["storageAccountExists"] is second["acaEnvironmentExists"] is True
    assert second["acaEnvironmentLocation"] == "West US 3"
    assert second["existingApp"]["name"] == NAMES.app
    assert second["existingAppSecrets"] == {"value": []}


async def test_secrets_are_never_shown(project: Path, azure: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await provision_local(project, azure)
    app = _get(azure, APP)
    app["properties"]["configuration"]["secrets"] = [{"name": "s", "value": "hidden-canary"}]
    azure.ask("PUT", azure.provider(APP), {key: app[key] for key in ("location", "properties")})
    ui = Scripted()
    await provision_local(project, azure, ui, again=True)
    assert "hidden-canary" in repr(_parameters(azure, 1))
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("aitk_inference")]
    assert "hidden-canary" not in repr(ours) + repr(ui.steps) + repr(ui.said)


async def test_a_half_made_environment_is_made_again(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    _set_environment(azure, "Failed")
    await provision_local(project, azure)
    assert _parameters(azure, 1)["acaEnvironmentExists"] is False


async def test_a_broken_environment_with_other_profiles_is_left_alone(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    consumption = {"name": "Consumption", "workloadProfileType": "Consumption"}
    _set_environment(azure, "Failed", consumption, {"name": "theirs", "workloadProfileType": "D4"})
    with pytest.raises(Conflict, match="theirs"):
        await provision_local(project, azure)
    assert len(azure.deployed) == 1


async def test_an_environment_in_the_making_is_waited_for(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    _set_environment(azure, "Waiting")

    def finish(_: ProgressEvent) -> None:
        if azure.clock.seconds > 20:
            _set_environment(azure, "Succeeded")

    await provision_local(project, azure, Scripted(on_step=finish), again=True)
    assert _parameters(azure, 1)["acaEnvironmentExists"] is True


@pytest.mark.parametrize("spelling", ["location", "Location", "LOCATION"])
async def test_another_location_than_that_of_the_environment_is_named_before_deploying(
    project: Path, azure: World, spelling: str
) -> None:
    await provision_local(project, azure)
    path = project / "infra/provision/inference.parameters.json"
    document = json.loads(path.read_text())
    del document["parameters"]["location"]
    document["parameters"][spelling] = {"value": "eastus"}
    path.write_text(json.dumps(document, indent=2))
    with pytest.raises(InvalidProject, match="exists in West US 3") as caught:
        await provision_local(project, azure)
    assert caught.value.problems[0].path == path
    assert path.read_text().splitlines()[caught.value.problems[0].line].strip().startswith(f'"{spelling}"')
    assert len(azure.deployed) == 1


async def test_a_profile_of_another_type_is_named_before_deploying(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, workloadProfileType="Consumption-GPU-NC8as-T4", workloadProfileName="Consumption")
    with pytest.raises(Conflict, match="has a workload profile Consumption of the type Consumption"):
        await provision_local(project, azure)
    assert len(azure.deployed) == 1


async def test_a_missing_serverless_profile_is_added_first(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, workloadProfileType="Consumption-GPU-NC8as-T4")
    await provision_local(project, azure)
    profiles = _get(azure, ENVIRONMENT)["properties"]["workloadProfiles"]
    assert [profile["name"] for profile in profiles] == ["Consumption", "serverless-T4"]
    assert _get(azure, APP)["properties"]["workloadProfileName"] == "serverless-T4"


async def test_a_second_gpu_is_spoken_of_only_when_an_app_is_updated(project: Path, azure: World) -> None:
    set_parameters(project, workloadProfileType="Consumption-GPU-NC8as-T4")
    first, second, third = Scripted(), Scripted(), Scripted()
    await provision_local(project, azure, first)
    await provision_local(project, azure, second)
    await provision_local(project, azure, third, again=True)
    assert ["second GPU" in repr(ui.said) for ui in (first, second, third)] == [False, False, True]


async def test_a_dedicated_gpu_can_not_join_an_environment_that_exists(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, workloadProfileType="NC24-A100")
    with pytest.raises(Conflict, match="from its creation"):
        await provision_local(project, azure)


async def test_an_app_of_another_environment_is_named_before_deploying(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, acaEnvironmentName="another-env")
    azure.ask(
        "PUT",
        azure.provider("Microsoft.App/managedEnvironments/another-env"),
        {"location": "westus3", "properties": {}},
    )
    with pytest.raises(Conflict, match=f"belongs to the environment {NAMES.environment}, not to another-env"):
        await provision_local(project, azure)


async def test_a_template_that_keeps_nothing_asks_before_it_resets(project: Path, azure: World) -> None:
    """As Microsoft's AI Toolkit writes them: no parameter says what exists."""
    compiled = json.loads((project / "infra/provision/inference.json").read_text())
    azure.compiler.template = _without_keepers(compiled)
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_text(bicep.read_text() + "\n// mine\n")
    await provision_local(project, azure)
    app = _get(azure, APP)
    app["properties"]["template"]["containers"][0]["env"].append({"name": "MINE", "value": "1"})
    body = {"location": app["location"], "tags": {"owner": "me"}, "properties": app["properties"]}
    azure.ask("PUT", azure.provider(APP), body)
    set_parameters(project, maxReplicas=2)
    with pytest.raises(InputRequired, match=r"tag owner.*variable MINE") as caught:
        await provision_local(project, azure)
    assert [item.flag for item in caught.value.inputs] == ["--yes"]
    assert _get(azure, APP)["tags"] == {"owner": "me"}
    await provision_local(project, azure, assume_yes=True)
    assert not _get(azure, APP).get("tags")


def _without_keepers(template: dict[str, Any]) -> dict[str, Any]:
    """Turn the parameters that say what exists into variables that say that nothing does."""
    keepers = {
        name: declared["defaultValue"]
        for name, declared in template["parameters"].items()
        if name.endswith("Exists") or name.startswith("existing")
    }
    text = json.dumps(
        {**template, "parameters": {k: v for k, v in template["parameters"].items() if k not in keepers}}
    )
    for name in keepers:
        text = text.replace(f"parameters('{name}')", f"variables('{name}')")
    changed: dict[str, Any] = json.loads(text)
    changed["variables"].update(keepers)
    return changed


async def test_the_configuration_names_what_the_template_made(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    config = read_config(project)
    assert (config.storage_account_name, config.file_share_name) == (NAMES.storage_account, NAMES.file_share)
