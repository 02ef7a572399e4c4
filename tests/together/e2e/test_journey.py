"""The same journey by clicking: from the installed VSIX to an answer of the model."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from together.e2e import chat
from together.e2e.workbench import STARTING, Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
DEPLOY = "AI Toolkit: Deploy for inference"
STATUS = "AI Toolkit: Inference status"
COMMANDS = (
    PROVISION,
    DEPLOY,
    "AI Toolkit: Preview what Deploy for inference would send",
    STATUS,
    "AI Toolkit: Create remote inference project",
    "AI Toolkit: Show inference output",
)
QUESTION = "Why is the sea salty?"


async def test_journey(
    first_address: str, browser: BrowserContext, new_project: Callable[[str], Path], pictures: Path
) -> None:
    project = new_project("lighthouse")
    window = await Workbench(browser, first_address, project, pictures).open()
    await the_palette_has_the_commands(window)
    await provision(window)
    endpoint = await deploy(window, project)
    await the_page_chats(browser, window, endpoint, first_address)


async def the_palette_has_the_commands(window: Workbench) -> None:
    for title in COMMANDS:
        await window.knows(title)
    await window.palette("AI Toolkit")
    await window.shot("palette")
    await window.for_readme("editor-palette", top=0, height=400)
    await window.page.keyboard.press("Escape")


async def provision(window: Workbench) -> None:
    await window.run(PROVISION)
    await window.see("Setting up (first time only)")
    await window.shot("first-time")
    await window.question("Choose a subscription")
    await window.shot("subscription")
    await window.for_readme("editor-subscription", top=0, height=400)
    await window.pick("Local (this computer)")
    await window.question("Choose a resource group")
    await window.shot("resource-group")
    await window.pick("Create new resource group…")
    await window.shot("new-resource-group")
    await window.type("rg-lighthouse")
    await window.see("Provision Azure Container Apps for inference: ")
    await window.shot("provisioning")
    await window.for_readme("editor-provisioning", left=640, top=650, height=150)
    await window.see("Provisioned ")
    await window.shot("provisioned")


async def deploy(window: Workbench, project: Path) -> str:
    await window.run(DEPLOY)
    await window.see(STARTING)
    await window.shot("deploying")
    toast = await window.see("Deployed to ")
    await window.for_readme("editor-deployed", left=640, top=650, height=150)
    output = await window.output()
    await window.shot("deployed")
    configured = json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_ENDPOINT"]
    told = re.findall(r"Endpoint: (\S+)", output)
    assert told, output
    assert told[-1] == configured
    toast = await window.see("Deployed to ")
    opened, page = await window.opened(toast, "Go to Inference Endpoint")
    port = configured.rsplit(":", 1)[1].strip("/")
    assert f"/proxy/{port}/" in opened or opened.startswith(configured), opened
    await page.close()
    await window.page.bring_to_front()
    assert f"Opening {configured}" in await window.output()
    await window.run(STATUS)
    await window.see(re.compile(r": answering\. Endpoint: HTTP 200"))
    await window.shot("status")
    return str(configured)


async def the_page_chats(browser: BrowserContext, window: Workbench, endpoint: str, address: str) -> None:
    port = endpoint.rsplit(":", 1)[1].strip("/")
    answers = []
    for name, url in (("direct", endpoint), ("proxy", f"{address}/proxy/{port}/")):
        window.page = await browser.new_page()
        await window.page.goto(url)
        answers.append(await chat.ask(window.page, QUESTION))
        await window.shot(f"chat-{name}")
        await window.for_readme("editor-chat", top=0, height=680)
    assert len(answers[0]) > 20
    assert answers[0] == answers[1], "the model answers the same each time"
