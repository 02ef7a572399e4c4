"""What each engine does with each parameter of a request. docs/starter.md shows this as a table.

A parameter that an engine does not do is refused with 400 and its name, never ignored, unless its value is
one of those that change nothing anyway.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openai_api.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Support:
    """What an engine does: all values, or only those that change nothing."""

    all: bool
    neutral: tuple[object, ...] = ()

    def allows(self, value: object) -> bool:
        """Return True if the engine does what the value asks for."""
        return self.all or any(value == item and type(value) is type(item) for item in self.neutral)


@dataclass(frozen=True)
class Parameter:
    """A parameter, and what the two engines do with it."""

    vllm: Support
    openvino: Support

    def of(self, engine: str) -> Support:
        """Return what an engine does."""
        return self.vllm if engine == "vllm" else self.openvino


DOES = Support(all=True)
REFUSED = Support(all=False)


def only(*neutral: object) -> Support:
    """Return the support of a parameter whose named values alone are taken: they change nothing."""
    return Support(all=False, neutral=neutral)


BOTH = Parameter(DOES, DOES)
NEITHER = Parameter(REFUSED, REFUSED)
VLLM = Parameter(DOES, REFUSED)

COMMON = {
    "model": BOTH,
    "stream": BOTH,
    "stream_options": BOTH,
    "max_tokens": BOTH,
    "temperature": BOTH,
    "top_p": BOTH,
    "seed": BOTH,
    "stop": BOTH,
    "presence_penalty": BOTH,
    "frequency_penalty": BOTH,
    "n": Parameter(DOES, only(1)),
    "logit_bias": Parameter(DOES, only({})),
    "user": BOTH,  # names who asks, which changes no answer
}
VLLM_ONLY = (
    *("top_k", "min_p", "repetition_penalty", "length_penalty"),
    *("min_tokens", "ignore_eos", "stop_token_ids", "bad_words"),
    *(
        "allowed_token_ids",
        "include_stop_str_in_output",
        "skip_special_tokens",
        "spaces_between_special_tokens",
    ),
    *("add_special_tokens", "structured_outputs", "prompt_logprobs", "return_token_ids"),
    *("return_tokens_as_token_ids",),
)
CHAT = {
    "messages": BOTH,
    **COMMON,
    "max_completion_tokens": BOTH,
    "logprobs": Parameter(DOES, only(False)),
    "top_logprobs": Parameter(DOES, only(0)),
    "response_format": Parameter(DOES, only({"type": "text"})),
    "tools": Parameter(DOES, only([])),
    "tool_choice": Parameter(DOES, only("none", "auto")),
    "parallel_tool_calls": Parameter(DOES, only(True, False)),
    "reasoning_effort": VLLM,
    "functions": Parameter(only([]), only([])),
    "function_call": Parameter(only("none", "auto"), only("none", "auto")),
    "modalities": Parameter(only(["text"]), only(["text"])),
    "audio": NEITHER,
    "prediction": NEITHER,
    "web_search_options": NEITHER,
    "verbosity": Parameter(only("medium"), only("medium")),
    "store": Parameter(only(False), only(False)),
    "service_tier": Parameter(only("auto", "default"), only("auto", "default")),
    "metadata": BOTH,  # labels for OpenAI's own dashboard, which change no answer
    "safety_identifier": BOTH,  # as user
    "prompt_cache_key": BOTH,  # a hint about speed, which changes no answer
    "prompt_cache_retention": BOTH,  # likewise
    "prompt_cache_options": BOTH,  # likewise
    "moderation": NEITHER,
    **dict.fromkeys(VLLM_ONLY, VLLM),
    "chat_template_kwargs": VLLM,
    "add_generation_prompt": VLLM,
    "continue_final_message": VLLM,
}
TEXT = {
    "prompt": BOTH,
    **COMMON,
    "logprobs": VLLM,
    "echo": Parameter(DOES, only(False)),
    "best_of": Parameter(only(1), only(1)),
    "suffix": Parameter(only(""), only("")),
    **dict.fromkeys(VLLM_ONLY, VLLM),
}
NOT_FORWARDED = (
    *("user", "metadata", "safety_identifier", "prompt_cache_key"),
    *("prompt_cache_retention", "prompt_cache_options", "store", "service_tier", "functions"),
    *("function_call", "modalities", "verbosity", "best_of"),
    *("suffix",),
)
"""What changes no answer, so that no engine needs to see it."""


def refuse_unsupported(body: Mapping[str, object], known: Mapping[str, Parameter], engine: str) -> None:
    """Raise ApiError for the first parameter that is unknown, or that the engine does not do."""
    for name, value in body.items():
        if name not in known:
            raise bad_request(f"{name}: there is no such parameter.", name, "unknown_parameter")
        support = known[name].of(engine)
        if not support.allows(value):
            raise bad_request(_words(name, support, engine), name, "unsupported_parameter")


def _words(name: str, support: Support, engine: str) -> str:
    if not support.neutral:
        return f"{name}: the engine {engine} does not do this. Leave it out."
    values = " or ".join(json.dumps(value) for value in support.neutral)
    return f"{name}: the engine {engine} takes only {values} here."
