"""Clients that know LSP alone get what they announced and nothing else; the server of the product itself."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from product.lsp.raw import RawClient, raw_client
from support.azure_behind_proxy import CONFIG, azure_behind_proxy
from support.under_test import server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SERVE = [sys.executable, "-m", "aitk_inference", "serve"]
INFRA = server().parent / "infra/provision"
ENDPOINT = "http://127.0.0.1:9/"
FILLED = {
    "SUBSCRIPTION_ID": "local",
    "RESOURCE_GROUP_NAME": "rg",
    "STORAGE_ACCOUNT_NAME": "account",
    "FILE_SHARE_NAME": "share",
    "ACA_APP_NAME": "app",
    "ACA_APP_ENDPOINT": ENDPOINT,
}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RawClient]:
    own = {"AITK_STATE_DIR": str(tmp_path / "state"), "AITK_LOCAL_DATA": str(tmp_path / "data")}
    async with raw_client(SERVE, **own) as raw:
        yield raw


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(INFRA, tmp_path / "project/infra/provision")
    (tmp_path / "project/infra/inference.config.json").write_text(json.dumps(FILLED))
    return tmp_path / "project"


async def ended(client: RawClient, msg_id: int) -> dict[str, Any]:
    """The answer of a command; requests of the server are answered as a client does that can't."""
    while True:
        message = await client.until(
            lambda m: (m.get("id") == msg_id and "method" not in m) or ("id" in m and "method" in m)
        )
        if "method" not in message:
            return message
        client.received.remove(message)
        client.answered.append(message["method"])
        client.send(id=message["id"], error={"code": -32601, "message": "unknown"})


async def test_what_a_client_does_not_announce_it_is_not_asked(client: RawClient, tmp_path: Path) -> None:
    await client.initialize(tmp_path / "new")
    client.execute(1, "new", {"projectUri": (tmp_path / "new").as_uri()})
    assert "result" in await ended(client, 1)
    assert client.answered == []


async def test_progress_is_made_for_a_client_that_announces_it(client: RawClient, tmp_path: Path) -> None:
    await client.initialize(tmp_path / "new", {"window": {"workDoneProgress": True}})
    client.execute(1, "new", {"projectUri": (tmp_path / "new").as_uri()})
    made = await client.until(
        lambda m: m.get("method") == "window/workDoneProgress/create" or m.get("id") == 1
    )
    assert made.get("method") == "window/workDoneProgress/create"
    client.send(id=made["id"], result=None)
    assert "result" in await client.answer(1)
    kinds = [
        m["params"]["value"]["kind"]
        for m in client.sent("$/progress")
        if m["params"]["token"] == made["params"]["token"]
    ]
    assert (kinds[0], kinds[-1]) == ("begin", "end")


async def test_a_client_that_refuses_progress_gets_its_answer(client: RawClient, tmp_path: Path) -> None:
    await client.initialize(tmp_path / "new", {"window": {"workDoneProgress": True}})
    client.execute(1, "new", {"projectUri": (tmp_path / "new").as_uri()})
    assert "result" in await ended(client, 1)
    assert client.sent("$/progress") == []


async def test_no_button_leads_where_nothing_answers(client: RawClient, project: Path) -> None:
    await client.initialize(project)
    client.execute(1, "status", {})
    result = (await ended(client, 1))["result"]
    assert "does not run" in result["summary"]
    assert result["actions"] == []
    assert "window/showMessageRequest" not in client.answered


async def test_a_button_says_the_address_where_no_page_can_be_opened(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    (project / "infra/inference.config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "cloud").mkdir()
    with azure_behind_proxy(tmp_path / "cloud") as azure:
        async with raw_client(SERVE, **azure.environment) as client:
            await client.initialize(project)
            client.execute(1, "status", {"projectUri": project.as_uri()})
            asked = await client.request("window/showMessageRequest")
            titles = [action["title"] for action in asked["params"]["actions"]]
            opens = next(title for title in titles if title.startswith("Open"))
            client.send(id=asked["id"], result={"title": opens})
            shown = await client.until(
                lambda m: m.get("method") in {"window/showDocument", "window/showMessage"}
            )
    assert shown["method"] == "window/showMessage"
    assert "https://" in shown["params"]["message"]


async def test_settings_that_a_client_sends_unasked_count(client: RawClient, project: Path) -> None:
    await client.initialize(project)
    settings = {"aitk": {"inference": {"logLevel": "error"}}}
    client.send(method="workspace/didChangeConfiguration", params={"settings": settings})
    client.execute(1, "status", {})
    await ended(client, 1)
    assert not [m for m in client.sent("window/logMessage") if "does not run" in m["params"]["message"]]


async def test_the_endpoint_is_named_where_no_page_can_be_opened(client: RawClient, project: Path) -> None:
    await client.initialize(project)
    client.execute(1, "open", {})
    assert (await client.answer(1)).get("result", {}).get("endpoint") == ENDPOINT.rstrip("/")
    asked = await client.request("window/showMessageRequest")
    assert ENDPOINT.rstrip("/") in asked["params"]["message"]
    client.send(id=asked["id"], result={"title": asked["params"]["actions"][0]["title"]})
    shown = await client.request("window/showMessage")
    assert ENDPOINT.rstrip("/") in shown["params"]["message"]
    assert client.sent("window/showDocument") == []


async def test_a_folder_is_sent_by_a_command_whose_signature_nobody_sees(
    client: RawClient, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    await client.initialize(tmp_path)
    url = "https://account.file.core.windows.net/?sv=1&sig=c2VjcmV0"
    client.execute(1, "sync", {"folderUri": (tmp_path / "folder").as_uri(), "url": url})
    failure = (await ended(client, 1))["error"].get("data", {})
    assert failure.get("headline", "").startswith("That is not the URL of a file share.")
    assert "c2VjcmV0" not in client.everything()


async def test_a_pipe_holds_up_no_other_folder(client: RawClient, project: Path, tmp_path: Path) -> None:
    config = project / "infra/inference.config.json"
    config.unlink()
    os.mkfifo(config)
    client.patience = 60.0
    await client.initialize(project)
    client.send(method="textDocument/didSave", params={"textDocument": {"uri": config.as_uri()}})
    client.execute(1, "status", {})
    client.execute(2, "new", {"projectUri": (tmp_path / "other").as_uri()})
    found: dict[str, Any] = {}
    with suppress(TimeoutError):
        found = await client.answer(2)
    assert "result" in found, "the server waits for the pipe"
    assert "not a file but a pipe" in (await client.answer(1))["error"]["data"]["message"]
    problems = [m["params"] for m in client.sent("textDocument/publishDiagnostics")]
    assert "not a file but a pipe" in problems[-1]["diagnostics"][0]["message"]


PLACES = {
    "deep": ('{"parameters":\n' + "[" * 100_000, (1, 100)),
    "digits": ('{"parameters": {"minReplicas":\n{"value": ' + "9" * 5000 + "}}}", (1, 10)),
    "twice": ('{"parameters": {},\n  "parameters": {}}', (1, 2)),
    "nan": ('{"parameters": {"a\U0001f600": {"value": NaN}}}', (0, 33)),
    "surrogate": ('{"parameters": {"acaAppName": {"value": "a\\ud800"}}}', (0, 40)),
}


@pytest.mark.parametrize("kind", PLACES)
async def test_odd_json_is_a_problem_at_its_place(client: RawClient, project: Path, kind: str) -> None:
    text, (line, column) = PLACES[kind]
    path = project / "infra/provision/inference.parameters.json"
    path.write_text(text, encoding="utf-8")
    await client.initialize(project)
    client.send(method="textDocument/didSave", params={"textDocument": {"uri": path.as_uri()}})
    client.execute(
        1, "new", {"projectUri": (project / "infra").as_uri()}
    )  # answered after what was saved is seen
    await ended(client, 1)
    shown = [m["params"] for m in client.sent("textDocument/publishDiagnostics")]
    found = [item["range"]["start"] for params in shown for item in params["diagnostics"]]
    assert found == [{"line": line, "character": column}]
