"""A request of the OpenAI API, checked before an engine sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from openai_api.errors import ApiError, bad_request
from openai_api.parameters import CHAT, NOT_FORWARDED, TEXT, refuse_unsupported

ChatOrText = Literal["chat", "text"]
UNION_MEMBERS = ("str", "int", "dict")
"""What pydantic adds to the place of a complaint about a union: no names of parameters."""


class Strict(BaseModel):
    """A part of a request. Other keys than the named ones are looked at elsewhere."""

    model_config = ConfigDict(extra="allow", strict=True)


class TextPart(Strict):
    """A part of a message; text is all that these models read."""

    type: Literal["text"]
    text: str


class Message(Strict):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None


class StreamOptions(BaseModel):
    """What a stream carries besides text."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Common(Strict):
    """What both requests have. Each may be null, as in OpenAI's types."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None


class ChatBody(Common):
    """Body of ``POST /v1/chat/completions``."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None


class TextBody(Common):
    """Body of ``POST /v1/completions``."""

    prompt: (
        str
        | Annotated[list[str], Field(fail_fast=True)]  # a thousand tokens are not a thousand wrong texts
        | Annotated[list[int], Field(fail_fast=True)]
        | Annotated[list[list[int]], Field(fail_fast=True)]
    )
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
    echo: bool | None = None
    best_of: int | None = None
    suffix: str | None = None


@dataclass(frozen=True)
class Call:
    """A checked request: which of the two, the model that answers, and the body without its nulls."""

    kind: ChatOrText
    model: str
    body: dict[str, Any]

    @property
    def stream(self) -> bool:
        """Return True if the answer is sent as it is written."""
        return bool(self.body.get("stream"))

    @property
    def include_usage(self) -> bool:
        """Return True if the stream's last event tells the tokens."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def max_tokens(self) -> int | None:
        """Return the limit of the answer that the request names."""
        return self.body.get("max_completion_tokens") or self.body.get("max_tokens")

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the texts that end the answer."""
        return tuple(self.body.get("stop", ()))


@dataclass(frozen=True)
class Rules:
    """What decides whether a request is taken: the models served, the engine, its tool parser."""

    models: tuple[str, ...]
    engine: str
    tool_parser: str | None = None

    def read(self, kind: ChatOrText, raw: bytes) -> Call:
        """Return the request in a body.

        Raises:
            ApiError: what is wrong with it, with the parameter's name.
        """
        return self.check(kind, _parse(raw))

    def check(self, kind: ChatOrText, values: dict[str, Any]) -> Call:
        """Return the request in a parsed body; raises as :meth:`read` does."""
        body = {name: value for name, value in values.items() if value is not None}
        _validate(kind, body)
        model = self._pick(body.get("model"))
        refuse_unsupported(body, CHAT if kind == "chat" else TEXT, self.engine)
        _refuse_stream_options(body)
        self._refuse_tools_without_parser(body)
        return Call(kind, model, _forwarded(body, model))

    def _pick(self, model: str | None) -> str:
        if model is not None and model not in self.models:
            raise unknown_model(model, self.models)
        return model or self.models[0]

    def _refuse_tools_without_parser(self, body: dict[str, Any]) -> None:
        """Refuse what vLLM refuses since 0.32, whatever the choice: a call of a tool is read by its parser alone."""
        wanted = body.get("tools") and body.get("tool_choice") != "none"
        if self.engine == "vllm" and wanted and not self.tool_parser:
            raise bad_request(
                'Tools need "toolParser" in inference/config.json: the name of vLLM\'s --tool-call-parser for this'
                ' model. Set it and Deploy, or send "tool_choice": "none".',
                "tools",
                "unsupported_parameter",
            )


def unknown_model(model: str, models: tuple[str, ...]) -> ApiError:
    """Return the refusal of a model that is not served here."""
    words = f"There is no model {model!r} here. Name one of: {', '.join(models)}."
    return ApiError(404, words, "model", "model_not_found")


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        raise bad_request("The body is not valid JSON.") from None
    if not isinstance(values, dict):
        raise bad_request("The body must be a JSON object.")
    if b"\\ud" in raw.lower():
        _refuse_half_characters(values)
    return values


def _refuse_half_characters(values: dict[str, Any]) -> None:
    """Refuse a lone half of a surrogate pair, which JSON can write and no tokenizer can read."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise bad_request("The body holds half a character (one of \\ud800 to \\udfff alone).") from None


def _validate(kind: ChatOrText, body: dict[str, Any]) -> None:
    try:
        (ChatBody if kind == "chat" else TextBody).model_validate(body)
    except ValidationError as error:
        raise _worst(error) from None
    except RecursionError:
        raise bad_request("The body is nested too deeply.") from None


def _worst(error: ValidationError) -> ApiError:
    """Return the deepest of several complaints: of a union, the member that the request nearly is."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    worst = max(found, key=lambda item: (len(item["loc"]), not item["type"].endswith("_type")))
    parts = [str(part) for part in worst["loc"]]
    where = ".".join(part for part in parts if part not in UNION_MEMBERS and not set(part) & set("[-"))
    return bad_request(f"{where}: {worst['msg']}.", where or None)


def _refuse_stream_options(body: dict[str, Any]) -> None:
    if "stream_options" in body and not body.get("stream"):
        raise bad_request('stream_options goes with "stream": true only.', "stream_options")


def _forwarded(body: dict[str, Any], model: str) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in NOT_FORWARDED}
    stop = kept.pop("stop", None)
    stops = [text for text in ([stop] if isinstance(stop, str) else stop or []) if text]
    options = kept.pop("stream_options", None)
    if options and options.get("include_usage"):
        kept["stream_options"] = {"include_usage": True}
    return {**kept, **({"stop": stops} if stops else {}), "model": model}
