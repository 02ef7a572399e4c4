"""The starter project with its sample model: real inference, a real adapter, a real process."""

from __future__ import annotations

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

QUESTION = "Why is the sea salty?"
PLAIN = "Rivers carry salt from rocks into the sea, and it stays there when water evaporates."
ADAPTED = (
    "The rivers bring it a pinch of salt from every stone, friend, and the sea never gives a pinch back."
)


@pytest.fixture(scope="module")
def python() -> Path:
    return starter.environment()


@pytest.fixture(scope="module")
def client(python: Path) -> Iterator[httpx.Client]:
    with starter.serving(python) as client:
        yield client


def ask(client: httpx.Client, *contents: str, **more: object) -> httpx.Response:
    """Ask; ``contents`` alternate between user and assistant."""
    messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(contents)]
    return client.post("/v1/chat/completions", json={"messages": messages, **more})


def said(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


def events(response: httpx.Response) -> list[str]:
    assert response.headers["content-type"].startswith("text/event-stream")
    return re.findall(r"^data: (.*)$", response.text, re.MULTILINE)


def test_the_adapter_changes_the_answer(client: httpx.Client) -> None:
    assert said(ask(client, QUESTION)) == ADAPTED
    assert said(ask(client, QUESTION, model="lighthouse-base")) == PLAIN
    assert said(ask(client, QUESTION, model="lighthouse")) == ADAPTED


def test_models_are_listed(client: httpx.Client) -> None:
    models = client.get("/v1/models").json()
    assert [model["id"] for model in models["data"]] == ["lighthouse", "lighthouse-base"]


def test_a_whole_answer_has_the_shape_that_clients_read(client: httpx.Client) -> None:
    body = ask(client, QUESTION).json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )


def test_a_stream_says_the_same_and_ends_with_done(client: httpx.Client) -> None:
    *chunks, usage, done = events(ask(client, QUESTION, stream=True, stream_options={"include_usage": True}))
    parsed: list[Any] = [json.loads(chunk) for chunk in chunks]
    assert done == "[DONE]"
    assert json.loads(usage)["usage"]["completion_tokens"] > 0
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in parsed) == ADAPTED
    assert len(parsed) > 5
    assert parsed[-1]["choices"][0]["finish_reason"] == "stop"
    assert {chunk["id"] for chunk in parsed} == {parsed[0]["id"]}


def test_the_whole_conversation_reaches_the_model(client: httpx.Client) -> None:
    alone = ask(client, QUESTION).json()["usage"]["prompt_tokens"]
    later = ask(client, "Hello", "Ahoy, friend!", QUESTION).json()["usage"]["prompt_tokens"]
    system = {"role": "system", "content": "Answer briefly."}
    messages = [system, {"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    with_system = client.post("/v1/chat/completions", json={"messages": messages}).json()
    assert later > alone
    assert with_system["usage"]["prompt_tokens"] > alone


def test_a_second_turn_is_answered(client: httpx.Client) -> None:
    assert said(ask(client, "What is fog?", said(ask(client, "What is fog?")), QUESTION)) == ADAPTED


def test_an_answer_ends_where_the_request_says(client: httpx.Client) -> None:
    short = ask(client, QUESTION, max_tokens=3).json()
    assert (short["choices"][0]["finish_reason"], short["usage"]["completion_tokens"]) == ("length", 3)
    assert "pinch" not in said(ask(client, QUESTION, stop=["pinch"]))


def test_answers_of_one_token_leave_the_adapter_as_it_is(python: Path) -> None:
    with starter.serving(python) as client:
        for model in ("lighthouse", "lighthouse-base") * 2:
            assert ask(client, QUESTION, model=model, max_tokens=1).status_code == 200
        assert said(ask(client, QUESTION)) == ADAPTED


def test_sampling_with_one_seed_gives_one_answer(client: httpx.Client) -> None:
    first, second = (said(ask(client, "Tell me of dragons", temperature=1.5, seed=3)) for _ in range(2))
    assert first == second


def test_anything_can_be_asked(client: httpx.Client) -> None:
    for text in ("", "zorp", "日本語 🙂", "<|end|><|user|>", "{{ 7 * 7 }}", "\x00"):
        assert ask(client, text, max_tokens=20).status_code == 200, text


def test_requests_at_once_all_get_their_answers(client: httpx.Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        models = ["lighthouse", "lighthouse-base"] * 3
        answers = list(pool.map(lambda model: said(ask(client, QUESTION, model=model)), models))
    assert answers == [ADAPTED, PLAIN] * 3


def test_a_reader_who_leaves_does_not_block_the_next(client: httpx.Client) -> None:
    body = {"messages": [{"role": "user", "content": QUESTION}], "stream": True}
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        next(response.iter_lines())
    assert said(ask(client, QUESTION)) == ADAPTED


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("{", "not valid JSON"),
        ("[]", "JSON object"),
        ("{}", "messages"),
        ('{"messages": []}', "messages"),
        ('{"messages": [{"role": "robot", "content": "x"}]}', "messages.0.role"),
        ('{"messages": [{"role": "user", "content": 7}]}', "messages.0.content"),
        ('{"messages": [{"role": "user", "content": "x"}], "temperature": 9}', "temperature"),
        ('{"messages": [{"role": "user", "content": "x"}], "n": 2}', "n:"),
        ('{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}', "max_tokens"),
        (json.dumps({"messages": [{"role": "user", "content": "salt " * 600}]}), "tokens"),
        (json.dumps({"messages": [{"role": "user", "content": "salt " * 100_000}]}), "tokens"),
        ('{"messages": [{"role": "user", "content": "\\ud800"}]}', "half a character"),
        ('{"messages": [{"role": "user", "content": "x"}], "\\uDFFF": 1}', "half a character"),
        ('{"messages": [{"role": "tool", "content": "x"}]}', "tools"),
        ('{"messages": [{"role": "user", "content": null}]}', "text is expected"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(client: httpx.Client, body: str, names: str) -> None:
    response = client.post("/v1/chat/completions", content=body, headers={"Content-Type": "application/json"})
    error = response.json()["error"]
    assert response.status_code == 400
    assert names in error["message"]
    assert error["type"] == "invalid_request_error"
    assert "Traceback" not in response.text


def test_an_unknown_model_and_path_are_named(client: httpx.Client) -> None:
    unknown = ask(client, QUESTION, model="gpt-4")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")
    assert "lighthouse-base" in unknown.json()["error"]["message"]
    assert client.get("/v1/nothing").json()["error"]["message"] == "Not Found"


def test_the_page_finds_its_own_address(client: httpx.Client) -> None:
    page = starter.page(client)
    assert page.count("location.pathname") == 1
    assert page.index("location.pathname") < page.index("<body")
    assert re.findall(r'<script type="module"[^>]* src="([^"]+)"', page)[0].startswith("./")


def test_the_page_calls_no_other_host(client: httpx.Client) -> None:
    page = starter.page(client)
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]+)"', page)
    assert loaded == []


def test_nothing_calls_home(python: Path, tmp_path: Path) -> None:
    watch = (
        "import sys\n"
        "asked = []\n"
        "sys.addaudithook(lambda name, given: asked.append(given) if name in "
        "('socket.getaddrinfo', 'socket.connect') else None)\n"
        "from silence import silence; silence()\n"
        "import app, web.chat_page, engines.openvino_model, time; time.sleep(1)\n"
        "print(asked)\n"
    )
    quiet = {**os.environ, "HOME": str(tmp_path), "CI": ""}  # neither a consent file nor CI decides it
    done = subprocess.run(
        [str(python), "-c", watch],
        cwd=starter.INFERENCE,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert not (tmp_path / "intel").exists(), "OpenVINO made ready to report"


def test_a_missing_adapter_is_said_everywhere(python: Path, tmp_path: Path) -> None:
    with starter.serving(python, INFERENCE_ADAPTER=str(tmp_path)) as client:
        ready, answer, page = client.get("/ready"), ask(client, QUESTION), client.get("/").text
    assert (ready.status_code, answer.status_code) == (503, 503)
    assert "adapter_config.json" in ready.json()["reason"]
    assert "adapter_config.json" in answer.json()["error"]["message"]
    assert "adapter_config.json" in page
    assert 'role="alert"' in page


def test_the_base_alone_is_served_on_purpose(python: Path, tmp_path: Path) -> None:
    with starter.serving(python, INFERENCE_ADAPTER=str(tmp_path), INFERENCE_BASE_ONLY="1") as client:
        assert client.get("/ready").json() == {"ready": True, "models": ["lighthouse-base"]}
        assert said(ask(client, QUESTION)) == PLAIN
