"""What vLLM writes to its console: how far its start is, and why it refuses a model.

The words are those of vLLM 0.32; of others, none may match: the stage is then the last one that did.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STAGES = (
    (
        "Loading the weights",
        re.compile(r"Starting to load model|Loading (?:safetensors|weights)|Loading checkpoint"),
    ),
    ("Compiling", re.compile(r"Dynamo bytecode transform|torch\.compile|Compiling a graph")),
    ("Reserving memory for answers", re.compile(r"GPU KV cache size|CPU KV cache|Available KV cache memory")),
    ("Recording CUDA graphs", re.compile(r"Capturing CUDA graph|Graph capturing")),
    ("Opening the engine's socket", re.compile(r"Starting vLLM (?:API )?server|Application startup")),
)
_PERCENT = re.compile(r"(\d{1,3})%")
_PROGRESS_BAR = re.compile(r"\d{1,3}%(?: Completed)? ?\|")
CHECKPOINT = re.compile(r"\.safetensors|shards|Completed", re.IGNORECASE)


class Refusal(NamedTuple):
    """Words of vLLM that another start would not change, and what to do."""

    pattern: re.Pattern[str]
    remedy: str


_AGAIN = "Train the adapter again without it, or merge it into the base, and sync it with Deploy."
REFUSALS = (
    Refusal(re.compile(r"No adapter found for \S+"), "Sync the adapter with Deploy."),
    Refusal(
        re.compile(r"LoRA rank \d+ is greater than max_lora_rank \d+"),
        "Train the adapter with a smaller rank.",
    ),
    Refusal(re.compile(r"vLLM does not yet support DoRA"), _AGAIN),
    Refusal(re.compile(r"vLLM only supports modules_to_save[^\n]*"), _AGAIN),
    Refusal(
        re.compile(r"expected target modules in [^\n]*"),
        "The adapter was trained for another base: name that one.",
    ),
    Refusal(
        re.compile(r"The size of tensor a \(\d+\) must match the size of tensor b \(\d+\)[^\n]*"),
        "The adapter was trained for another base: name that one.",
    ),
    Refusal(
        re.compile(
            r"(?:CUDA )?out of memory[^\n]*|No available memory for the cache blocks[^\n]*", re.IGNORECASE
        ),
        'The GPU is too small: take a larger one, a smaller "contextTokens", or a quantised base.',
    ),
    Refusal(
        re.compile(
            r"[^\n]*larger than the (?:maximum number of tokens that can be stored|available KV)[^\n]*"
        ),
        'Set a smaller "contextTokens" in inference/config.json.',
    ),
    Refusal(
        re.compile(r"Bfloat16 is only supported on GPUs[^\n]*"),
        'Set "dtype": "half" in inference/config.json.',
    ),
    Refusal(re.compile(r"Unknown quantization method[^\n]*"), "Choose a base in another format."),
    Refusal(
        re.compile(r"Model architectures [^\n]*(?:not supported|failed to be inspected)[^\n]*"),
        "Choose another base.",
    ),
)


def stage_of(line: str) -> str | None:
    """Return the stage that a line begins, if it begins one."""
    return next((title for title, pattern in STAGES if pattern.search(line)), None)


def percent_of(line: str) -> int | None:
    """Return how much of the weights is loaded, where the line is about it."""
    found = _PERCENT.search(line) if CHECKPOINT.search(line) else None
    return int(found[1]) if found else None


def is_progress_bar(line: str) -> bool:
    """Return True for a line that is drawn again and again."""
    return _PROGRESS_BAR.search(line) is not None


def refusal_in(lines: list[str]) -> str | None:
    """Return why vLLM refused a model, and what to do, where its last lines say it."""
    text = "\n".join(lines)
    for refusal in REFUSALS:
        if found := refusal.pattern.search(text):
            return f"vLLM refuses the model: {found[0].strip().rstrip('.')}. {refusal.remedy}"
    return None
