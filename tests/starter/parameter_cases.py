"""The API's parameters, a value for each that asks for something, and the table in docs/starter.md."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import starter

if TYPE_CHECKING:
    import httpx

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "starter.md"
BEGIN, END = "<!-- parameters: begin -->\n", "<!-- parameters: end -->"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"enum": ["x", "y"]}},
    "required": ["a"],
    "additionalProperties": False,
}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA, "strict": True}}
MESSAGES = [{"role": "user", "content": "Why is the sea salty?"}]

SAMPLES: dict[str, Any] = {
    "messages": MESSAGES,
    "prompt": "Why is the sea salty?",
    "model": None,
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 4,
    "max_completion_tokens": 4,
    "temperature": 0.7,
    "top_p": 0.9,
    "seed": -3,
    "stop": ["a", "b"],
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "n": 2,
    "logit_bias": {"5": 1.0},
    "user": "me",
    "top_logprobs": 2,
    "response_format": JSON_SCHEMA,
    "tools": [TOOL],
    "tool_choice": "required",
    "parallel_tool_calls": True,
    "reasoning_effort": "low",
    "functions": [TOOL["function"]],
    "function_call": {"name": "f"},
    "modalities": ["audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "prediction": {"type": "content", "content": "x"},
    "web_search_options": {},
    "verbosity": "low",
    "store": True,
    "service_tier": "flex",
    "metadata": {"a": "b"},
    "safety_identifier": "me",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {},
    "moderation": {},
    "echo": True,
    "best_of": 3,
    "suffix": "end",
    "top_k": 5,
    "min_p": 0.1,
    "repetition_penalty": 1.1,
    "length_penalty": 1.0,
    "min_tokens": 1,
    "ignore_eos": True,
    "stop_token_ids": [5],
    "bad_words": ["x"],
    "allowed_token_ids": [5, 6, 7],
    "include_stop_str_in_output": True,
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "add_special_tokens": True,
    "structured_outputs": {"choice": ["yes", "no"]},
    "prompt_logprobs": 1,
    "return_token_ids": True,
    "return_tokens_as_token_ids": True,
    "chat_template_kwargs": {"a": 1},
    "add_generation_prompt": True,
    "continue_final_message": True,
}
NEEDED: dict[str, dict[str, Any]] = {
    "stream_options": {"stream": True},
    "top_logprobs": {"logprobs": True},
    "tools": {"tool_choice": "required"},
    "tool_choice": {"tools": [TOOL]},
    "parallel_tool_calls": {"tools": [TOOL], "tool_choice": "required"},
    "return_tokens_as_token_ids": {"logprobs": 1},
    "continue_final_message": {"add_generation_prompt": False},
}
"""What must be there for the value to make sense."""


@dataclass(frozen=True)
class Case:
    """A request with one parameter, and whether each engine takes it."""

    path: str
    name: str
    body: dict[str, Any]
    vllm: bool
    openvino: bool

    def check(self, response: httpx.Response, *, does: bool) -> None:
        """Fail unless the engine does it, or it is refused by name."""
        where = (self.path, self.name, response.text)
        assert response.status_code == (200 if does else 400), where
        if not does:
            assert response.json()["error"]["param"] in (self.name, *NEEDED.get(self.name, {})), where


def catalogue() -> Any:
    """The starter's own table (openai_api/parameters.py); it needs Starlette, which the tests don't have."""
    return _in_starter(
        "import json, openai_api.parameters as p\n"
        "row = lambda s: [s.all, list(s.neutral)]\n"
        "print(json.dumps({k: {n: [row(x.vllm), row(x.openvino)] for n, x in t.items()}"
        " for k, t in (('chat', p.CHAT), ('text', p.TEXT))}))"
    )


def _in_starter(program: str) -> Any:
    done = subprocess.run(
        [str(starter.environment()), "-c", program],
        cwd=starter.INFERENCE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def cases() -> list[Case]:
    """One case a parameter and path."""
    made = []
    for kind, parameters in catalogue().items():
        path, first = {"chat": ("/v1/chat/completions", "messages"), "text": ("/v1/completions", "prompt")}[
            kind
        ]
        for name in parameters:
            value = ({"chat": True, "text": 2}[kind]) if name == "logprobs" else SAMPLES[name]
            needed = (
                {"logprobs": True}
                if kind == "chat" and name.startswith("return_tokens")
                else NEEDED.get(name, {})
            )
            body = {first: SAMPLES[first], **needed, name: value}
            body.setdefault("max_tokens", 4)
            allowed = [
                [does or asked in neutral for does, neutral in parameters[part]]
                for part, asked in {**needed, name: value}.items()
            ]
            vllm, openvino = (all(engine) for engine in zip(*allowed, strict=True))
            made.append(Case(path, name, body, vllm, openvino))
    return made


def table() -> str:
    """The table, as docs/starter.md shows it."""
    both = catalogue()
    lines = ["| parameter | request | vLLM | OpenVINO |", "| --- | --- | --- | --- |"]
    for name in sorted({*both["chat"], *both["text"]}):
        found = {kind: both[kind][name] for kind in both if name in both[kind]}
        groups = (
            {"chat, text": found["chat"]} if len(found) == 2 and found["chat"] == found["text"] else found
        )
        for kind, supports in groups.items():
            lines.append(f"| `{name}` | {kind} | {' | '.join(_word(*support) for support in supports)} |")
    return "\n".join(lines) + "\n"


def _word(does: bool, neutral: list[object]) -> str:
    if does:
        return "yes"
    return "only " + " or ".join(f"`{json.dumps(value)}`" for value in neutral) if neutral else "400"


def write_table() -> None:
    """Write it into the document."""
    before, _, rest = DOCUMENT.read_text("utf-8").partition(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    write_table()
