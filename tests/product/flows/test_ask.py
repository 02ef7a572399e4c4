"""Ask: an answer that streams, its times, the app's key, and words for apps without OpenAI's API."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aitk_inference.cli import run
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError, NotAuthenticated, NotFound, Unreachable
from aitk_inference.flows.api import AskRequest
from aitk_inference.flows.operate.ask import Answered, ask
from aitk_inference.flows.user_dirs import log_file
from support.azure_world import World, WorldClouds
from support.scripted import Scripted
from support.scripted_replicas import EverReady
from support.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API = "2025-01-01"
QUESTION = "Why is the sea salty?"
TIMEOUT = 30.0
SHOWN = re.compile(r"The key, shown this once: ([\w-]{43})$", re.MULTILINE)


class Model:
    """A web API as the test likes it.

    Attributes:
        key: What it wants to know; None: nothing.
        lines: The events of its answer.
        models: What it answers to the list of models; its status, where that is another than 200.
        chats: False where it has no path for a chat.
    """

    def __init__(self) -> None:
        self.key: str | None = None
        self.lines = [_delta("Because "), _delta("of rivers."), _usage(42), "data: [DONE]"]
        self.models: tuple[int, str] = (200, json.dumps({"data": [{"id": "adapter"}, {"id": "base"}]}))
        self.chats = True
        self.asked: list[dict[str, Any]] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "Invalid key.", "code": 401}}, status=401)
        if request.path == "/v1/models":
            status, text = self.models
            return web.Response(status=status, text=text)
        if not self.chats:
            return web.Response(status=404)
        self.asked.append(await request.json())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for line in self.lines:
            await response.write(f"{line}\n\n".encode())
        return response


def _delta(text: str) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}"


def _usage(tokens: int) -> str:
    return f"data: {json.dumps({'choices': [], 'usage': {'completion_tokens': tokens}})}"


@pytest.fixture
def model(project: Path, azure: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """A provisioned app that runs, with a web API at its endpoint."""
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    azure.replicas = EverReady()
    api, arm = Model(), azure.arm()
    server = serving(api.answer)
    url = asyncio.run_coroutine_threadsafe(server.__aenter__(), arm.loop).result(TIMEOUT)
    arm.ingress.address = url.partition("//")[2]
    given = ("--subscription", "local", "--resource-group", "models", "--no-input")
    assert _run(project, azure, "provision", *given) == 0
    azure.ask("POST", f"{_app(project, azure)}/start", version=API)
    yield api
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), arm.loop).result(TIMEOUT)


def _app(project: Path, azure: World) -> str:
    return azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")


async def answered(project: Path, azure: World, text: str | None = QUESTION, **given: Any) -> tuple[str, Any]:
    parts: list[str] = []
    request = AskRequest(project, text)._replace(**given)
    ui = Scripted(answers={"text": QUESTION})
    outcome = await ask(request, ui=ui, clouds=WorldClouds(azure, running=True), show=parts.append)
    return "".join(parts), outcome


async def test_an_answer_streams_and_its_times_are_said(project: Path, azure: World, model: Model) -> None:
    text, outcome = await answered(project, azure)
    assert text == "Because of rivers.\n"
    assert model.asked[0]["model"] == "adapter"
    assert model.asked[0]["messages"] == [{"role": "user", "content": QUESTION}]
    assert outcome.summary.startswith("adapter: First word after ")
    assert "42 tokens in " in outcome.summary
    assert outcome.data["tokens"] == 42
    assert {"secondsToFirstWord", "tokensPerSecond", "seconds", "model"} <= outcome.data.keys()


async def test_another_model_and_a_question_that_is_asked_for(
    project: Path, azure: World, model: Model
) -> None:
    await answered(project, azure, None, model="base")
    assert (model.asked[0]["model"], model.asked[0]["messages"][0]["content"]) == ("base", QUESTION)
    with pytest.raises(NotFound, match="no model other") as caught:
        await answered(project, azure, model="other")
    assert caught.value.suggestion == "It has: adapter, base."
    with pytest.raises(AppError, match="no question"):
        await answered(project, azure, "  ")


@pytest.mark.parametrize("status", [404, 405])
async def test_an_app_without_a_list_of_models_is_asked_all_the_same(
    project: Path, azure: World, model: Model, status: int
) -> None:
    model.models, model.lines = (status, ""), [_delta("Because of rivers.")]  # as of a generated project
    shown, outcome = await answered(project, azure)
    assert shown.strip() == "Because of rivers."
    app = read_config(project).aca_app_name
    assert model.asked[0]["model"] == app
    assert outcome.summary.startswith(f"{app}: First word after ")


def test_tokens_a_second_are_those_after_the_first() -> None:
    assert Answered(1.0, 3.0, 41, counted=True).per_second == 20.0
    assert Answered(1.0, 1.0, 1, counted=False).per_second == 0.0
    assert "20.0 tokens a second" in Answered(1.0, 3.0, 41, counted=True).words
    assert Answered(1.0, 3.0, 5, counted=False).words.startswith("First word after 1.0 s, 2.0 parts a second")


@pytest.mark.parametrize(
    ("models", "kind", "words", "suggestion"),
    [
        (
            (404, "not found"),
            NotFound,
            "has no OpenAI API (HTTP 404)",
            "ask works with apps that have OpenAI's API",
        ),
        ((302, ""), NotFound, "has no OpenAI API (HTTP 302)", "OpenAI's API"),
        ((200, "<html>"), NotFound, "is not OpenAI's API: it sends no JSON", "OpenAI's API"),
        ((200, "{}"), NotFound, "names no models at /v1/models", "OpenAI's API"),
        ((200, '{"data": [3, {"id": null}]}'), NotFound, "names no models", "OpenAI's API"),
        ((503, '{"error": {"message": "The model loads."}}'), Unreachable, "yet: The model loads.", "status"),
        ((401, ""), NotAuthenticated, "wants a key that is not known here", "protect --api-key"),
        ((500, "boom"), AppError, "HTTP 500", "status"),
    ],
)
async def test_what_does_not_answer_so_is_said_clearly(
    project: Path,
    azure: World,
    model: Model,
    *,
    models: tuple[int, str],
    kind: type[AppError],
    words: str,
    suggestion: str,
) -> None:
    model.models, model.chats = models, False
    with pytest.raises(kind) as caught:
        await answered(project, azure)
    assert words in caught.value.message
    assert suggestion in caught.value.suggestion


async def test_an_answer_that_breaks_off_or_is_empty_is_said(
    project: Path, azure: World, model: Model
) -> None:
    model.lines = [_delta("Because"), 'data: {"error": {"message": "out of memory"}}']
    with pytest.raises(Unreachable, match="broke off its answer: out of memory"):
        await answered(project, azure)
    model.lines = ["data: [DONE]"]
    with pytest.raises(AppError, match="answered with nothing"):
        await answered(project, azure)


async def test_a_stopped_app_is_not_asked(project: Path, azure: World, model: Model) -> None:
    await asyncio.to_thread(lambda: azure.ask("POST", f"{_app(project, azure)}/stop", version=API))
    with pytest.raises(AppError, match="is stopped") as caught:
        await answered(project, azure)
    assert "start" in caught.value.suggestion


def _run(project: Path, azure: World, *words: str) -> int:
    given = [*words, "--project", str(project), "--log-level", "debug"]
    return run(given, lambda *_: WorldClouds(azure, running=True))


def test_the_apps_key_is_used_and_appears_nowhere(
    model: Model, project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert _run(project, azure, "protect", "--api-key") == 0
    found = SHOWN.search(capsys.readouterr().out)
    assert found
    model.key = found[1]
    assert _run(project, azure, "ask", QUESTION) == 0
    out = capsys.readouterr()
    assert out.out == "Because of rivers.\n"
    assert _run(project, azure, "ask", QUESTION, "--json") == 0
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["text"] for row in rows if row["type"] == "answer"] == ["Because ", "of rivers.", "\n"]
    model.key = "another one"
    assert _run(project, azure, "ask", QUESTION) == 1
    refused = capsys.readouterr()
    assert "does not take the key that is its secret" in refused.err
    everything = "".join((out.out, out.err, printed.out, printed.err, refused.out, refused.err))
    assert found[1] not in everything
    logged = log_file().read_text()
    assert logged
    assert found[1] not in logged
    files = [path for path in project.rglob("*") if path.is_file()]
    assert not [path for path in files if found[1].encode() in path.read_bytes()]
