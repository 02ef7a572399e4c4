"""The model: OpenVINO GenAI with a base model and, when there is one, a LoRA adapter in PEFT's format."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openvino_genai as ov

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from settings import Settings

WEIGHTS = "adapter_model.safetensors"
UNSUPPORTED = ("use_dora", "modules_to_save", "alpha_pattern", "rank_pattern", "fan_in_fan_out")


class CannotServe(Exception):
    """The base or the adapter can't be loaded; the message says why and what to do."""


class BadPrompt(Exception):
    """The messages can't be turned into a prompt; the message says why."""


@dataclass(frozen=True)
class Options:
    """How to answer. A temperature of 0 takes the likeliest token each time: one question, one answer."""

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How an answer ended: ``stop`` or ``length``, and what it took, in tokens."""

    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


class Engine:
    """A loaded model. One answer at a time: others wait for their turn."""

    def __init__(
        self, pipeline: ov.LLMPipeline, adapters: ov.AdapterConfig | None, context_tokens: int
    ) -> None:
        self._pipeline = pipeline
        self._tokenizer = pipeline.get_tokenizer()
        self._adapters = adapters
        self._context_tokens = context_tokens
        self._turn = threading.Lock()

    @property
    def adapted(self) -> bool:
        """Whether the adapter is loaded."""
        return self._adapters is not None

    def prompt(self, messages: Sequence[dict[str, str]]) -> ov.TokenizedInputs:
        """The whole conversation as the model's own chat template writes it, as tokens.

        Raises:
            BadPrompt: the template refuses the messages, or they fill the context.
        """
        try:
            text = self._tokenizer.apply_chat_template(list(messages), add_generation_prompt=True)
        except RuntimeError as error:
            raise BadPrompt(
                f"The model's chat template refuses these messages: {_first_line(error)}"
            ) from None
        tokens = self._tokenizer.encode(text, add_special_tokens=False)
        if (count := _count(tokens)) >= self._context_tokens:
            raise BadPrompt(
                f"The conversation takes {count} tokens; with its answer it may take {self._context_tokens}."
                " Leave out the oldest messages."
            )
        return tokens

    def answer(
        self,
        prompt: ov.TokenizedInputs,
        options: Options,
        *,
        adapted: bool,
        on_text: Callable[[str], bool],
    ) -> Outcome:
        """Answer a prompt, with or without the adapter. Blocks the calling thread.

        Args:
            prompt: From :meth:`prompt`.
            options: How to answer.
            adapted: Whether the adapter is applied.
            on_text: Called with each piece of text, in this thread; true ends the answer.
        """
        count = _count(prompt)
        config = self._generation(options, self._context_tokens - count, adapted=adapted)
        streamer = ov.TextStreamer(self._tokenizer, on_text)
        with self._turn:
            result = self._pipeline.generate(prompt, config, streamer)
        finish = result.finish_reasons[0]
        reason = "length" if finish == ov.GenerationFinishReason.LENGTH else "stop"
        return Outcome(reason, count, len(result.tokens[0]))

    def _generation(self, options: Options, room: int, *, adapted: bool) -> ov.GenerationConfig:
        config = self._pipeline.get_generation_config()
        config.max_new_tokens = min(options.max_tokens, room)
        config.do_sample = options.temperature > 0
        if config.do_sample:
            config.temperature, config.top_p, config.rng_seed = (
                options.temperature,
                options.top_p,
                options.seed,
            )
        config.stop_strings = set(options.stop)
        if self._adapters is not None:
            config.adapters = self._adapters if adapted else ov.AdapterConfig()
        return config


def load_engine(settings: Settings) -> Engine:
    """Load the base, and the adapter unless ``base_only``.

    Raises:
        CannotServe: a file is missing or can't be read.
    """
    if not (settings.base / "openvino_model.xml").is_file():
        raise CannotServe(f"The base model is missing: there is no openvino_model.xml in {settings.base}.")
    adapters = None if settings.base_only else _read_adapter(settings.adapter)
    extra = {} if adapters is None else {"adapters": adapters}
    try:
        pipeline = ov.LLMPipeline(settings.base, settings.device, **extra)
    except RuntimeError as error:
        raise CannotServe(f"The model can't be loaded: {_first_line(error)}") from error
    return Engine(pipeline, adapters, settings.context_tokens)


def adapter_strength(config: dict[str, object]) -> float:
    """The factor that PEFT applies to the adapter's weights. It is in adapter_config.json alone:
    ``lora_alpha / r``, or ``lora_alpha / sqrt(r)`` for rank-stabilised LoRA.
    """
    alpha, rank = float(str(config["lora_alpha"])), float(str(config["r"]))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _refuse_unsupported(config: dict[str, object]) -> None:
    used = [key for key in UNSUPPORTED if config.get(key)]
    if used:
        raise CannotServe(
            f"The adapter uses {', '.join(used)} (adapter_config.json), which OpenVINO GenAI does not apply."
            " Merge it into the base model, or train it again without."
        )


def _read_adapter(folder: Path) -> ov.AdapterConfig:
    weights, described = folder / WEIGHTS, folder / "adapter_config.json"
    for path in (weights, described):
        if not path.is_file():
            raise CannotServe(
                f"The adapter is missing: there is no {path.name} in {folder}. Sync it with Deploy, set"
                ' "adapter" in inference/config.json, or set "baseOnly" to serve the base model on purpose.'
            )
    try:
        config = json.loads(described.read_text("utf-8"))
        _refuse_unsupported(config)
        strength = adapter_strength(config)
        return ov.AdapterConfig(ov.Adapter(weights), strength)
    except (RuntimeError, KeyError, ValueError) as error:
        raise CannotServe(f"The adapter in {folder} can't be read: {_first_line(error)}") from error


def _count(tokens: ov.TokenizedInputs) -> int:
    return int(tokens.input_ids.shape[1])


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
