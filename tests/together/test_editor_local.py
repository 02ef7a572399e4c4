"""Any editor that speaks LSP, on a real aca-local: flows by arguments alone, the button as a message."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from product.lsp.raw import RawClient, raw_client
from support.projects import with_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SERVE = [sys.executable, "-W", "error", "-m", "aitk_inference", "serve"]
PATIENCE = 180.0
CODE = """\
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"plain")
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RawClient]:
    data = tmp_path / "data"
    places = {"AITK_STATE_DIR": str(tmp_path / "state"), "AITK_LOCAL_DATA": str(data)}
    try:
        async with raw_client(SERVE, **places) as raw:
            raw.patience = PATIENCE
            yield raw
    finally:
        stop_local(data)


def stop_local(data: Path) -> None:
    stop = [sys.executable, "-m", "aca_local", "stop", "--data-dir", str(data)]
    subprocess.run(stop, capture_output=True, timeout=120, check=False)


async def run(client: RawClient, msg_id: int, verb: str, **argument: Any) -> dict[str, Any]:
    client.execute(msg_id, verb, argument, workDoneToken=f"token-{msg_id}")
    answer = await client.answer(msg_id)
    assert "result" in answer, answer
    result: dict[str, Any] = answer["result"]
    return result


async def test_a_plain_editor_makes_provisions_previews_and_deploys(
    client: RawClient, tmp_path: Path
) -> None:
    project = tmp_path / "plain project"
    await client.initialize(project)
    await run(client, 1, "new")
    with_server(project, CODE)
    provisioned = await run(client, 2, "provision", subscription="local", resourceGroup="rg-plain")
    preview = await run(client, 3, "deploy", dryRun=True)
    assert "Go to Inference Endpoint" not in client.everything()  # nothing answers there yet
    assert "inference/server.py" in preview["summary"]
    assert "inference/server.py" in preview["data"]["sent"]
    deployed = await run(client, 4, "deploy")
    config = json.loads((project / "infra/inference.config.json").read_text())
    assert provisioned["endpoint"] == deployed["endpoint"] == config["ACA_APP_ENDPOINT"]
    assert asks(deployed["endpoint"]) == b"plain"
    assert (tmp_path / "data/state.db").exists(), "a terminal's AITK_LOCAL_DATA counts here, too"
    await the_button_comes_as_a_message(client, deployed["endpoint"])
    await what_was_told(client, deployed["endpoint"])


def asks(endpoint: str) -> bytes:
    with urllib.request.urlopen(endpoint, timeout=30) as answer:
        return bytes(answer.read())


async def the_button_comes_as_a_message(client: RawClient, endpoint: str) -> None:
    """This client announced no way to open a page: its button shows the address."""
    offered = await client.until(
        lambda m: m.get("method") == "window/showMessageRequest" and "Deployed to" in m["params"]["message"]
    )
    assert endpoint in offered["params"]["message"]
    client.send(id=offered["id"], result={"title": "Go to Inference Endpoint"})
    shown = await client.until(lambda m: m.get("method") in ("window/showDocument", "window/showMessage"))
    assert shown["method"] == "window/showMessage"
    assert endpoint in shown["params"]["message"]


async def what_was_told(client: RawClient, endpoint: str) -> None:
    told = "\n".join(m["params"]["message"] for m in client.sent("window/logMessage"))
    assert f"Endpoint: {endpoint}" in told
    assert "Traceback" not in client.everything()
    percents = [
        m["params"]["value"]["percentage"]
        for m in client.sent("$/progress")
        if m["params"]["token"] == "token-4" and "percentage" in m["params"]["value"]
    ]
    assert percents == sorted(percents)
    assert percents[-1] == 100
