"""How soon the palette opens while the log of a talkative app stands in the real editor, and what that costs the server.

``AITK_REQUIRE_E2E=1 make e2e-setup``, then ``AITK_REQUIRE_E2E=1 PYTHONPATH=tests python -m benchmarks.palette``: the built
extension in code-server, an app on aca-local, its log followed in the panel. The time is the browser's: from the key to the frame that
has the palette's rows, before the 100,000 lines, while they come and after them.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.lsp.channels import LOGS
from benchmarks.log_panel import APP
from playwright.async_api import async_playwright
from support.browser import browser as find_browser
from support.projects import set_parameters, small_project
from together.e2e.code_server import code_server, fresh_profile
from together.e2e.conftest import BROWSER, VSIX, stop_local
from together.e2e.light import servers
from together.e2e.setup_editor import node_home
from together.e2e.test_operate import in_terminal
from together.e2e.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from together.e2e.code_server import Profile

TIMES, MANY = 15, 100_000
GOAL_MS, GOAL_MB = 1000.0, 20.0
SHOWN = """\
() => new Promise(resolve => {
  const rows = () => [...document.querySelectorAll('.quick-input-widget .monaco-list-row')].some(row => row.offsetParent);
  addEventListener('keydown', pressed => {
    const look = () => rows() ? resolve(performance.now() - pressed.timeStamp) : requestAnimationFrame(look);
    look();
  }, { capture: true, once: true });
  window.aitkListens = true;
})
"""
"""From the moment of the key (when the browser got it, however long the page took to look) to the rows."""


async def opens(window: Workbench) -> float:
    """Open the palette and close it; return its milliseconds."""
    measured = asyncio.ensure_future(window.page.evaluate(SHOWN))
    await window.page.wait_for_function("window.aitkListens")
    await window.page.keyboard.press("F1")
    took = float(await measured)
    await window.page.evaluate("delete window.aitkListens")
    await window.page.keyboard.press("Escape")
    await window.page.locator(".quick-input-widget").wait_for(state="hidden")
    return took


async def often(window: Workbench) -> list[float]:
    """Return the milliseconds of several times."""
    took = []
    for _ in range(TIMES):
        took.append(await opens(window))
        await asyncio.sleep(0.2)
    return took


async def while_it_writes(window: Workbench, endpoint: str) -> list[float]:
    """Let the app write its lines; the times until it has."""
    writing = asyncio.ensure_future(asyncio.to_thread(get, f"{endpoint}/{MANY}"))
    took = []
    while not writing.done():
        took.append(await opens(window))
        await asyncio.sleep(0.2)
    await writing
    await window.told("all written")
    return took


def get(address: str) -> None:
    """Ask the app for something."""
    with urllib.request.urlopen(address, timeout=300):
        pass


def lines_shown(profile: Profile) -> int:
    """Return how many of the lines the panel has: the editor keeps a channel's text in a file."""
    logs = (profile.home / "data" / "logs").rglob(f"*{LOGS}.log")
    return sum(path.read_text().count("of what an app writes") for path in logs)


def resident(profile: Profile) -> float:
    """Return the megabytes of the profile's language server."""
    (server,) = servers(profile)
    return float(server.memory_info().rss) / 1e6


async def measure(window: Workbench, profile: Profile, endpoint: str) -> dict[str, float]:
    """Return what was measured."""
    await window.run("AI Toolkit: Show inference logs")
    get(f"{endpoint}/1")
    await window.told("written ")
    await opens(window)  # the first time loads what later ones have
    before, megabytes, begin = await often(window), resident(profile), time.monotonic()
    during = await while_it_writes(window, endpoint)
    seconds = time.monotonic() - begin
    after = await often(window)
    return {
        "lines": MANY,
        "linesShown": lines_shown(profile),
        "secondsForAll": round(seconds, 1),
        "beforeMs": round(statistics.median(before)),
        "whileMs": round(statistics.median(during)),
        "whileMsMost": round(max(during)),
        "afterMs": round(statistics.median(after)),
        "afterMsMost": round(max(after)),
        "afterToBefore": round(statistics.median(after) / statistics.median(before), 2),
        "serverMB": round(megabytes, 1),
        "serverGrownMB": round(resident(profile) - megabytes, 1),
    }


@asynccontextmanager
async def opened(address: str, project: Path, pictures: Path) -> AsyncIterator[Workbench]:
    """The project in a window of the editor."""
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(node_home() / "bin" / "node")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=[*BROWSER])
        context = await chromium.new_context(viewport={"width": 1280, "height": 800})
        yield await Workbench(context, address, project, pictures).open()
        await chromium.close()


def running_app(profile: Profile, home: Path) -> tuple[Path, str]:
    """Return a project whose app runs, and its endpoint."""
    project = small_project(home / "project")
    (project / "inference/gradio_chat.py").write_text(APP)
    set_parameters(project, minReplicas=1)
    in_terminal(profile, "provision", project, "--subscription", "local", "--resource-group", "bench")
    in_terminal(profile, "deploy", project)
    config = json.loads((project / "infra/inference.config.json").read_text())
    return project, str(config["ACA_APP_ENDPOINT"]).rstrip("/")


async def main() -> int:
    """Measure; return 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        places = {"AITK_LOCAL_DATA": f"{folder}/local", "AITK_STATE_DIR": f"{folder}/state"}
        profile = fresh_profile(
            home / "profile", VSIX, {"aitk.inference.interpreter": sys.executable}, **places
        )
        try:
            project, endpoint = running_app(profile, home)
            with code_server(profile, home / "editor.log") as address:
                async with opened(address, project, home / "pictures") as window:
                    found = await measure(window, profile, endpoint)
        finally:
            stop_local(home / "local")
    print(json.dumps(found, indent=2))
    return int(found["afterMsMost"] > GOAL_MS or found["serverGrownMB"] > GOAL_MB)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
