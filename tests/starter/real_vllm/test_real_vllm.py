"""The real vLLM on a CPU behind our app: the same tokens as transformers and PEFT, and the same ends."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from starter import parameter_cases
from starter.real_vllm import real_models
from support import starter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

START_SECONDS = 400
CANARY = "canary-77aa"
CHATS = 20
RUNNING, GENERATED = "vllm:num_requests_running{", "vllm:generation_tokens_total{"


@dataclass(frozen=True)
class App:
    """Our app with the real vLLM."""

    served: starter.Served
    reference: dict[str, list[list[int]]]

    @property
    def client(self) -> httpx.Client:
        return self.served.client

    def complete(self, **body: object) -> httpx.Response:
        return self.client.post("/v1/completions", json=body)

    def chat(self, text: str, **more: object) -> httpx.Response:
        messages = [{"role": "user", "content": text}]
        return self.client.post("/v1/chat/completions", json={"messages": messages, "max_tokens": 16, **more})


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_models.make_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def start(models: Path) -> Callable[..., Any]:
    def started(kind: str, **more: str) -> Any:
        variables = real_models.with_vllm(models / kind)
        return starter.started(starter.environment(), **{**variables, **more})

    return started


def reference(models: Path, kind: str) -> dict[str, list[list[int]]]:
    value: dict[str, list[list[int]]] = json.loads((models / kind / "reference.json").read_text())
    return value


@pytest.fixture(scope="module")
def llama(start: Callable[..., Any], models: Path) -> Iterator[App]:
    with start("llama", INFERENCE_TOOL_PARSER="hermes") as served:
        wait_decided(served)
        yield App(served, reference(models, "llama"))


def wait_decided(served: starter.Served) -> None:
    starter.wait(
        served, lambda: state(served)["ready"] or state(served).get("status") == "refused", START_SECONDS
    )


def state(served: starter.Served) -> dict[str, Any]:
    value: dict[str, Any] = served.client.get("/ready").json()
    return value


def assert_tokens_equal(app: App) -> None:
    for model, wanted in (("tuned-base", "base"), ("tuned", "tuned")):
        for prompt, tokens in zip(app.reference["prompts"], app.reference[wanted], strict=True):
            answer = app.complete(
                model=model,
                prompt=prompt,
                max_tokens=len(tokens),
                temperature=0,
                ignore_eos=True,
                return_token_ids=True,
            )
            assert answer.json()["choices"][0]["token_ids"] == tokens, (model, answer.text)


def test_llama_answers_with_the_tokens_of_transformers_and_peft(llama: App) -> None:
    assert state(llama.served) == {"ready": True, "models": ["tuned", "tuned-base"]}, llama.served.log
    assert_tokens_equal(llama)


def test_twenty_chats_at_once(llama: App) -> None:
    alone = [said(llama.chat(f"chat {i}", temperature=0)) for i in range(CHATS)]
    with ThreadPoolExecutor(CHATS) as pool:
        together = list(pool.map(lambda i: said(llama.chat(f"chat {i}", temperature=0)), range(CHATS)))
    assert together == alone


def said(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    text: str = response.json()["choices"][0]["message"]["content"]
    return text


def metric(app: App, name: str) -> float:
    """A number of vLLM's, asked on its own socket, which our port does not lead to."""
    socket = next(
        word for process in psutil.Process(app.served.process.pid).children(recursive=True)
        for word in process.cmdline() if word.endswith("/socket")
    )  # fmt: skip
    with httpx.Client(transport=httpx.HTTPTransport(uds=socket), base_url="http://vllm") as inside:
        lines = inside.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_a_reader_who_leaves_ends_the_generation(llama: App) -> None:
    body = {
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "max_tokens": 400,
        "ignore_eos": True,
    }
    before = metric(llama, GENERATED)
    with llama.client.stream("POST", "/v1/chat/completions", json=body) as response:
        next(response.iter_lines())
    starter.wait(llama.served, lambda: metric(llama, GENERATED) > before and metric(llama, RUNNING) == 0)
    assert metric(llama, GENERATED) - before < 400
    assert llama.client.get("/metrics").status_code == 404


def test_what_vllm_does_is_what_the_table_says(llama: App) -> None:
    answers = [(case, llama.client.post(case.path, json=case.body)) for case in parameter_cases.cases()]
    wrong = [
        (case.path, case.name, answer.text)
        for case, answer in answers
        if answer.status_code != (200 if case.vllm else 400)
    ]
    assert not wrong


def test_prompts_and_answers_are_in_no_log(llama: App) -> None:
    llama.chat(CANARY)
    llama.chat(CANARY * 200)
    llama.chat(CANARY, stream=True)
    llama.chat(CANARY, tools=[{"type": "function", "function": {"name": CANARY}}], tool_choice="required")
    llama.chat(
        CANARY,
        response_format={"type": "json_schema", "json_schema": {"name": CANARY, "schema": {"type": CANARY}}},
    )
    llama.complete(prompt=CANARY, logit_bias={CANARY: 1})
    assert CANARY not in llama.served.log


def test_phi3_answers_with_the_tokens_of_transformers_and_peft(
    start: Callable[..., Any], models: Path
) -> None:
    with start("phi3") as served:
        wait_decided(served)
        assert_tokens_equal(App(served, reference(models, "phi3")))


def test_an_adapter_that_vllm_itself_refuses_is_shown(start: Callable[..., Any]) -> None:
    with start("llama", INFERENCE_VLLM_ARGUMENTS=f"{real_models.ARGUMENTS} --max-lora-rank 8") as served:
        wait_decided(served)
        assert state(served)["status"] == "refused"
        assert "LoRA rank 16 is greater than max_lora_rank 8" in state(served)["reason"]
        assert 'role="alert"' in served.client.get("/").text


def test_a_killed_worker_ends_the_app_as_a_failure(llama: App) -> None:
    ours = psutil.Process(llama.served.process.pid)
    workers = [process for process in ours.children(recursive=True) if "Engine" in process.name()]
    assert workers, [process.name() for process in ours.children(recursive=True)]
    os.kill(workers[-1].pid, signal.SIGKILL)
    assert llama.served.process.wait(timeout=120) == 1
    assert "ended by itself" in llama.served.log
