"""Whole projects on a whole aca-local: the starter with a key, and one that Microsoft's AI Toolkit generated."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import openai
import psutil
import pytest
from support import starter
from support.desk import Desk
from support.generated_project import generated_project
from support.projects import set_parameters
from support.shared import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = ("--subscription", "local", "--resource-group", "whole", "--yes", "--no-input")
QUESTION = "Why is the sea salty? canary-1c7d"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "desk")
    desk.home.mkdir()
    yield desk
    desk.local("stop")


def ask(endpoint: str, key: str) -> str:
    """Ask with the official client, which asks again while a new revision starts."""
    with openai.OpenAI(base_url=f"{endpoint}/v1", api_key=key, max_retries=20) as client:
        messages = [{"role": "user", "content": QUESTION}]
        answer = client.chat.completions.create(model="lighthouse", messages=messages)  # type: ignore[arg-type]  # a dict
        return answer.choices[0].message.content or ""


def texts_below(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes().decode("latin-1")


def test_the_starter_wants_the_key_that_protect_made(desk: Desk, tmp_path: Path) -> None:
    project, place = tmp_path / "project", ("--project", str(tmp_path / "project"))
    desk.run("new", str(project))
    set_parameters(
        project, defaultCommands=["cd /mount/inference", f"exec {starter.environment()} gradio_chat.py"]
    )
    desk.run("provision", *place, *GROUP)
    endpoint = str(desk.run("deploy", *place, "--yes", "--no-input")[-1]["endpoint"])
    assert ask(endpoint, "none")
    key = str(desk.run("protect", *place, "--api-key", "--yes", "--no-input")[-1]["key"])
    deadline = time.monotonic() + 120
    while httpx.get(f"{endpoint}/v1/models", trust_env=False).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert ask(endpoint, key)
    with pytest.raises(openai.AuthenticationError):
        ask(endpoint, "wrong")
    deployed = desk.run("deploy", *place, "--yes", "--no-input")[-1]["data"]
    assert isinstance(deployed, dict)
    assert deployed["protected"] is True
    status = desk.run("status", *place)[-1]["data"]
    assert isinstance(status, dict)
    assert status["public"] is False
    assert ask(endpoint, key)
    assert not [one.pid for one in psutil.process_iter() if key in " ".join(_words(one))]
    kept = [path for path, text in texts_below(tmp_path) if key in text]
    assert not [path for path in kept if "log" in path.name or project in path.parents], kept
    assert not [path for path, text in texts_below(tmp_path) if "canary-1c7d" in text]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_project_of_microsofts_toolkit_answers_as_it_is(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AITK_BICEP_PATH", str(shared("tools/bicep")))
    project, place = generated_project(tmp_path / "project"), ("--project", str(tmp_path / "project"))
    before = {path: text for path, text in texts_below(project) if "provision" in path.parts}
    desk.run("provision", *place, *GROUP)
    names = json.loads((project / "infra/inference.config.json").read_text())
    suffix = names["ACA_APP_NAME"].removeprefix("aiacaapp")
    assert (len(suffix), names["FILE_SHARE_NAME"]) == (5, f"aifileshare{suffix}")
    endpoint = str(desk.run("deploy", *place, "--yes", "--no-input")[-1]["endpoint"])
    body = {"messages": [{"role": "user", "content": "hello"}], "stream": True}
    answer = httpx.post(f"{endpoint}/v1/chat/completions", json=body, trust_env=False, timeout=60)
    assert "Phi-3-mini-4k-instruct + adapter + hello" in answer.text
    asked = desk.run("ask", "hello", *place)
    said = "".join(str(line["text"]) for line in asked if line["type"] == "answer")
    assert said.strip() == "Phi-3-mini-4k-instruct + adapter + hello"
    assert "gradio_config" in httpx.get(endpoint, trust_env=False, timeout=60).text
    assert before.items() <= dict(texts_below(project)).items()
