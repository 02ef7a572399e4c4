"""The server behind the editor: which Python runs it, what becomes of it when it ends."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

from e2e.light import kill_servers, servers
from e2e.workbench import Workbench
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.code_server import Profile
    from playwright.async_api import BrowserContext

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
CRASHES = 4


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
        await until_one_serves(ready_profile)
        assert kill_servers(ready_profile) == 1
    await window.output_with("stopped 4 times within 3 minutes")
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


async def until_one_serves(profile: Profile) -> None:
    async with asyncio.timeout(60):
        while len(servers(profile)) != 1:  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.2)
    await asyncio.sleep(2)  # long enough to answer: one that ends earlier is not started again


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
        shutil.rmtree(package)
    await window.reload()
    await window.run(PROVISION)
    await window.see("The inference server did not start")
    await expect(window.page.locator(".notification-toast")).to_have_count(1)  # ours, none of the library's
    await window.shot("did-not-start")
    await window.run(PROVISION)
    await window.see("Setting up (first time only)")
    await window.question("Choose a subscription")
