"""The server behind the editor: which Python runs it, what becomes of it when it ends."""

from __future__ import annotations

import asyncio
import json
import sys
import zipfile
from typing import TYPE_CHECKING

from playwright.async_api import expect
from together.e2e.code_server import code_server, fresh_profile, install
from together.e2e.light import kill_servers, servers
from together.e2e.workbench import SLOW, Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext
    from together.e2e.code_server import Profile

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
CRASHES = 4
PYTHON_EXTENSION = """
const { Uri } = require('vscode');
exports.activate = () => ({ environments: {
    getActiveEnvironmentPath: () => ({ path: PYTHON }),
    resolveEnvironment: async () => ({ executable: { uri: Uri.file(PYTHON) } }),
} });
"""


async def test_a_server_that_keeps_crashing_rests_until_the_next_command(
    ready_profile: Profile,
    ready_address: str,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    pictures: Path,
) -> None:
    window = await Workbench(browser, ready_address, new_project("crashing"), pictures).open()
    await asked_and_cancelled(window)
    output = await window.output_with("Using aitk-inference")
    assert "Setting up" not in output
    for _ in range(CRASHES):
        await window.told(f"process {await the_one_server(ready_profile)})")  # one that never answered rests
        assert kill_servers(ready_profile) == 1
    await window.told("stopped 4 times within 3 minutes")
    await window.shot("resting")
    assert servers(ready_profile) == []
    await expect(window.page.locator(".notification-toast")).to_have_count(0)
    await asked_and_cancelled(window)


async def asked_and_cancelled(window: Workbench) -> None:
    """Cancel while a question is open: it is withdrawn."""
    await window.run(PROVISION)
    await window.question("Choose a subscription")
    toast = await window.see("Provision Azure Container Apps for inference")
    await window.press(toast, "Cancel")
    await expect(window.page.locator(".quick-input-widget")).to_be_hidden(timeout=20_000)
    stopped = await window.see("Provisioning was cancelled", timeout=30_000)
    await window.close(stopped)


async def the_one_server(profile: Profile) -> int:
    async with asyncio.timeout(60):
        while len(found := servers(profile)) != 1:  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.2)
    return found[0].pid


async def test_the_python_extensions_choice_is_taken_and_a_cancelled_set_up_leaves_nothing(
    vsix: Path,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    tmp_path: Path,
    pictures: Path,
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {"PATH": str(empty), "SHELL": str(empty / "none")}  # no other Python can be found
    profile = fresh_profile(tmp_path / "profile", vsix, {}, **environment)
    install(profile, python_extension(tmp_path, sys.executable))
    with code_server(profile, tmp_path / "log") as address:
        window = await Workbench(browser, address, new_project("chosen"), pictures).open()
        await window.run(PROVISION)
        toast = await window.see("Setting up (first time only): a")  # the first packages
        await window.shot("setting-up")
        assert list(profile.storage.glob("*/env-*"))
        await window.press(toast, "Cancel")
        await expect(window.page.locator(".notification-toast")).to_have_count(0)
        await window.output_with(f"({sys.executable})")
    assert list(profile.storage.glob("*/*")) == []


def python_extension(folder: Path, python: str) -> Path:
    """What stands in for Microsoft's Python extension: its API, with one choice."""
    manifest = {
        "name": "python",
        "publisher": "ms-python",
        "version": "2026.1.0",
        "main": "./main.js",
        "engines": {"vscode": "^1.91.0"},
    }
    with zipfile.ZipFile(folder / "python.vsix", "w") as archive:
        archive.writestr("extension/package.json", json.dumps(manifest))
        archive.writestr("extension/main.js", PYTHON_EXTENSION.replace("PYTHON", json.dumps(python)))
    return folder / "python.vsix"


async def test_a_broken_environment_is_told_and_made_anew(
    address: str,
    profile: Profile,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    pictures: Path,
) -> None:
    window = await Workbench(browser, address, new_project("mended"), pictures).open()
    await asked_and_cancelled(window)
    for package in profile.storage.glob("*/env-*/lib/python*/site-packages/aitk_inference"):
        package.rename(package.with_suffix(".gone"))  # at once: the server that runs may write into it
    await window.reload()
    await window.run(PROVISION)
    told, mended = (
        window.toast("The inference server did not start"),
        window.toast("Setting up (first time only)"),
    )
    await expect(told.or_(mended).first).to_be_visible(timeout=SLOW)
    if (
        await told.count()
    ):  # else the window's own start had failed before the command, which then mends at once
        await expect(window.page.locator(".notification-toast")).to_have_count(
            1
        )  # ours, none of the library's
        await window.shot("did-not-start")
        await window.run(PROVISION)  # what it says of setting up is gone at once where that is quick
    await window.question("Choose a subscription")
