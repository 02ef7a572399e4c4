"""The starter in front of the fake vLLM."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starter.models import make_adapter, make_base
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

FAKE = Path(__file__).with_name("fake_vllm.py")


@dataclass(frozen=True)
class VllmApp:
    """A running app, and what its engine was asked."""

    served: starter.Served
    record: Path

    @property
    def client(self) -> httpx.Client:
        return self.served.client

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the fake wrote down."""
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The bodies that reached the engine, in order."""
        return [event["body"] for event in self.events if event["event"] == "request"]

    def state(self) -> dict[str, Any]:
        """What /ready says."""
        state: dict[str, Any] = self.client.get("/ready").json()
        return state

    def ask(self, text: str = "hello", **more: object) -> httpx.Response:
        """Ask one thing."""
        messages = [{"role": "user", "content": text}]
        return self.client.post("/v1/chat/completions", json={"messages": messages, **more})

    def wait_ready(self) -> None:
        """Wait until the model answers."""
        starter.wait(self.served, lambda: self.client.get("/ready").is_success)


@contextlib.contextmanager
def vllm_app(folder: Path, mode: str = "", python: Path | None = None, **variables: str) -> Iterator[VllmApp]:
    """The app as soon as it answers anything; ``mode`` is the fake's."""
    record = folder / "record"
    record.touch()
    own = {
        "INFERENCE_NAME": "tuned",
        "INFERENCE_BASE": str(folder / "base"),
        "INFERENCE_ADAPTER": str(folder / "adapter"),
        "INFERENCE_VLLM_COMMAND": f"{sys.executable} {FAKE}",
        "FAKE_VLLM_MODE": mode,
        "FAKE_VLLM_RECORD": str(record),
    }
    if not (folder / "base").exists():
        make_base(folder / "base")
        make_adapter(folder / "adapter")
    with starter.started(python or starter.environment(), **{**own, **variables}) as served:
        yield VllmApp(served, record)
