"""Prompts and measurements that every program here shares: random tokens, never the same twice."""

from __future__ import annotations

import json
import random
import statistics
from dataclasses import dataclass

PROMPT_TOKENS = 200
NEW_TOKENS = 128
FIRST_ORDINARY, LAST_ORDINARY = 300, 31000
"""Numbers of tokens that are words, not signs with a meaning."""


def prompt(seed: str) -> list[int]:
    """Return the tokens of a prompt; another seed gives another, so that no cache of prefixes helps anybody."""
    numbers = random.Random(seed)
    return [numbers.randrange(FIRST_ORDINARY, LAST_ORDINARY) for _ in range(PROMPT_TOKENS)]


@dataclass(frozen=True)
class Answer:
    """One answer: when it was asked for, and when each of its tokens came, in seconds of one clock."""

    asked: float
    came: tuple[float, ...]


def report(what: str, streams: int, seconds: float, answers: list[Answer]) -> str:
    """Return a line of JSON about one measurement; raise ValueError where an answer is not whole."""
    tokens = sum(len(answer.came) for answer in answers)
    if tokens != streams * NEW_TOKENS:
        raise ValueError(f"{what}, {streams} streams: {tokens} tokens came, not {streams * NEW_TOKENS}")
    first = sorted(answer.came[0] - answer.asked for answer in answers)
    measured = {
        "what": what,
        "streams": streams,
        "tokens_per_second": round(tokens / seconds, 1),
        "first_token_ms": round(statistics.median(first) * 1e3, 1),
        "first_token_ms_p95": round(first[round(0.95 * (len(first) - 1))] * 1e3, 1),
    }
    return json.dumps(measured)
