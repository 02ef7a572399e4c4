"""The owner of a running app: its status bar with the menu, logs as they come, a question, protection."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

from playwright.async_api import expect
from support import talking_app
from support.projects import set_parameters
from together.e2e.light import make_light
from together.e2e.workbench import SLOW, Workbench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import BrowserContext, Locator
    from together.e2e.code_server import Profile


async def test_a_running_app_is_operated_from_the_window(
    ready_profile: Profile,
    ready_address: str,
    browser: BrowserContext,
    new_project: Callable[[str], Path],
    pictures: Path,
) -> None:
    project = make_light(new_project("harbour"))
    (project / "inference/server.py").write_text(talking_app.SOURCE)
    set_parameters(project, minReplicas=1)
    in_terminal(
        ready_profile, "provision", project, "--subscription", "local", "--resource-group", "rg-harbour"
    )
    in_terminal(ready_profile, "deploy", project)
    endpoint = json.loads((project / "infra/inference.config.json").read_text())["ACA_APP_ENDPOINT"]
    window = await Workbench(browser, ready_address, project, pictures).open()
    await the_status_bar_says_how_it_stands(window)
    await the_logs_come_as_they_are_written(window, endpoint)
    await a_question_is_answered(window)
    await it_is_protected(window)


def in_terminal(profile: Profile, verb: str, project: Path, *words: str) -> None:
    """Run a command where the profile's server will find what it made."""
    command = [sys.executable, "-m", "aitk_inference", verb, "--project", str(project), "--no-input", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env=profile.environment
    )
    assert done.returncode == 0, done.stdout + done.stderr


def bar(window: Workbench) -> Locator:
    """The status bar's item, which came without a command."""
    return window.page.locator(".statusbar-item").filter(has_text="Inference:")


async def the_status_bar_says_how_it_stands(window: Workbench) -> None:
    await expect(bar(window)).to_contain_text("Inference: answering (local)", timeout=SLOW)
    await window.shot("status-bar")
    await bar(window).locator("a").first.click()
    entries = window.page.locator(".quick-input-widget .monaco-list-row")
    await expect(entries.first).to_contain_text("Go to Inference Endpoint")
    await expect(window.page.locator(".quick-input-title")).to_contain_text("answering")
    await window.shot("status-menu")


async def the_logs_come_as_they_are_written(window: Workbench, endpoint: str) -> None:
    await window.pick("Show logs")
    await window.told("the app starts")
    await window.told("[system]")
    await asyncio.to_thread(
        lambda: urllib.request.urlopen(f"{endpoint.rstrip('/')}/lamp", timeout=30).close()
    )
    await window.told("somebody lights the lamp")
    text = await window.page.locator(".part.panel .view-lines").inner_text()
    assert "[32m" not in text
    await window.shot("logs")


async def a_question_is_answered(window: Workbench) -> None:
    await window.run("AI Toolkit: Ask the inference model")
    box = window.page.locator(".quick-input-widget .quick-input-box input")
    await expect(box).to_be_visible(timeout=SLOW)
    await window.shot("question")
    await box.fill("Why is the sea salty?")
    await box.press("Enter")
    await window.told("Rivers carry salt.")
    await window.told("lighthouse: First word after")
    await window.shot("answer")


async def it_is_protected(window: Workbench) -> None:
    await window.run("AI Toolkit: Protect inference endpoint")
    await window.question("Who may use the endpoint")
    await window.shot("protect")
    await window.pick("An API key")
    await window.see("wants a key now")
    key = await window.see("The key, shown this once:")
    await window.shot("protected")
    await window.press(key, "I have it")
