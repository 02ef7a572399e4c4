"""The template edited in the real VS Code: a mistake keeps it back, the mended one is deployed."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import httpx
from aitk_inference import local_target
from aitk_inference.core.settings import Settings
from playwright.async_api import expect
from support.shared import shared
from together.e2e.conftest import stop_local
from together.e2e.light import make_light
from together.e2e.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext, Locator

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
MISTAKE, MENDED = "output season string = nowhere", "output season string = location"
WORDS = 'The name "nowhere" does not exist in the current context.'
GROUP = "rg-edited"


async def test_a_broken_template_is_shown_and_the_mended_one_is_deployed(
    address: str, browser: BrowserContext, new_project: Callable[[str], Path], pictures: Path
) -> None:
    project = make_light(new_project("edited"))
    data = project.with_name("edited-local")
    settings = {"bicepPath": str(shared("tools/bicep")), "localDataFolder": str(data)}
    (project / ".vscode").mkdir()
    named = {f"aitk.inference.{name}": value for name, value in settings.items()}
    (project / ".vscode/settings.json").write_text(json.dumps(named))
    line = (project / "infra/provision/inference.bicep").read_text("utf-8").count("\n") + 1
    try:
        window = await Workbench(browser, address, project, pictures).open()
        await broken_in_the_editor(window)
        problem = await refused(window, line)
        assert await asked(data, "resourceGroups") == {"value": []}, "nothing was made"
        await mended_in_the_editor(window, problem)
        await provisioned(window)
        (made,) = (await asked(data, f"resourceGroups/{GROUP}/providers/Microsoft.Resources/deployments"))[
            "value"
        ]
        assert made["properties"]["provisioningState"] == "Succeeded"
        assert made["properties"]["outputs"]["season"]["type"].lower() == "string"
    finally:
        stop_local(data)


async def broken_in_the_editor(window: Workbench) -> None:
    keyboard = window.page.keyboard
    await window.open_file("inference.bicep")
    await keyboard.press("Control+End")
    await keyboard.insert_text(MISTAKE)
    await keyboard.press("Control+S")


async def refused(window: Workbench, line: int) -> Locator:
    await window.run(PROVISION)
    await window.question("Choose a subscription")
    await window.pick("Local (this computer)")
    toast = await window.see(f"inference.bicep has errors. Line {line}: {WORDS}")
    await window.run("Problems: Focus on Problems View")
    problem = window.page.locator(".markers-panel .monaco-list-row").filter(has_text=WORDS)
    await expect(problem).to_contain_text(f"Ln {line}, Col 24", timeout=20_000)
    await window.shot("refused")
    await window.press(toast, "Open inference.bicep")
    return problem


async def mended_in_the_editor(window: Workbench, problem: Locator) -> None:
    keyboard = window.page.keyboard
    await expect(window.page.locator(".part.statusbar")).to_contain_text("Col 24", timeout=20_000)
    await keyboard.press("End")
    await keyboard.press("Shift+Home")
    await keyboard.insert_text(MENDED)
    await keyboard.press("Control+S")
    await expect(problem).to_have_count(0, timeout=30_000)
    await window.shot("mended")


async def provisioned(window: Workbench) -> None:
    await window.run(PROVISION)
    await window.question("Choose a subscription")
    await window.pick("Local (this computer)")
    await window.question("Choose a resource group")
    await window.pick("Create new resource group…")
    await window.type(GROUP)
    await window.see("Provisioned ")
    await window.shot("provisioned")


async def asked(data: Path, path: str) -> dict[str, list[dict[str, dict[str, dict[str, dict[str, str]]]]]]:
    """What the local Azure of a data folder answers about its subscription."""
    running = await local_target.find(Settings(local_data=data))
    assert running is not None, "the local Azure runs"
    headers = {"Authorization": f"Bearer {running.token}"}
    url = f"{running.arm}/subscriptions/{running.subscription_id}/{path}"
    trusted = ssl.create_default_context(cafile=running.ca_file)
    async with httpx.AsyncClient(verify=trusted, headers=headers, timeout=30) as client:
        answer = await client.get(url, params={"api-version": "2021-04-01"})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]  # the test reads what it knows of it
