"""Each adapter that the check refuses, in front of the real vLLM: our app shows why; what the bare vLLM does with it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from model_check import check_model
from starter.deep.broken_adapters import ADAPTER, BASE, BROKEN, OTHER, broken
from starter.real_vllm import environment, real_models
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS = 900
TOKENS = 16


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_models.make_models(tmp_path_factory.mktemp("models")) / "llama"


class BareVllm:
    """vLLM alone, which takes adapters while it runs."""

    def __init__(self, client: httpx.Client, reference: dict[str, Any]) -> None:
        self._client = client
        self._reference = reference

    def load(self, adapter: Path) -> httpx.Response:
        return self._client.post(
            "/v1/load_lora_adapter", json={"lora_name": "tried", "lora_path": str(adapter)}
        )

    def unload(self) -> None:
        assert self._client.post("/v1/unload_lora_adapter", json={"lora_name": "tried"}).is_success

    def whose_answers(self) -> str:
        """Whose answers the loaded adapter gives, of those that transformers and PEFT gave."""
        body = {
            "model": "tried",
            "prompt": self._reference["prompts"][0],
            "max_tokens": TOKENS,
            "temperature": 0,
            "ignore_eos": True,
            "return_token_ids": True,
        }
        answer = self._client.post("/v1/completions", json=body)
        tokens = answer.json()["choices"][0]["token_ids"]
        of = {"base": BASE, "tuned": ADAPTER}
        return next((of[who] for who in of if tokens == self._reference[who][0][:TOKENS]), OTHER)


@pytest.fixture(scope="module")
def bare(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareVllm]:
    port, console = str(starter.free_port()), tmp_path_factory.mktemp("bare") / "console"
    programs = environment.environment()
    own = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True", "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
    quiet = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PATH": f"{programs}:{os.environ['PATH']}"}
    command = [str(programs / "vllm"), "serve", str(llama / "base"), "--host", "127.0.0.1", "--port", port]
    lora = ["--enable-lora", "--max-loras", "1", "--max-lora-rank", "16", "--dtype", "float32"]
    with console.open("wb") as output:
        process = subprocess.Popen(
            [*command, *lora, *real_models.ARGUMENTS.split()],
            env={**os.environ, **own, **quiet},
            stdout=output,
            stderr=output,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False) as client:
            _wait_for(client, process, console)
            yield BareVllm(client, json.loads((llama / "reference.json").read_text()))
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_for(client: httpx.Client, process: subprocess.Popen[bytes], console: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, console.read_text()
        with contextlib.suppress(httpx.TransportError):
            if client.get("/health").is_success:
                return
        time.sleep(0.5)
    raise TimeoutError(console.read_text())


def test_the_good_adapter_is_taken(bare: BareVllm, llama: Path) -> None:
    assert bare.load(llama / "adapter").is_success
    assert bare.whose_answers() == ADAPTER
    bare.unload()


@pytest.mark.parametrize("name", BROKEN)
def test_what_the_bare_vllm_does_with_it(bare: BareVllm, llama: Path, tmp_path: Path, name: str) -> None:
    answer = bare.load(broken(llama / "adapter", tmp_path / "adapter", name))
    if not BROKEN[name].is_taken:
        assert not answer.is_success
        assert BROKEN[name].vllm in answer.json()["error"]["message"]
        return
    assert answer.is_success, answer.text
    assert bare.whose_answers() == BROKEN[name].vllm
    bare.unload()


@pytest.mark.parametrize("name", BROKEN)
def test_our_app_refuses_it_and_starts_no_engine(llama: Path, tmp_path: Path, name: str) -> None:
    adapter = broken(llama / "adapter", tmp_path / "adapter", name)
    findings = [one for one in check_model(llama / "base", adapter).findings if one.severity == "error"]
    assert [one.code for one in findings] == [BROKEN[name].code]
    variables = {**real_models.with_vllm(llama), "INFERENCE_ADAPTER": str(adapter)}
    with starter.started(starter.environment(), **variables) as served:
        starter.wait(served, lambda: served.client.get("/ready").json().get("status") != "starting")
        ready, page = served.client.get("/ready"), served.client.get("/").text
        assert (ready.status_code, ready.json()["status"]) == (503, "refused")
        assert findings[0].message in ready.json()["reason"]
        assert 'role="alert"' in page
        assert "Starting vLLM" not in served.log
        assert not psutil.Process(served.process.pid).children()
