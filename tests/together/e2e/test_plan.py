"""Before anything is made, in the real VS Code: a quota problem and its fix, the plan with price and picture; then delete."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect
from support.projects import set_parameters
from together.e2e.conftest import stop_local
from together.e2e.light import make_light
from together.e2e.workbench import SLOW, Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext

CHECK = "AI Toolkit: Check what Provision for inference needs"
PLAN = "AI Toolkit: Preview what Provision for inference would do"
PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
DELETE = "AI Toolkit: Delete inference resources"
GROUP = "rg-plan"


async def test_quota_problem_fix_plan_and_delete(
    ready_address: str, browser: BrowserContext, new_project: Callable[[str], Path], pictures: Path
) -> None:
    project = make_light(new_project("planned"))
    parameters = set_parameters(project, workloadProfileType="Consumption-GPU-NC8as-T4", minReplicas=0)
    data = project.with_name("planned-local")
    local(project, data, {"usages": {"SubscriptionConsumptionT4Gpus": [1, 1]}})
    try:
        window = await Workbench(browser, ready_address, project, pictures).open()
        await the_quota_is_used_up_and_another_card_is_one_press_away(window)
        assert "Consumption-GPU-NC24-A100" in parameters.read_text()
        set_parameters(project, workloadProfileType="Consumption")  # its price is known
        await the_plan_is_a_page_with_a_picture_and_a_price(window)
        await window.run(PROVISION)
        await choose(window)
        await window.see("Provisioned ")
        assert json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_NAME"]
        await all_of_it_is_deleted_after_one_question(window)
        assert json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_NAME"] is None
    finally:
        stop_local(data)


def local(project: Path, data: Path, conditions: dict[str, Any]) -> None:
    """Start this project's local target with what is special about it."""
    command = [sys.executable, "-m", "aca_local", "serve", "--detach", "--json", "--data-dir", str(data)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=sys.prefix)
    running = json.loads(done.stdout)
    request = urllib.request.Request(
        f"{running['arm']}/aca-local/conditions",
        method="PUT",
        data=json.dumps(conditions).encode(),
        headers={"Authorization": f"Bearer {running['token']}"},
    )
    trusted = ssl.create_default_context(cafile=running["caFile"])
    with urllib.request.urlopen(request, timeout=30, context=trusted) as answer:
        assert answer.status < 300
    settings = project / ".vscode/settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"aitk.inference.localDataFolder": str(data)}))


async def choose(window: Workbench) -> None:
    await window.question("Choose a subscription")
    await window.pick("Local (this computer)")
    await window.question("Choose a resource group")
    await window.pick("Create new resource group…")
    await window.type(GROUP)


async def the_quota_is_used_up_and_another_card_is_one_press_away(window: Workbench) -> None:
    await window.run(CHECK)
    await choose(window)
    toast = await window.see("GPUs (T4) are needed: 1, but")
    await window.shot("quota-problem")
    await window.press(toast, "Use Consumption-GPU-NC24-A100")
    await window.see("Every check passed")
    await window.shot("quota-mended")


async def the_plan_is_a_page_with_a_picture_and_a_price(window: Workbench) -> None:
    await window.run(PLAN)
    await choose(window)
    await window.see(re.compile("Provision makes \\d resources in rg-plan; nothing was changed"))
    page = window.page.frame_locator("iframe.webview").frame_locator("iframe#active-frame")
    await expect(page.locator("h1")).to_have_text("What Provision would do", timeout=SLOW)
    picture = page.locator("img")
    await expect(picture).to_be_visible(timeout=30_000)
    assert await picture.evaluate("image => image.complete && image.naturalWidth > 300")
    await window.shot("plan")
    prices = page.locator("table").last
    await expect(prices).to_contain_text("busy, with requests")
    await expect(prices).to_contain_text("USD")
    await prices.scroll_into_view_if_needed()
    await window.shot("plan-price")


async def all_of_it_is_deleted_after_one_question(window: Workbench) -> None:
    await window.run(DELETE)
    dialog = window.page.locator(".monaco-dialog-box")
    await expect(dialog).to_contain_text("Delete ", timeout=SLOW)
    await window.shot("delete")
    await dialog.get_by_role("button", name="Delete").click()
    await window.see("Deleted Container app")
    await window.shot("deleted")
