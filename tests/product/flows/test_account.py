"""Who is signed in, and the choice of another account and directory for a project."""

import json
from pathlib import Path

import pytest
from aitk_inference.core.accounts import Directory
from aitk_inference.core.config import CONFIG_PATH, InferenceConfig, write_config
from aitk_inference.core.errors import InputRequired
from aitk_inference.core.user_interface import Choice
from aitk_inference.flows.api import AccountRequest
from aitk_inference.flows.operate.account import choose_account, show_account
from aitk_inference.flows.provision.choose_target import configured_subscription
from support.azure_world import AZURE, DIRECTORIES, World, WorldClouds
from support.scripted import Scripted

FABRIKAM = Directory("other", "Fabrikam", "fabrikam.example")


@pytest.fixture
def clouds(azure: World) -> WorldClouds:
    return WorldClouds(azure, tenants=(*DIRECTORIES, FABRIKAM))


async def test_the_account_is_shown_with_its_directories(tmp_path: Path, clouds: WorldClouds) -> None:
    outcome = await show_account(AccountRequest(tmp_path), ui=Scripted(), clouds=clouds)
    assert outcome.headline == "Signed in to Azure as maria@contoso.example, by Azure CLI."
    assert "Directory  Contoso (contoso.example) tenant" in outcome.summary
    assert "Also in    Fabrikam (fabrikam.example) other" in outcome.summary
    assert outcome.data["tenantId"] == "tenant"


async def test_the_choice_is_kept_with_the_project_and_used_by_later_commands(
    tmp_path: Path, clouds: WorldClouds
) -> None:
    write_config(tmp_path, InferenceConfig(AZURE.id, "models", extra={"note": "mine"}))
    ui = Scripted({"signIn": "azure-cli", "directory": "other"})
    await choose_account(AccountRequest(tmp_path), ui=ui, clouds=clouds)
    config = json.loads((tmp_path / CONFIG_PATH).read_text())
    assert (config["TENANT_ID"], config["SIGN_IN"], config["note"]) == ("other", "azure-cli", "mine")
    sign_in, directory = ui.asked
    assert isinstance(sign_in, Choice)
    assert "maria@contoso.example" in sign_in.prompt
    assert isinstance(directory, Choice)
    assert [option.value for option in directory.options] == ["tenant", "other"]
    clouds.preferred.clear()
    kept = InferenceConfig(AZURE.id, extra=config)
    found = await configured_subscription(kept, ui=Scripted(), clouds=clouds)
    assert (found.id, found.sign_in_tenant, clouds.preferred) == (AZURE.id, "other", ["azure-cli"])


async def test_where_nobody_can_be_asked_the_question_is_named(tmp_path: Path, clouds: WorldClouds) -> None:
    with pytest.raises(InputRequired):
        await choose_account(AccountRequest(tmp_path), ui=Scripted(), clouds=clouds)
