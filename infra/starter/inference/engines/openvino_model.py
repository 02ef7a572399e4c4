"""A model in OpenVINO's format with, when there is one, a LoRA adapter in PEFT's format."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openvino_genai as ov
from openai_api.errors import bad_request

from engines.base import CannotServe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from settings import Settings

WEIGHTS = "adapter_model.safetensors"
UNSUPPORTED = ("use_dora", "modules_to_save", "alpha_pattern", "rank_pattern", "fan_in_fan_out")
LONGEST_TOKEN = 128
LONGEST_CONTEXT = 4096
"""Where neither the settings nor the base's config.json name a context."""


@dataclass(frozen=True)
class Options:
    """How to answer. A temperature of 0 takes the likeliest token each time: one question, one answer."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """How an answer ended: ``stop`` or ``length``, and what it took, in tokens."""

    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class OpenVinoModel:
    """A loaded model. Its methods block; one answer at a time."""

    def __init__(
        self, pipeline: ov.LLMPipeline, adapters: ov.AdapterConfig | None, context_tokens: int
    ) -> None:
        self._pipeline = pipeline
        self._tokenizer = pipeline.get_tokenizer()
        self._adapters = adapters
        self._context_tokens = context_tokens
        longest_token = max(map(len, self._tokenizer.get_vocab()), default=LONGEST_TOKEN)
        self._longest_text = context_tokens * longest_token

    def chat_prompt(self, messages: Sequence[dict[str, str]]) -> ov.TokenizedInputs:
        """Return the conversation as the model's own chat template writes it, as tokens.

        Raises:
            ApiError: the template refuses the messages, or they fill the context.
        """
        self._refuse_too_long(sum(len(message["content"].encode()) for message in messages), "messages")
        try:
            text = self._tokenizer.apply_chat_template(list(messages), add_generation_prompt=True)
        except RuntimeError as error:
            words = f"The model's chat template refuses these messages: {first_line(error)}"
            raise bad_request(words, "messages") from None
        return self.text_prompt(text, "messages")

    def text_prompt(self, text: str, param: str) -> ov.TokenizedInputs:
        """Return a text as tokens.

        Raises:
            ApiError: it fills the context; ``param`` names what brought it.
        """
        self._refuse_too_long(len(text.encode()), param)
        tokens = self._tokenizer.encode(text, add_special_tokens=False)
        if (count := _count(tokens)) >= self._context_tokens:
            room = self._context_tokens
            words = f"{param} take {count} tokens; with the answer they may take {room}. Shorten them."
            raise bad_request(words, param, "context_length_exceeded")
        if count == 0:
            raise bad_request(f"{param}: there is nothing to go on with.", param)
        return tokens

    def _refuse_too_long(self, size: int, param: str) -> None:
        """Refuse a text that fills the context even if all its tokens were as long as the longest.

        OpenVINO's tokenizer keeps Python's lock, so a long text would stop everything else, threads or not.
        """
        if size > self._longest_text:
            words = (
                f"{param} take {size:,} bytes; with the answer they may take {self._context_tokens} tokens."
            )
            raise bad_request(f"{words} Shorten them.", param, "context_length_exceeded")

    def answer(
        self,
        prompt: ov.TokenizedInputs,
        options: Options,
        *,
        adapted: bool,
        on_text: Callable[[str], bool],
    ) -> Outcome:
        """Answer a prompt, with or without the adapter; ``on_text`` gets each piece and ends it with True."""
        count = _count(prompt)
        config = self._generation(options, self._context_tokens - count, adapted=adapted)
        result = self._pipeline.generate(prompt, config, ov.TextStreamer(self._tokenizer, on_text))
        finish = result.finish_reasons[0]
        reason = "length" if finish == ov.GenerationFinishReason.LENGTH else "stop"
        return Outcome(reason, count, len(result.tokens[0]))

    def first_tokens(self, text: str, *, adapted: bool) -> dict[str, float]:
        """Return the two likeliest tokens after a text, with the log probability of both together.

        Two, because GenAI 2026.4 needs it: where the first answer ever with the adapter, or without it, has
        one token, the next change between them makes all later answers with the adapter nonsense.
        """
        config = self._generation(Options(2), 2, adapted=adapted)
        config.logprobs, config.min_new_tokens, config.ignore_eos = 1, 2, True
        result = self._pipeline.generate(self.text_prompt(text, "prompt"), config)
        return {str(result.tokens[0]): float(result.scores[0])}

    def _generation(self, options: Options, room: int, *, adapted: bool) -> ov.GenerationConfig:
        config = self._pipeline.get_generation_config()
        config.max_new_tokens = min(options.max_tokens, room)
        config.do_sample = options.temperature > 0
        if config.do_sample:
            config.temperature, config.top_p = options.temperature, options.top_p
            config.rng_seed = options.seed
        config.presence_penalty = options.presence_penalty
        config.frequency_penalty = options.frequency_penalty
        config.stop_strings = set(options.stop)
        if self._adapters is not None:
            config.adapters = self._adapters if adapted else ov.AdapterConfig()
        return config


def load_model(settings: Settings) -> OpenVinoModel:
    """Load the base, and the adapter unless ``base_only``.

    Raises:
        CannotServe: a file is missing or can't be read.
    """
    adapters = None if settings.base_only else _read_adapter(settings.adapter)
    extra = {} if adapters is None else {"adapters": adapters}
    try:
        pipeline = ov.LLMPipeline(settings.base, settings.device, **extra)
    except RuntimeError as error:
        raise CannotServe(f"The model can't be loaded: {first_line(error)}") from error
    return OpenVinoModel(pipeline, adapters, settings.context_tokens or _context_of(settings.base))


def adapter_strength(config: dict[str, object]) -> float:
    """Return the factor that PEFT applies to the adapter's weights. It is in adapter_config.json alone:
    ``lora_alpha / r``, or ``lora_alpha / sqrt(r)`` for rank-stabilised LoRA.
    """
    alpha, rank = float(str(config["lora_alpha"])), float(str(config["r"]))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def first_line(error: Exception) -> str:
    """Return what OpenVINO's many lines end in."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _context_of(base: Path) -> int:
    try:
        config = json.loads((base / "config.json").read_text("utf-8"))
        return int(config["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError):
        return LONGEST_CONTEXT


def _refuse_unsupported(config: dict[str, object]) -> None:
    used = [key for key in UNSUPPORTED if config.get(key)]
    if used:
        raise CannotServe(
            f"The adapter uses {', '.join(used)} (adapter_config.json), which OpenVINO GenAI does not apply."
            " Merge it into the base model, or train it again without."
        )


def _read_adapter(folder: Path) -> ov.AdapterConfig:
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        _refuse_unsupported(config)
        return ov.AdapterConfig(ov.Adapter(folder / WEIGHTS), adapter_strength(config))
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise CannotServe(f"The adapter in {folder} can't be read: {first_line(error)}") from error


def _count(tokens: ov.TokenizedInputs) -> int:
    return int(tokens.input_ids.shape[1])
