"""The official client, as people use it, on both engines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from starter import parameter_cases
from starter.vllm_app import vllm_app
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

KEY = "k-123"
MESSAGES: Any = parameter_cases.MESSAGES
NULLS = (
    *("frequency_penalty", "logit_bias", "logprobs", "max_tokens", "n", "presence_penalty", "seed", "stop"),
    *("stream", "stream_options", "temperature", "top_p", "user"),
)
TEXT_NULLS = (*NULLS, "best_of", "echo", "suffix")
CHAT_NULLS = (
    *NULLS,
    *("audio", "max_completion_tokens", "metadata", "modalities", "parallel_tool_calls", "prediction"),
    *("reasoning_effort", "response_format", "service_tier", "store", "tool_choice", "tools", "top_logprobs"),
)


@pytest.fixture(scope="module", params=["openvino", "vllm"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("client")
    (folder / "key").write_text(KEY)
    if request.param == "vllm":
        with vllm_app(folder, INFERENCE_NAME="lighthouse", INFERENCE_API_KEY_FILE=str(folder / "key")) as app:
            app.wait_ready()
            yield app.client
    else:
        with starter.serving(starter.environment(), INFERENCE_API_KEY_FILE=str(folder / "key")) as client:
            yield client


@pytest.fixture(scope="module")
def client(http: httpx.Client) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{http.base_url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["lighthouse", "lighthouse-base"]
    assert client.models.retrieve("lighthouse-base").object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-4")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_chat_whole_and_streamed_says_the_same(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="lighthouse", messages=MESSAGES)
    streamed = client.chat.completions.create(
        model="lighthouse", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(streamed)
    assert whole.choices[0].message.content == "".join(
        chunk.choices[0].delta.content or "" for chunk in chunks
    )
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "stop"
    assert whole.usage
    assert last.usage
    assert last.usage.total_tokens == whole.usage.total_tokens > 0
    assert last.choices == []


def test_a_text_whole_and_streamed_says_the_same(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="lighthouse", prompt="Fog is", max_tokens=8)
    streamed = client.completions.create(model="lighthouse", prompt="Fog is", max_tokens=8, stream=True)
    assert whole.choices[0].text == "".join(chunk.choices[0].text for chunk in streamed)
    assert whole.object


def test_nulls_are_taken_where_openai_takes_them(http: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"model": "lighthouse", "messages": MESSAGES, **dict.fromkeys(CHAT_NULLS)}
    assert http.post("/v1/chat/completions", json=body, headers=headers).status_code == 200
    body = {"model": "lighthouse", "prompt": "Fog is", **dict.fromkeys(TEXT_NULLS)}
    assert http.post("/v1/completions", json=body, headers=headers).status_code == 200


def test_errors_are_the_clients_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4", messages=MESSAGES)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="lighthouse", messages=MESSAGES, temperature=9)
    assert caught.value.param == "temperature"
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="lighthouse", messages=MESSAGES, store=True)
    assert (caught.value.param, caught.value.code) == ("store", "unsupported_parameter")
    with pytest.raises(openai.AuthenticationError) as wrong:
        client.with_options(api_key="wrong").models.list()
    assert wrong.value.code == "invalid_api_key"


def test_what_openvino_does_is_what_the_table_says() -> None:
    with starter.serving(starter.environment()) as client:
        for case in parameter_cases.cases():
            case.check(client.post(case.path, json=case.body), does=case.openvino)


def test_what_vllm_is_asked_is_what_the_table_says(tmp_path: Path) -> None:
    with vllm_app(tmp_path, INFERENCE_TOOL_PARSER="hermes") as app:
        app.wait_ready()
        for case in parameter_cases.cases():
            case.check(app.client.post(case.path, json=case.body), does=case.vllm)


def test_the_document_shows_the_table() -> None:
    shown = parameter_cases.DOCUMENT.read_text("utf-8")
    assert parameter_cases.table() in shown, "run: PYTHONPATH=tests python -m starter.parameter_cases"


def test_every_parameter_of_the_client_is_known() -> None:
    """What OpenAI's own client can send is in the table, so that nothing of it is 'unknown'."""
    from openai.types import completion_create_params as text
    from openai.types.chat import completion_create_params as chat

    known = parameter_cases.catalogue()
    theirs = {"chat": chat.CompletionCreateParamsBase, "text": text.CompletionCreateParamsBase}
    missing = {kind: sorted(set(types.__annotations__) - set(known[kind])) for kind, types in theirs.items()}
    assert missing == {"chat": [], "text": []}, json.dumps(missing)
