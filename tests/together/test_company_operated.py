"""An app in a company's directory, where the account is a guest: its page in the portal, and its public endpoint.

The language server and the command line as processes, before the Azure of ``support.azure_accounts``.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from product.lsp.raw import RawClient, raw_client
from support.azure_accounts import SUBSCRIPTION, WORK, Accounts, azure_accounts
from support.real_projects import make_small, name_resources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVE = [sys.executable, "-m", "aitk_inference", "serve"]
ABLE = {"window": {"showDocument": {"support": True}}}
GROUP = "guest"
PAGE = f"https://portal.azure.com/#@{WORK}/resource/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
APP_PAGE = f"{PAGE}/providers/Microsoft.App/containerapps/guestapp"
PATIENCE = 240.0


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with azure_accounts(tmp_path_factory.mktemp("azure")) as accounts:
        yield accounts


@pytest.fixture(scope="module")
def project(azure: Accounts) -> Path:
    root = azure.folder / "project"
    made = azure.run("new", str(root))
    assert made.returncode == 0, made.stderr
    name_resources(make_small(root), GROUP)
    return root


class Guest:
    """An editor's end of the wire: answers questions and messages, keeps the pages that it was asked to open."""

    def __init__(self, client: RawClient, project: Path) -> None:
        self._client, self._project = client, project
        self._count = 0
        self.answers: dict[str, str] = {}
        self.opened: list[tuple[str, bool]] = []
        self.shown: list[str] = []

    async def run(self, command: str, **argument: Any) -> dict[str, Any]:
        """Run a command by its name; return its result."""
        self._count += 1
        argument["projectUri"] = self._project.as_uri()
        self._client.execute(self._count, command.removeprefix("aitk-inference."), argument)
        end = await self._client.ended(self._count, self._answer)
        assert "error" not in end, end
        result: dict[str, Any] = end["result"]
        return result

    def _answer(self, method: str, params: dict[str, Any]) -> object:
        if method == "window/showDocument":
            self.opened.append((params["uri"], params["external"]))
            return {"success": True}
        if method.endswith("/ask"):
            return {"answers": {one["name"]: self.answers[one["name"]] for one in params["questions"]}}
        if method == "window/showMessageRequest":
            self.shown.append(params["message"])
            return params["actions"][0]
        return None


async def test_a_public_endpoint_is_said_and_protected_by_the_button_that_is_offered(
    azure: Accounts, project: Path
) -> None:
    async with raw_client(SERVE, **azure.environment) as client:
        client.patience = PATIENCE
        await client.initialize(project, ABLE, ask=True, notifications=True)
        guest = Guest(client, project)
        where = {"subscription": SUBSCRIPTION, "resourceGroup": GROUP, "location": "westus3"}
        done = await guest.run("provision", **where, assumeYes=True)
        assert "Its endpoint is public" in done["summary"]
        assert done["data"]["public"] is True
        buttons = {button["title"]: button for button in done["actions"]}
        assert (await guest.run("status"))["data"]["public"] is True
        button = buttons["Protect endpoint"]
        assert button["kind"] == "run"
        guest.answers["way"] = "key"
        protected = await guest.run(button["target"])
        assert protected["data"]["protection"] == "apiKey"
        assert guest.shown[-1].startswith("The key, shown this once: ")
        standing = await guest.run("status")
        assert standing["data"]["public"] is False
        assert "API key" in "".join(standing["data"]["protection"])
        again = await guest.run("provision", again=True, **where, assumeYes=True)
        assert "public" not in again["summary"]
        assert "Protect endpoint" not in {one["title"] for one in again["actions"]}


async def test_the_portal_opens_where_a_guest_sees_the_app(azure: Accounts, project: Path) -> None:
    async with raw_client(SERVE, **azure.environment) as client:
        client.patience = PATIENCE
        await client.initialize(project, ABLE, ask=True, notifications=True)
        guest = Guest(client, project)
        await guest.run("portal")
        assert guest.opened == [(APP_PAGE, True)]
    ended = azure.run("portal", "--project", str(project), "--json", BROWSER="false")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout.splitlines()[-1])
    assert [one["target"] for one in result["actions"]] == [APP_PAGE]


def test_a_terminal_says_the_address_where_no_browser_opens_and_opens_it_where_one_does(
    azure: Accounts, project: Path, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {asked}\n')
    browser.chmod(0o755)
    unopened = azure.run("portal", "--project", str(project), BROWSER="false")
    assert APP_PAGE in unopened.stdout + unopened.stderr
    opened = azure.run("portal", "--project", str(project), BROWSER=str(browser))
    assert opened.returncode == 0, opened.stderr
    assert asked.read_text().strip() == APP_PAGE


def test_provisions_own_page_is_seen_from_the_companys_directory(azure: Accounts, project: Path) -> None:
    where = ("--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--location", "westus3")
    ended = azure.run(
        "provision", "--again", "--no-input", "--yes", "--json", *where, "--project", str(project)
    )
    assert ended.returncode == 0, ended.stderr
    pages = [
        one["target"]
        for line in ended.stdout.splitlines()
        for one in json.loads(line).get("actions", ())
        if one["kind"] == "openPortal"
    ]
    assert f"{PAGE}/providers/Microsoft.Resources/deployments/aitk-inference-guestapp" in pages
    assert pages[-1] == APP_PAGE
