"""The real VS Code for tests: required with ``AITK_REQUIRE_E2E=1``, otherwise skipped, and said so."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.browser import browser as find_browser
from together.e2e.setup_editor import node_home

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from playwright.async_api import BrowserContext
    from together.e2e.code_server import Profile

PATIENCE = 600.0  # seconds
HERE = Path(__file__).parent
ROOT = Path(__file__).resolve().parents[3]
VSIX = ROOT / "build" / "aitk-remote-inference.vsix"
PICTURES = ROOT / "artifacts" / "screenshots"
BROWSER = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

if os.environ.get("AITK_REQUIRE_E2E") != "1":
    collect_ignore_glob = ["test_*.py"]
    sys.stderr.write("NOT TESTED: the extension in the real VS Code. Run: AITK_REQUIRE_E2E=1 make test\n")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser that hangs must not hang the run: end each test of this folder some time."""
    for item in items:
        if (
            isinstance(item, pytest.Function)
            and inspect.iscoroutinefunction(item.obj)
            and HERE in item.path.parents
        ):
            item.obj = _ended_some_time(item.obj)


def _ended_some_time(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def run(*arguments: object, **named: object) -> None:
        async with asyncio.timeout(PATIENCE):
            await test(*arguments, **named)

    return run


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The built extension."""
    assert VSIX.exists(), "build it first: make e2e-setup"
    return VSIX


@pytest.fixture(scope="session")
def profile(vsix: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Profile]:
    """A fresh profile, shared by the tests that need not be the first."""
    with an_own_profile(vsix, tmp_path_factory.mktemp("editor")) as made:
        yield made


@pytest.fixture(scope="session")
def address(profile: Profile) -> Iterator[str]:
    """The address of a running editor, shared by the tests that need not be the first."""
    with an_editor(profile, "code-server") as running:
        yield running


@pytest.fixture
def first_address(vsix: Path, tmp_path: Path) -> Iterator[str]:
    """The address of an editor where nobody has used the extension yet."""
    with an_own_profile(vsix, tmp_path / "editor") as made, an_editor(made, "code-server-first") as running:
        yield running


@pytest.fixture
def ready_profile(vsix: Path, tmp_path: Path) -> Iterator[Profile]:
    """A profile whose setting names a Python that has the server: nothing is installed."""
    from together.e2e.code_server import fresh_profile

    places = {"AITK_LOCAL_DATA": str(tmp_path / "local"), "AITK_STATE_DIR": str(tmp_path / "state")}
    yield fresh_profile(tmp_path / "profile", vsix, {"aitk.inference.interpreter": sys.executable}, **places)
    stop_local(tmp_path / "local")


@pytest.fixture
def ready_address(ready_profile: Profile) -> Iterator[str]:
    """The address of an editor with that profile."""
    with an_editor(ready_profile, "code-server-ready") as running:
        yield running


@contextmanager
def an_own_profile(vsix: Path, home: Path) -> Iterator[Profile]:
    """A profile whose local target keeps its data apart from the user's and ends with the profile."""
    from together.e2e.code_server import fresh_profile

    data = home / "local"
    settings = {"aitk.inference.localDataFolder": str(data)}
    yield fresh_profile(home / "profile", vsix, settings, AITK_STATE_DIR=str(home / "state"))
    stop_local(data)


@contextmanager
def an_editor(profile: Profile, log: str) -> Iterator[str]:
    """A running editor; its log is kept among the artifacts (one for each process that runs tests)."""
    from together.e2e.code_server import code_server

    PICTURES.mkdir(parents=True, exist_ok=True)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    with code_server(profile, PICTURES.parent / f"{log}{worker}.log") as running:
        yield running


@pytest.fixture
async def browser(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BrowserContext]:
    """A fresh browser; how its pages look at the end is kept as pictures, also of a test that failed."""
    from playwright.async_api import async_playwright

    # the Node that Playwright brings wants a library (libatomic) that a bare system lacks
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(node_home() / "bin" / "node"))
    async with async_playwright() as playwright:
        path = find_browser()
        assert path, "set it up first: make e2e-setup"
        chromium = await playwright.chromium.launch(executable_path=path, args=[*BROWSER])
        context = await chromium.new_context(viewport={"width": 1280, "height": 800})
        yield context
        for number, page in enumerate(context.pages):
            await page.screenshot(path=pictures / f"end-{number}.png")
        await chromium.close()


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where this test's screenshots go; they are kept as artifacts."""
    folder = PICTURES / request.node.name.removeprefix("test_")
    shutil.rmtree(folder, ignore_errors=True)
    return folder


@pytest.fixture
def new_project(tmp_path: Path) -> Callable[[str], Path]:
    """Makes projects by the command line, as a person in a terminal would."""

    def make(name: str) -> Path:
        folder = tmp_path / name
        done = aitk("new", str(folder))
        assert done.returncode == 0, done.stderr
        return folder

    return make


def aitk(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``aitk-inference`` of this checkout."""
    command = [sys.executable, "-m", "aitk_inference", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def stop_local(data: Path) -> None:
    """End the local target of a data folder."""
    command = [sys.executable, "-m", "aca_local", "stop", "--data-dir", str(data)]
    subprocess.run(command, capture_output=True, timeout=120, check=False)
