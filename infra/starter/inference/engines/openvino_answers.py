"""Answers of the engine OpenVINO, written as OpenAI's API writes them."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai_api.requests import Call

    from engines.openvino import Answer
    from engines.openvino_model import Outcome


@dataclass(frozen=True)
class Writing:
    """One answer's identity, the same in each of its events."""

    call: Call
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def _is_chat(self) -> bool:
        return self.call.kind == "chat"

    def whole(self, text: str, outcome: Outcome) -> bytes:
        """Return the answer in one piece."""
        said: dict[str, object] = {"text": text}
        if self._is_chat:
            said = {"message": {"role": "assistant", "content": text, "refusal": None}}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": outcome.finish_reason}
        kind = "chat.completion" if self._is_chat else "text_completion"
        return _json({**self._head(kind), "choices": [choice], "usage": _usage(outcome)})

    async def events(self, answer: Answer) -> AsyncIterator[bytes]:
        """Yield the answer as events."""
        if self._is_chat:
            yield self._event({"role": "assistant", "content": ""}, None)
        async for piece in answer:
            yield self._event({"content": piece}, None)
        outcome = answer.ended()
        yield self._event({}, outcome.finish_reason)
        if self.call.include_usage:
            yield _event({**self._head(self._kind), "choices": [], "usage": _usage(outcome)})

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self._is_chat else "text_completion"

    def _event(self, delta: dict[str, str], reason: str | None) -> bytes:
        said: dict[str, object] = {"delta": delta} if self._is_chat else {"text": delta.get("content", "")}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self.call.include_usage else {}
        return _event({**self._head(self._kind), "choices": [choice], **usage})

    def _head(self, kind: str) -> dict[str, object]:
        prefix = "chatcmpl" if self._is_chat else "cmpl"
        return {
            "id": f"{prefix}-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.call.model,
        }


def _event(value: dict[str, object]) -> bytes:
    return b"data: " + _json(value) + b"\n\n"


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _usage(outcome: Outcome) -> dict[str, int]:
    return {
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
        "total_tokens": outcome.prompt_tokens + outcome.completion_tokens,
    }
