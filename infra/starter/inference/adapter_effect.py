"""Whether the adapter changes anything: its first tokens beside the base's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.base import Engine

PROMPTS = ("The most important thing is", "Question: Who are you?\nAnswer:", "Once upon a time")
NOISE = 2e-3
"""Log probabilities this close are equal: the same sums in another order differ by less."""
WITHOUT_EFFECT = (
    "The adapter changes nothing: on three prompts its first tokens are as likely as the base model's. Check"
    " that it was trained for this base and that its files are those of the last training, then Deploy again."
)


async def has_effect(engine: Engine, base: str, adapted: str) -> bool:
    """Return True if one of three prompts gets other first tokens, or other probabilities of them."""
    for prompt in PROMPTS:
        if differ(await engine.first_tokens(base, prompt), await engine.first_tokens(adapted, prompt)):
            return True
    return False


def differ(first: dict[str, float], second: dict[str, float]) -> bool:
    """Return True if two sets of likely tokens differ by more than noise."""
    common = first.keys() & second.keys()
    if not common:
        return True
    return any(abs(first[token] - second[token]) > NOISE for token in common)
