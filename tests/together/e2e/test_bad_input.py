"""What a person may do wrong in the editor, and what it says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from playwright.async_api import expect
from together.e2e.code_server import code_server, fresh_profile
from together.e2e.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
CREATE = "AI Toolkit: Create remote inference project"


async def test_no_folder_is_open(address: str, browser: BrowserContext, pictures: Path) -> None:
    window = await Workbench(browser, address, None, pictures).open()
    await window.run(PROVISION)
    toast = await window.see("No folder is open.")
    await expect(toast.get_by_role("button", name="Open Folder…")).to_be_visible()
    await window.shot("no-folder")


async def test_a_folder_that_is_no_project_offers_to_make_one(
    address: str, browser: BrowserContext, tmp_path: Path, pictures: Path
) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    window = await Workbench(browser, address, folder, pictures).open()
    await window.run(PROVISION)
    toast = await window.see("There is no infra/provision/inference.bicep")
    await window.shot("no-project")
    await window.press(toast, "Create Project…")
    await window.see("Made a starter project")
    await window.shot("created")
    assert (folder / "infra/inference.config.json").exists()
    assert (folder / "inference/gradio_chat.py").exists()


async def test_malformed_json_opens_at_the_mistake(
    address: str, browser: BrowserContext, new_project: Callable[[str], Path], pictures: Path
) -> None:
    project = new_project("broken")
    config = project / "infra/inference.config.json"
    config.write_text('{\n  "SUBSCRIPTION_ID": null,\n  "RESOURCE_GROUP_NAME" null\n}\n')
    window = await Workbench(browser, address, project, pictures).open()
    await window.run(PROVISION)
    toast = await window.see("inference.config.json can't be read")
    await window.press(toast, "Open inference.config.json")
    position = window.page.locator(".part.statusbar").get_by_text("Ln 3, Col 25")
    await expect(position).to_be_visible(timeout=20_000)
    await window.shot("opened-at-the-mistake")


async def test_no_python_says_what_to_install(
    vsix: Path,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    tmp_path: Path,
    pictures: Path,
) -> None:
    project, empty = new_project("no-python"), tmp_path / "empty"
    empty.mkdir()
    environment = {"PATH": str(empty), "SHELL": str(empty / "none")}  # else the editor asks a login shell
    profile = fresh_profile(tmp_path / "profile", vsix, {}, **environment)
    with code_server(profile, tmp_path / "log") as address:
        window = await Workbench(browser, address, project, pictures).open()
        await window.run(PROVISION)
        toast = await window.see("Python 3.11 or newer is needed, and none was found.", timeout=60_000)
        await expect(toast.get_by_role("button", name="Choose Python…")).to_be_visible()
        await window.shot("no-python")


async def test_an_untrusted_folder_runs_nothing(
    vsix: Path,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    tmp_path: Path,
    pictures: Path,
) -> None:
    project, ran = new_project("stranger"), tmp_path / "ran"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
    python.chmod(0o755)
    (project / ".vscode").mkdir()
    (project / ".vscode/settings.json").write_text(json.dumps({"aitk.inference.interpreter": str(python)}))
    profile = fresh_profile(tmp_path / "profile", vsix, {})
    with code_server(profile, tmp_path / "log", trusting=False) as address:
        window = await Workbench(browser, address, project, pictures).open()
        await window.run(PROVISION)
        toast = await window.see("This folder is not trusted")
        await window.shot("not-trusted")
        assert not ran.exists()
        await window.press(toast, "Manage Workspace Trust")
        await window.page.get_by_role("button", name="Trust", exact=True).click()
        await expect(window.page.get_by_text("You trust this folder")).to_be_visible()
        await window.page.get_by_role("button", name=re.compile("^Close")).last.click()
        await window.run(PROVISION)
        await window.see(f"The setting aitk.inference.interpreter is not a Python 3.11 or newer: {python}")
        await window.shot("trusted-with-a-wrong-setting")
    assert ran.exists()
