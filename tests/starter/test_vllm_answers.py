"""The engine vLLM through our port: passed on exactly, bounded, ended; nothing else reachable."""

from __future__ import annotations

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starter.fake_vllm import OFF_LIMITS
from starter.vllm_app import VllmApp, vllm_app
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "canary-5f1e"
LIMIT = 50_000
SECONDS = 2
IMAGE = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}


OTHER_PATHS = (
    *("/metrics", "/tokenize", "/invocations", "/version", "/docs", "/openapi.json", "/load", "/pause"),
    *("/v1/load_lora_adapter", "/v1/embeddings", "/v1/chat/completions/render", "/v1//models"),
    *("/v1/chat/completions/../../tokenize", "/inference/v1/generate", "/server_info"),
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmApp]:
    variables = {"INFERENCE_MAX_BODY_BYTES": str(LIMIT), "INFERENCE_ANSWER_SECONDS": str(SECONDS)}
    with vllm_app(tmp_path_factory.mktemp("vllm"), **variables) as app:
        app.wait_ready()
        yield app


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_the_default_model_is_the_adapter_and_the_base_is_named(app: VllmApp) -> None:
    said = [
        app.ask(**more).json()["choices"][0]["message"]["content"] for more in ({}, {"model": "tuned-base"})
    ]
    assert [text.split()[0] for text in said] == ["tuned", "tuned-base"]
    assert app.ask(model="gpt-4").json()["error"]["code"] == "model_not_found"


def test_health_names_engine_models_and_protection(app: VllmApp) -> None:
    health = app.client.get("/health")
    assert health.status_code == 200
    wanted = {
        "status": "ok",
        "engine": "vllm",
        "protected": False,
        "models": ["tuned", "tuned-base"],
        "ready": True,
    }
    assert health.json() == wanted


def test_a_stream_is_passed_on_event_by_event(app: VllmApp) -> None:
    *chunks, usage, done = events(app.ask("x", stream=True, stream_options={"include_usage": True}).text)
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert (text, done) == ("tuned says x data: [DONE]", "[DONE]")
    assert usage["usage"]["total_tokens"] == 9


def test_the_engine_gets_the_request_without_keys_and_nulls(app: VllmApp) -> None:
    body = {
        "messages": [{"role": "user", "content": "y"}],
        "seed": 7,
        "stop": "a",
        "tools": None,
        "user": "me",
        "n": 2,
    }
    headers = {"Authorization": "Bearer secret", "X-Request": "mine"}
    answer = app.client.post("/v1/chat/completions", json=body, headers=headers).json()
    request = [event for event in app.events if event["event"] == "request"][-1]
    messages = [{"role": "user", "content": "y"}]
    assert request["body"] == {"model": "tuned", "messages": messages, "seed": 7, "stop": ["a"], "n": 2}
    assert set(request["headers"]) <= {"host", "accept", "accept-encoding", "connection", "user-agent",
                                       "content-type", "content-length"}  # fmt: skip
    assert len(answer["choices"]) == 2


@pytest.mark.parametrize(
    "path",
    OTHER_PATHS,
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_path_of_the_engine_is_reached(app: VllmApp, method: str, path: str) -> None:
    before = len(app.bodies)
    response = app.client.request(
        method, httpx.URL(str(app.client.base_url), raw_path=path.encode()), json={}
    )
    assert response.status_code in (404, 405, 413)
    assert OFF_LIMITS not in response.text
    assert "message" in response.json()["error"]
    assert len(app.bodies) == before


def test_the_engine_listens_on_no_port(app: VllmApp) -> None:
    started = next(event for event in app.events if event["event"] == "started")
    assert "--enforce-eager" not in started["arguments"]
    assert not {"--host", "--port"} & set(started["arguments"])


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/gradio_api/queue/join"])
def test_a_long_body_is_refused_before_it_is_read(app: VllmApp, path: str, *, declared: bool) -> None:
    part = b"x" * 10_000
    content = part * 100 if declared else (part for _ in range(100))
    try:
        response = app.client.post(path, content=content)
    except httpx.WriteError:  # refused, and closed, before all of it was sent
        return
    assert response.status_code == 413
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_long_body_is_refused_by_its_declared_length_alone(app: VllmApp) -> None:
    host, port = app.client.base_url.host, app.client.base_url.port
    assert port
    with socket.create_connection((host, port), timeout=30) as raw:
        raw.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        assert raw.recv(12) == b"HTTP/1.1 413"


def test_an_answer_that_takes_too_long_ends_with_words(app: VllmApp) -> None:
    whole = app.ask("FOREVER")
    *chunks, error, done = events(app.ask("FOREVER", stream=True).text)
    assert (whole.status_code, whole.headers["x-should-retry"]) == (504, "false")
    assert whole.json()["error"] == error["error"]
    assert error["error"]["code"] == "answer_time_limit"
    assert "max_tokens" in error["error"]["message"]
    assert chunks
    assert done == "[DONE]"


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_answer(tmp_path: Path, *, stream: bool) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "FOREVER"}], "stream": stream})
    with vllm_app(tmp_path) as app:  # with the usual limit of an answer: only leaving ends this one in time
        app.wait_ready()
        asked = len(app.bodies)
        url = app.client.base_url
        leaving = http.client.HTTPConnection(url.host, url.port)
        leaving.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        starter.wait(app.served, lambda: len(app.bodies) > asked)
        leaving.close()
        starter.wait(app.served, lambda: any(event["event"] == "aborted" for event in app.events))


def test_many_answers_at_once(app: VllmApp) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: app.ask(f"number {i}", stream=i % 2 == 0).text, range(40)))
    assert all(f"number {i}" in text for i, text in enumerate(answers))


def test_errors_of_the_engine_come_in_one_shape(app: VllmApp) -> None:
    for stream in (False, True):
        response = app.ask("TOO LONG", stream=stream)
        assert response.status_code == 400
        message = "This model's maximum context length is 512 tokens."
        wanted = {"message": message, "type": "invalid_request_error", "param": "input_tokens", "code": None}
        assert response.json() == {"error": wanted}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"store": True}, "store"),
        ({"best_of": 2}, "best_of"),
        ({"surprise": 1}, "surprise"),
        ({"kv_transfer_params": {}}, "kv_transfer_params"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"temperature": "hot"}, "temperature"),
        ({"n": 0}, "n"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages.0.content.0.type"),
    ],
)
def test_what_is_not_done_is_refused_by_name(app: VllmApp, more: dict[str, Any], param: str) -> None:
    body = {"messages": [{"role": "user", "content": "x"}], **more}
    response = app.client.post("/v1/chat/completions", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


TOOLS = [{"type": "function", "function": {"name": "f"}}]
CHOICES = ("auto", "required", {"type": "function", "function": {"name": "f"}})


@pytest.mark.parametrize("choice", CHOICES)
def test_tools_want_a_parser_whatever_the_choice(app: VllmApp, choice: object) -> None:
    error = app.ask(tools=TOOLS, tool_choice=choice).json()["error"]
    assert error["param"] == "tools"
    assert "toolParser" in error["message"]


def test_tools_are_passed_on_where_there_is_a_parser(tmp_path: Path) -> None:
    with vllm_app(tmp_path, INFERENCE_TOOL_PARSER="hermes") as app:
        app.wait_ready()
        for choice in CHOICES:
            assert app.ask(tools=TOOLS, tool_choice=choice).status_code == 200
            assert (app.bodies[-1]["tools"], app.bodies[-1]["tool_choice"]) == (TOOLS, choice)
        started = next(event for event in app.events if event["event"] == "started")
        assert "--tool-call-parser" in started["arguments"]


def test_nested_and_broken_json_is_refused(app: VllmApp) -> None:
    for body in (b"{", b"[" * 20_000, b'{"messages": ' + b"[" * 20_000, b"\xff\xfe", b"null"):
        response = app.client.post("/v1/chat/completions", content=body)
        assert response.status_code == 400, body[:20]
        assert response.json()["error"]["type"] == "invalid_request_error"


def test_uploads_and_other_doors_of_the_page_are_closed(app: VllmApp) -> None:
    starter.page(app.client)
    files = {"files": ("a.txt", b"content")}
    for path in ("/gradio_api/upload", "/upload", "/gradio_api/upload?upload_id=1"):
        assert (
            app.client.post(path, files=files, headers={"Origin": "http://evil.example"}).status_code == 404
        )
    for path in (
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://evil.example",
        "/monitoring",
        "/docs",
    ):
        assert app.client.get(path).status_code == 404
    for path in ("/gradio_api/api/predict", "/gradio_api/call/talk", "/gradio_api/process_recording"):
        assert app.client.post(path, json={"data": []}).status_code == 404


def test_prompts_and_answers_are_in_no_log(app: VllmApp) -> None:
    for stream in (True, False):
        assert CANARY in app.ask(CANARY, stream=stream).text
        app.ask(f"TOO LONG {CANARY}", stream=stream)
        app.ask(f"FOREVER {CANARY}", stream=stream)
    app.client.post("/v1/chat/completions", content=f'{{"messages": "{CANARY}"')
    app.client.post(
        "/v1/chat/completions", json={"messages": [{"role": CANARY, "content": CANARY}], CANARY: 1}
    )
    app.client.post("/v1/completions", json={"prompt": {CANARY: CANARY}})
    app.client.get(f"/v1/models/{CANARY}?q={CANARY}")
    data = {"data": [CANARY, [], "tuned"], "fn_index": 0, "session_hash": "s", "trigger_id": CANARY}
    app.client.post("/gradio_api/queue/join", json=data)
    assert CANARY not in app.served.log


def test_the_stages_of_the_start_are_in_the_log(app: VllmApp) -> None:
    for stage in (
        "Checking the model",
        "Starting vLLM",
        "Loading the weights",
        "Recording CUDA graphs",
        "Ready.",
    ):
        assert stage in app.served.log


def test_a_start_stays_quick_to_ask(app: VllmApp) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: app.ask("x" * (LIMIT - 200)), range(8)))
        assert app.client.get("/livez").status_code == 200
    assert time.monotonic() - began < starter.START_SECONDS
