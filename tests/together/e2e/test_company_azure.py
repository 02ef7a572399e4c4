"""The editor before an Azure as companies have it: two directories, providers that stay Registering, policies.

The tokens are Azure CLI's (``support.azure_accounts``): code-server can't carry a sign-in provider of a test's own; what the
extension asks of VS Code's is tested at its seam, ``extension/test/auth.test.ts``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import expect
from support.azure_accounts import HOME, LOCKED, OTHER, WORK, Accounts, Tenant, azure_accounts
from support.real_projects import make_small, name_resources, set_parameters
from together.e2e.conftest import an_editor
from together.e2e.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.async_api import BrowserContext

PROVISION = "AI Toolkit: Provision Azure Container Apps for inference"
LATE = "ERROR: AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication."


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    """A guest of Contoso; a third directory answers nobody without a second factor."""
    with azure_accounts(tmp_path_factory.mktemp("azure")) as accounts:
        accounts.tenants.append(Tenant(LOCKED, "Fabrikam", {OTHER: "Locked"}))
        accounts.signed_in({"default": "home", HOME: "home", WORK: "work", LOCKED: LATE})
        yield accounts


@pytest.fixture(scope="module")
def editor(vsix: Path, tmp_path_factory: pytest.TempPathFactory, azure: Accounts) -> Iterator[str]:
    """An editor whose server meets that Azure."""
    from together.e2e.code_server import fresh_profile

    home = tmp_path_factory.mktemp("editor")
    settings = {"aitk.inference.interpreter": sys.executable}
    prices = {"AITK_PRICES_URL": azure.line["armHttp"]}
    as_it_is = {"VSCODE_CLI": "1"}  # a login shell would set another PATH, without that az
    variables = {**azure.environment, **prices, **as_it_is}
    with an_editor(fresh_profile(home / "profile", vsix, settings, **variables), "company") as running:
        yield running


@pytest.fixture
def project(new_project: Callable[[str], Path], request: pytest.FixtureRequest) -> Path:
    """An API-only server: ``/`` answers 404, its probe path ``/health`` 200."""
    name = str(request.node.name).rpartition("_")[2]
    root = make_small(new_project(name), status=404)
    name_resources(root, name)
    set_parameters(root, probePath="/health", readyPath="")
    return root


def conditions(azure: Accounts, **given: object) -> None:
    headers = {"Authorization": f"Bearer {azure.line['token']}"}
    answer = httpx.put(f"{azure.line['armHttp']}/aca-local/conditions", headers=headers, json=given)
    assert answer.is_success, answer.text


async def provision(window: Workbench, group: str) -> None:
    await window.run(PROVISION)
    await window.question("Choose a subscription")
    await window.shot("subscriptions")
    await window.pick("Team")
    await window.question("Choose a resource group")
    await window.pick("Create new resource group")
    await window.type(group)
    await window.question("Choose the location")
    await window.pick("East US")
    dialog = window.page.locator(".monaco-dialog-box")
    await expect(dialog).to_contain_text(f"in {group} of Team", timeout=120_000)
    await window.shot("plan")
    await dialog.get_by_role("button", name="Provision").click()


async def test_two_directories_a_provider_that_registers_and_an_api_without_a_start_page(
    editor: str, browser: BrowserContext, azure: Accounts, project: Path, pictures: Path
) -> None:
    conditions(azure, registering=["Microsoft.App"])
    window = await Workbench(browser, editor, project, pictures).open()
    await provision(window, "registering")
    await window.see("Fabrikam (fabrikam.example)")
    await window.shot("provisioning")
    toast = await window.see("Provisioned ")
    await window.shot("provisioned")
    config = json.loads((project / "infra/inference.config.json").read_text())
    assert config["TENANT_ID"] == WORK
    await window.press(toast, "Deploy")
    await window.see("Deployed to ")
    await window.shot("deployed")


async def test_a_policy_that_forbids_keys(
    editor: str, browser: BrowserContext, azure: Accounts, project: Path, pictures: Path
) -> None:
    conditions(azure, modify={"Microsoft.Storage/storageAccounts": {"allowSharedKeyAccess": False}})
    window = await Workbench(browser, editor, project, pictures).open()
    await provision(window, "keys")
    warning = await window.see("forbids keys")
    toast = await window.see("Provisioned ")
    await window.shot("provisioned")
    await window.close(warning)
    await asyncio.sleep(
        1
    )  # VS Code keeps the fourth message within 800 ms to its bell, and no person is so quick
    await window.press(toast, "Deploy")
    await window.see("Allow keys there")
    await window.shot("refused")
