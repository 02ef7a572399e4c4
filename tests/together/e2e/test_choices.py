"""What is asked before anything is done: an account, the fine-tuning step's answers, a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from playwright.async_api import expect
from together.e2e.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
CREATE = "AI Toolkit: Create remote inference project"


async def test_an_account_is_asked_for_when_azure_is_chosen_and_not_before(
    ready_address: str, browser: BrowserContext, new_project: Callable[[str], Path], pictures: Path
) -> None:
    window = await Workbench(browser, ready_address, new_project("account"), pictures).open()
    await window.run(PROVISION)
    await window.question("Choose a subscription")
    dialog = window.page.locator(".monaco-dialog-box")
    await expect(dialog).to_have_count(0)
    await window.pick("Sign in to Azure…")
    await expect(dialog).to_contain_text("wants to sign in using Microsoft", timeout=30_000)
    await window.shot("sign-in")
    await dialog.get_by_role("button", name="Cancel").click()
    await window.see("Nobody is signed in to Azure.", timeout=60_000)
    await window.shot("not-signed-in")


async def test_the_fine_tuning_steps_answers_are_preselected(
    ready_address: str, browser: BrowserContext, new_project: Callable[[str], Path], pictures: Path
) -> None:
    project = new_project("tuned")
    answers = {"SUBSCRIPTION_ID": "local", "RESOURCE_GROUP_NAME": "rg-tuned"}
    (project / "infra/finetuning.config.json").write_text(json.dumps(answers))
    window = await Workbench(browser, ready_address, project, pictures).open()
    await window.run(PROVISION)
    await window.preselected("Choose a subscription", "Local (this computer)")
    await window.preselected("Choose a resource group", "rg-tuned")
    await window.see("Provisioned ")
    config = json.loads((project / "infra/inference.config.json").read_text())
    assert config["RESOURCE_GROUP_NAME"] == "rg-tuned"


async def test_a_project_is_made_where_no_folder_is_open(
    ready_address: str, browser: BrowserContext, tmp_path: Path, pictures: Path
) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    window = await Workbench(browser, ready_address, None, pictures).open()
    await window.run(CREATE)
    await window.choose_folder(folder, "Create project here")
    files = window.page.locator(".explorer-folders-view .monaco-list-row")
    await expect(files.filter(has_text="inference")).to_be_visible(timeout=60_000)
    await window.shot("opened")
    assert (folder / "infra/inference.config.json").exists()


async def test_of_two_folders_the_picked_one_is_meant_by_the_buttons_too(
    ready_address: str, browser: BrowserContext, tmp_path: Path, pictures: Path
) -> None:
    one, two = tmp_path / "attic", tmp_path / "cellar"
    one.mkdir()
    two.mkdir()
    workspace = tmp_path / "both.code-workspace"
    workspace.write_text(json.dumps({"folders": [{"path": "attic"}, {"path": "cellar"}]}))
    window = await Workbench(browser, ready_address, workspace, pictures).open()
    await window.run(PROVISION)
    await window.question("Choose the project")
    await window.shot("which-folder")
    await window.pick("cellar")
    await window.press(await window.see("There is no infra/provision/inference.bicep"), "Create Project…")
    toast = await window.see("Made a starter project")
    assert (two / "infra/inference.config.json").exists()
    assert not list(one.iterdir())
    await window.press(toast, "Provision")
    await window.question("Choose a subscription")
