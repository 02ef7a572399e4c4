"""The engine vLLM from its start to its end: what is said meanwhile, what is refused, how it ends."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from starter.fake_vllm import REFUSAL
from starter.vllm_app import VllmApp, vllm_app
from support import starter

if TYPE_CHECKING:
    from pathlib import Path


def engine_pid(app: VllmApp) -> int:
    pid: int = next(event["pid"] for event in app.events if event["event"] == "started")
    return pid


def ended(app: VllmApp) -> int:
    return app.served.process.wait(timeout=60)


def test_while_it_loads_everything_says_so(tmp_path: Path) -> None:
    with vllm_app(tmp_path, "slow-load") as app:
        starter.wait(app.served, lambda: app.state().get("stage") == "Recording CUDA graphs")
        ready, health, page = (app.client.get(path) for path in ("/ready", "/health", "/"))
        assert (ready.status_code, health.status_code, page.status_code) == (503, 503, 200)
        assert ready.json()["seconds"] > 0
        assert "Recording CUDA graphs" in ready.json()["reason"]
        assert health.json()["engine"] == "vllm"
        assert all(
            words in page.text for words in ("Loading the weights, 0.0 GB", "50 %", "Recording CUDA graphs")
        )
        assert app.client.get("/livez").status_code == 200
        asked = app.ask()
        assert (asked.status_code, asked.json()["error"]["code"]) == (503, "not_ready")
        assert asked.headers["retry-after"]
        app.wait_ready()
        assert app.ask().status_code == 200


def test_a_model_that_vllm_refuses_is_shown_and_not_tried_again(tmp_path: Path) -> None:
    with vllm_app(tmp_path, "refuses") as app:
        starter.wait(app.served, lambda: app.state()["status"] == "refused")
        answer, page = app.ask(), app.client.get("/")
        assert (app.client.get("/ready").status_code, answer.status_code) == (503, 503)
        assert answer.headers["x-should-retry"] == "false"
        for text in (app.state()["reason"], answer.json()["error"]["message"], page.text):
            assert REFUSAL.removeprefix("ValueError: ").rstrip(".") in text
            assert "merge it into the base" in text
        assert 'role="alert"' in page.text
        assert app.client.get("/livez").status_code == 200


@pytest.mark.parametrize("missing", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_missing_adapter_never_starts_the_engine(tmp_path: Path, missing: str) -> None:
    with vllm_app(tmp_path) as first:
        first.wait_ready()
    (tmp_path / "adapter" / missing).unlink()
    (tmp_path / "record").write_text("")
    with vllm_app(tmp_path) as app:
        starter.wait(app.served, lambda: app.state()["status"] == "refused")
        assert "adapter" in app.state()["reason"]
        assert missing in app.client.get("/").text
        assert app.events == []


def test_the_base_alone_is_served_on_purpose(tmp_path: Path) -> None:
    with vllm_app(tmp_path, INFERENCE_BASE_ONLY="1") as app:
        app.wait_ready()
        assert [model["id"] for model in app.client.get("/v1/models").json()["data"]] == ["tuned-base"]
        assert app.ask().json()["model"] == "tuned-base"
        assert "--enable-lora" not in app.events[0]["arguments"]


def test_an_adapter_without_effect_is_warned_of(tmp_path: Path) -> None:
    with vllm_app(tmp_path, "no-effect") as app:
        app.wait_ready()
        assert "changes nothing" in app.state()["warnings"][0]
        assert "changes nothing" in starter.page(app.client)
        assert "changes nothing" in app.served.log


def test_an_engine_that_ends_while_loading_ends_the_app(tmp_path: Path) -> None:
    with vllm_app(tmp_path, "dies-loading") as app:
        assert ended(app) == 1
        assert "Segmentation fault" in app.served.log
        assert "exit code 0" in app.served.log


@pytest.mark.parametrize("stream", [True, False])
def test_an_engine_that_ends_with_code_0_is_a_failure(tmp_path: Path, *, stream: bool) -> None:
    with vllm_app(tmp_path) as app:
        app.wait_ready()
        answer = app.ask("DIE", stream=stream)
        assert ended(app) == 1
        assert "engine_failed" in answer.text
        assert "EngineCore died: the worker was killed" in app.served.log


def test_a_killed_engine_ends_the_app(tmp_path: Path) -> None:
    with vllm_app(tmp_path) as app:
        app.wait_ready()
        os.kill(engine_pid(app), signal.SIGKILL)
        assert ended(app) == 1
        assert "exit code -9" in app.served.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_engine_outlives_the_app(tmp_path: Path, number: signal.Signals) -> None:
    with vllm_app(tmp_path) as app:
        app.wait_ready()
        engine = psutil.Process(engine_pid(app))
        app.served.process.send_signal(number)
        ended(app)
        engine.wait(timeout=30)
        assert "ended by itself" not in app.served.log


def test_an_image_without_vllm_says_what_to_choose(tmp_path: Path) -> None:
    with vllm_app(tmp_path, INFERENCE_VLLM_COMMAND="no-such-program serve") as app:
        starter.wait(app.served, lambda: app.state()["status"] == "refused")
        assert "vllm/vllm-openai" in app.state()["reason"]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"INFERENCE_ENGINE": "openvino"}, "optimum-cli export openvino"),
        ({"INFERENCE_ENGINE": "vllm", "INFERENCE_BASE": str(starter.STARTER / "sample/base")}, "safetensors"),
    ],
)
def test_a_base_of_the_other_engine_is_refused(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    with vllm_app(tmp_path, **variables) as app:
        starter.wait(app.served, lambda: app.state()["status"] == "refused")
        assert words in app.state()["reason"]
