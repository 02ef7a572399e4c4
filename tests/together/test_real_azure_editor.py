"""A claims challenge in an editor whose sign-in can't carry one: Azure CLI is offered, nobody signs in a second time.

The language server as a process, asked as the extension asks it in VS Code below 1.105 (``extension/src/auth.ts``). It runs
unchanged on the first release, and fails.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from product.lsp.raw import RawClient, raw_client
from support.azure_accounts import CLAIMS, HOME, SUBSCRIPTION, Accounts, Tenant, azure_accounts
from support.real_projects import make_small, name_resources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVE = [sys.executable, "-m", "aitk_inference", "serve"]
GROUP = "editor"
PATIENCE = 240.0


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    """The account's own directory has the subscription, and wants a second factor for each write."""
    with azure_accounts(tmp_path_factory.mktemp("azure")) as accounts:
        accounts.tenants[:] = [Tenant(HOME, "Personal", {SUBSCRIPTION: "Team"})]
        accounts.tokens["strong"] = HOME
        accounts.weak.add("home")
        accounts.signed_in({})
        yield accounts


@pytest.fixture
def project(azure: Accounts, tmp_path: Path) -> Path:
    made = azure.run("new", str(tmp_path / "project"))
    assert made.returncode == 0, made.stderr
    name_resources(make_small(tmp_path / "project"), GROUP)
    return tmp_path / "project"


class OldEditor:
    """Answers what the server asks: a token, but none for claims; yes to each question."""

    def __init__(self, azure: Accounts, client: RawClient) -> None:
        self._azure, self._client = azure, client
        self.tokens: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []

    async def ended(self, msg_id: int) -> dict[str, Any]:
        """Answer until a command has ended; return how."""
        return await self._client.ended(msg_id, self._answer)

    def _answer(self, method: str, params: dict[str, Any]) -> object:
        if method.endswith("/accessToken"):
            self.tokens.append(params)
            return {} if params.get("claims") else {"token": "home", "expiresOn": 4070908800}
        if method.endswith("/ask"):
            self.questions += params["questions"]
            self._azure.signed_in({"default": "strong", HOME: "strong"})  # the person runs the command
            return {"answers": {question["name"]: "yes" for question in params["questions"]}}
        return None


async def test_real_azure_A2_an_editor_that_cant_ask_for_claims_is_offered_azure_cli(
    azure: Accounts, project: Path
) -> None:
    wanted = {"subscription": SUBSCRIPTION, "resourceGroup": GROUP, "location": "westus3", "assumeYes": True}
    async with raw_client(SERVE, **azure.environment) as client:
        client.patience = PATIENCE
        await client.initialize(project, ask=True, accessToken=True)
        client.execute(1, "provision", {"projectUri": project.as_uri(), **wanted})
        editor = OldEditor(azure, client)
        end = await editor.ended(1)
    said = [f"{question['prompt']} {question['detail']}" for question in editor.questions]
    assert any("Use Azure CLI?" in words for words in said), end
    assert any(f'az login --tenant {HOME} --claims-challenge "{CLAIMS}"' in words for words in said)
    assert len(said) == 1
    assert "error" not in end
    assert {token for method, _, token in azure.asked if method != "GET"} == {"home", "strong"}
    assert not azure.elsewhere
