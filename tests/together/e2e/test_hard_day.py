"""A hard day in the real VS Code: a cancel, crashes, a reload, a second window, then the command again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from together.e2e.conftest import stop_local
from together.e2e.light import kill_servers, make_light, use_slow_local
from together.e2e.workbench import STARTING, Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext
    from together.e2e.code_server import Profile

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
DEPLOY = "AI Toolkit: Deploy for inference"
PREVIEW = "AI Toolkit: Preview what Deploy for inference would send"
GONE = "The inference server stopped while it was working"
RESOURCES = re.compile(": (creating|done)")


async def test_provision_survives_a_cancel_a_crash_and_a_second_window(
    address: str,
    profile: Profile,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    pictures: Path,
) -> None:
    project = make_light(new_project("hard-day"))
    data = project.with_name("slow")
    use_slow_local(project, data)
    try:
        window = await Workbench(browser, address, project, pictures).open()
        await window.run(PROVISION)
        await choose(window, "Create new resource group…")
        await window.type("rg-day")
        await cancelled_in_the_middle(window)
        await window.run(PROVISION)
        await choose(window, "rg-day")
        await killed_in_the_middle(window, profile)
        await choose(window, "rg-day")
        await window.see(RESOURCES)
        await window.shot("adopted")
        await a_second_window_is_told(browser, address, project, pictures)
        await window.see("Provisioned ")
        await window.shot("provisioned-at-last")
    finally:
        stop_local(data)
    config = json.loads((project / "infra/inference.config.json").read_text())
    assert config["RESOURCE_GROUP_NAME"] == "rg-day"
    assert config["ACA_APP_ENDPOINT"].startswith("http://127.0.0.1:")


async def choose(window: Workbench, group: str) -> None:
    await window.question("Choose a subscription")
    await window.pick("Local (this computer)")
    await window.question("Choose a resource group")
    await window.pick(group)


async def cancelled_in_the_middle(window: Workbench) -> None:
    toast = await window.see(RESOURCES)
    await window.press(toast, "Cancel")
    await window.see("cancelled")
    await window.shot("cancelled")


async def killed_in_the_middle(window: Workbench, profile: Profile) -> None:
    await window.see(RESOURCES)
    assert kill_servers(profile)
    toast = await window.see(GONE)
    await window.shot("crashed")
    await window.press(toast, "Run again")


async def a_second_window_is_told(
    browser: BrowserContext, address: str, project: Path, pictures: Path
) -> None:
    second = await Workbench(browser, address, project, pictures / "second-window").open()
    await second.run(PROVISION)
    await second.see("Another run works on hard-day")
    await second.shot("busy")
    await second.page.close()


async def test_deploy_survives_a_reload_and_a_crash(
    address: str,
    profile: Profile,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    pictures: Path,
) -> None:
    project = make_light(new_project("reload"))
    window = await Workbench(browser, address, project, pictures).open()
    await window.run(PROVISION)
    await choose(window, "Create new resource group…")
    await window.type("rg-reload")
    await window.see("Provisioned ")

    await window.run(DEPLOY)
    await window.see(STARTING)
    await window.reload()
    await window.shot("reloaded")

    _change(project)
    await window.run(DEPLOY)
    await window.see(STARTING)
    _change(project)
    assert kill_servers(profile)
    toast = await window.see(GONE)
    await window.press(toast, "Run again")
    await window.see("Deployed to ")
    await window.shot("deployed-at-last")

    endpoint = json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_ENDPOINT"]
    page = await browser.new_page()
    await page.goto(endpoint)
    assert await page.inner_text("body") == "light"
    await an_unsaved_change_is_saved_and_previewed(window, project)


def _change(project: Path) -> None:
    """Change the code, so that nobody is asked whether a restart is needed, however long all took."""
    with (project / "inference/server.py").open("a") as server:
        server.write("# again\n")


async def an_unsaved_change_is_saved_and_previewed(window: Workbench, project: Path) -> None:
    await window.open_file("server.py")
    await window.page.keyboard.press("Control+Home")
    await window.page.keyboard.insert_text("# not saved by hand")
    await window.run(PREVIEW)
    await window.see("Deploy would change 1 of 2 files (nothing was sent).")
    output = await window.output_with("inference/server.py")
    await window.shot("preview")
    assert re.search(r"send +inference/server\.py", output)
    assert (project / "inference/server.py").read_text().startswith("# not saved by hand")
