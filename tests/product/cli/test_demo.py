"""The demo: the whole journey with one question, on an aca-local in this process and a web API of this test."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from aitk_inference.cli import run
from support.azure_world import World, WorldClouds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Api(BaseHTTPRequestHandler):
    models: tuple[str, ...] = ("tuned", "tuned-base")

    def do_GET(self) -> None:
        self._answer({"data": [{"id": name} for name in self.models]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = f"{asked['model']} heard: {asked['messages'][-1]['content']}"
        self._answer({"choices": [{"message": {"role": "assistant", "content": text}}]})

    def _answer(self, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def api() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))


def test_it_asks_the_adapted_model_and_the_base(
    tmp_path: Path, azure: World, api: str, capsys: pytest.CaptureFixture[str]
) -> None:
    azure.arm().ingress.address = api.removeprefix("http://")
    clouds = WorldClouds(azure)
    target = tmp_path / "demo"
    assert run(["demo", "--project", str(target), "--question", "Why?"], lambda *_: clouds) == 0
    out = capsys.readouterr().out
    assert f"Endpoint: {api}" in out
    assert "tuned: tuned heard: Why?" in out
    assert "tuned-base: tuned-base heard: Why?" in out
    assert "aca-local" in out
    assert clouds.stopped == 0
    assert (target / "infra/provision/inference.bicep").exists()


@pytest.mark.parametrize("running", [True, False])
def test_once_stops_only_what_it_started(tmp_path: Path, azure: World, api: str, running: bool) -> None:
    azure.arm().ingress.address = api.removeprefix("http://")
    clouds = WorldClouds(azure, running=running)
    assert run(["demo", "--once", "--project", str(tmp_path / "demo"), "--json"], lambda *_: clouds) == 0
    assert clouds.stopped == (0 if running else 1)


def test_a_web_api_that_answers_nonsense_is_told(
    tmp_path: Path,
    azure: World,
    api: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_Api, "_answer", lambda self, _: self.send_error(500))
    azure.arm().ingress.address = api.removeprefix("http://")
    clouds = WorldClouds(azure)
    assert run(["demo", "--once", "--project", str(tmp_path / "demo")], lambda *_: clouds) == 1
    assert "gave no good answer" in capsys.readouterr().err
    assert clouds.stopped == 1
