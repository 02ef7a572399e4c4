"""Delete takes back exactly what this project made."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError, Conflict, Dismissed, InputRequired, NotFound
from aitk_inference.core.user_interface import Confirm
from aitk_inference.flows.api import DeleteRequest
from aitk_inference.flows.provision.delete import delete
from support.azure_world import LOCAL, World, WorldClouds
from support.projects import provision_local, set_parameters
from support.scripted import Killed, Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.flows.outcome import Outcome

APPS, ENVIRONMENTS = "Microsoft.App/containerApps", "Microsoft.App/managedEnvironments"
ACCOUNTS = "Microsoft.Storage/storageAccounts"
FRESH = {"resource_group": "fresh", "location": "eastus"}


async def remove(project: Path, azure: World, ui: Scripted | None = None, **given: Any) -> Outcome:
    request = DeleteRequest(project, assume_yes=True)._replace(**given)
    return await delete(request, ui=ui or Scripted(), clouds=WorldClouds(azure))


def resources(azure: World, group: str = "models") -> set[str]:
    listed = azure.ask("GET", f"/resourceGroups/{group}/resources", version="2021-04-01")["value"]
    return {f"{one['type']}/{one['name']}" for one in listed}


def held(azure: World) -> set[tuple[str, str]]:
    """Return the keys of all that aca-local holds, less what a deletion leaves on Azure, too."""
    running = azure.arm()
    rows = running.call(lambda: running.cloud.store._db.execute("SELECT kind, key FROM documents").fetchall())
    return {
        (kind, key) for kind, key in rows if not kind.lower().startswith(("deploy", "operation", "deleted"))
    }


async def test_delete_leaves_what_was_there_before(project: Path, azure: World) -> None:
    azure.arm()
    before = held(azure)
    await provision_local(project, azure)
    assert len(resources(azure)) >= 4
    ui = Scripted()
    outcome = await remove(project, azure, ui, everything=True)
    assert held(azure) == before
    assert resources(azure) == set()
    assert read_config(project).missing() == tuple(
        json.loads((project / "infra/inference.config.json").read_text())
    )
    listed = next(words for _, words in ui.said if words.startswith("This is deleted:"))
    assert "Container app" in listed
    assert "File share" in listed
    assert outcome.summary.startswith("Deleted Container app")


async def test_a_project_in_a_group_of_its_own_leaves_nothing_behind(project: Path, azure: World) -> None:
    azure.arm()
    before = held(azure)
    await provision_local(project, azure, **FRESH)
    assert held(azure) != before
    ui = Scripted({"delete": "yes"})
    await remove(project, azure, ui, everything=True, assume_yes=False)
    assert held(azure) == before
    (question,) = ui.asked
    assert isinstance(question, Confirm)
    for part in ("Container app", "File share", "resource group fresh", "Container Apps costs"):
        assert part in question.detail


async def test_a_group_that_provision_made_goes_too_one_of_others_stays(project: Path, azure: World) -> None:
    azure.arm()
    before = azure.groups()
    await provision_local(project, azure, **FRESH)
    assert "fresh" in azure.groups()
    await remove(project, azure)
    assert azure.groups() == before
    await provision_local(project, azure)
    await remove(project, azure)
    assert "models" in azure.groups()


async def test_a_group_that_others_use_stays(project: Path, azure: World) -> None:
    await provision_local(project, azure, **FRESH)
    body = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    azure.ask("PUT", azure.provider(f"{ACCOUNTS}/theirs", "fresh"), body, version="2023-05-01")
    await remove(project, azure, everything=True)
    assert resources(azure, "fresh") == {f"{ACCOUNTS}/theirs"}


async def test_what_existed_before_stays(project: Path, azure: World) -> None:
    body = {"location": "westus3", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    azure.ask("PUT", azure.provider(f"{ACCOUNTS}/contosodata"), body, version="2023-05-01")
    profiles = [{"name": "Consumption", "workloadProfileType": "Consumption"}]
    environment = {"location": "westus3", "properties": {"workloadProfiles": profiles}}
    azure.ask("PUT", azure.provider(f"{ENVIRONMENTS}/shared-env"), environment)
    before = resources(azure)
    set_parameters(project, storageAccountName="contosodata", acaEnvironmentName="shared-env")
    await provision_local(project, azure)
    set_parameters(project, targetPort=8000)
    await provision_local(project, azure)  # a second deployment finds its own app
    await remove(project, azure, everything=True)
    assert resources(azure) == before
    volumes = azure.ask("GET", azure.provider(f"{ENVIRONMENTS}/shared-env/storages"))["value"]
    assert volumes == []


async def test_what_fine_tuning_uses_stays_unless_all_is_asked_for(project: Path, azure: World) -> None:
    names = {"storageAccountName": "finetuned", "fileShareName": "tuned", "acaEnvironmentName": "tuning-env"}
    parameters = {"parameters": {name: {"value": value} for name, value in names.items()}}
    (project / "infra/provision/finetuning.parameters.json").write_text(json.dumps(parameters))
    config = {"SUBSCRIPTION_ID": LOCAL.id, "RESOURCE_GROUP_NAME": "models"}
    (project / "infra/finetuning.config.json").write_text(json.dumps(config))
    await provision_local(project, azure)
    outcome = await remove(project, azure)
    assert {f"{ACCOUNTS}/finetuned", f"{ENVIRONMENTS}/tuning-env"} <= resources(azure)
    assert not any(one.startswith(APPS) for one in resources(azure))
    assert "fine-tuning uses it" in outcome.summary
    assert "--all" in outcome.summary
    await remove(project, azure, everything=True)
    assert resources(azure) == set()


async def test_the_account_of_a_share_that_stays_does_so_too(project: Path, azure: World) -> None:
    parameters = {"parameters": {"fileShareName": {"value": "tuned"}}}
    (project / "infra/provision/finetuning.parameters.json").write_text(json.dumps(parameters))
    await provision_local(project, azure)
    (account,) = (one for one in resources(azure) if one.startswith(ACCOUNTS))
    outcome = await remove(project, azure)
    assert account in resources(azure)
    assert f"{account.rpartition('/')[2]} (what stays needs it)" in outcome.summary


async def test_an_environment_that_another_app_runs_in_stays(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    app = read_config(project).aca_app_name
    theirs = azure.ask("GET", azure.provider(f"{APPS}/{app}"))
    body = {key: theirs[key] for key in ("location", "properties")}
    body["properties"]["template"]["volumes"] = None
    body["properties"]["template"]["containers"][0]["volumeMounts"] = None
    azure.ask("PUT", azure.provider(f"{APPS}/theirs"), body)
    outcome = await remove(project, azure, everything=True)
    left = resources(azure)
    assert f"{APPS}/theirs" in left
    assert f"{APPS}/{app}" not in left
    assert any(one.startswith(ENVIRONMENTS) for one in left)
    assert "others use it" in outcome.summary


async def test_a_share_with_adapters_goes_only_when_its_name_is_typed(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    share = read_config(project).file_share_name
    azure.share.folders |= {"models": {}, "models/contoso-lora": {}}
    azure.share.edit("models/contoso-lora/adapter_config.json", b"{}")
    with pytest.raises(InputRequired, match="models/contoso-lora") as caught:
        await remove(project, azure)
    assert [one.flag for one in caught.value.inputs] == [f"--share {share}"]
    with pytest.raises(InputRequired) as caught:
        await remove(project, azure, assume_yes=False)
    assert [one.flag for one in caught.value.inputs] == [
        f"--share {share}",
        "--yes",
    ]  # one try more is enough
    with pytest.raises(AppError, match="another is not the name of the share"):
        await remove(project, azure, Scripted({"share": "another"}))
    with pytest.raises(AppError, match="another is not the name of the share"):
        await remove(project, azure, share_name="another")
    assert len(resources(azure)) >= 4
    await remove(project, azure, Scripted({"share": str(share)}))
    assert resources(azure) == set()


async def test_the_share_may_be_named_by_a_flag(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    azure.share.folders |= {"lora": {}}
    azure.share.edit("lora/adapter_config.json", b"{}")
    await remove(project, azure, share_name=read_config(project).file_share_name)
    assert resources(azure) == set()


async def test_it_is_asked_first(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    for ui, error in ((Scripted(), InputRequired), (Scripted({"delete": "no"}), Dismissed)):
        with pytest.raises(error):
            await remove(project, azure, ui, assume_yes=False)
    assert len(resources(azure)) >= 4
    assert not azure.count("resources.delete")
    await remove(project, azure, Scripted({"delete": "yes"}), assume_yes=False)
    assert resources(azure) == set()


@pytest.mark.parametrize("kill_at", range(0, 24, 4))
async def test_an_interrupted_deletion_is_finished_by_the_next(
    project: Path, azure: World, kill_at: int
) -> None:
    await provision_local(project, azure, **FRESH)
    azure.kill_at = len(azure.calls) + kill_at
    with suppress(Killed):
        await remove(project, azure, everything=True)
    azure.kill_at = None
    await remove(project, azure, everything=True, subscription="local", resource_group="fresh")
    assert "fresh" not in azure.groups()
    assert read_config(project).aca_app_name is None


async def test_what_another_project_made_is_left_alone(project: Path, azure: World, tmp_path: Path) -> None:
    await provision_local(project, azure)
    before = resources(azure)
    other = tmp_path / "other"
    shutil.copytree(project, other)
    with pytest.raises(Conflict, match=re.escape(str(project))):
        await remove(other, azure, everything=True)
    (other / "infra/inference.config.json").unlink()
    outcome = await remove(other, azure, subscription="local", resource_group="models", everything=True)
    assert "Nothing is left" in outcome.summary
    assert resources(azure) == before
    assert read_config(project).aca_app_name


async def test_without_a_record_nothing_is_deleted(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    before = resources(azure)
    name = f"aitk-inference-{read_config(project).aca_app_name}"
    azure.ask("DELETE", azure.provider(f"Microsoft.Resources/deployments/{name}"), version="2024-03-01")
    with pytest.raises(Conflict, match="No record"):
        await remove(project, azure)
    assert resources(azure) == before
    assert read_config(project).aca_app_name


async def test_a_project_that_was_never_provisioned_is_told(project: Path, azure: World) -> None:
    with pytest.raises(NotFound, match="not provisioned") as caught:
        await remove(project, azure)
    assert "--resource-group" in caught.value.suggestion


async def test_a_persons_own_keys_stay_in_the_configuration(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    path = project / "infra/inference.config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "mine": 1}))
    await remove(project, azure)
    assert json.loads(path.read_text())["mine"] == 1
    assert read_config(project).subscription_id is None


async def test_it_can_be_provisioned_again(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    await remove(project, azure)
    assert (await provision_local(project, azure)).endpoint
    await remove(project, azure)
    assert resources(azure) == set()
