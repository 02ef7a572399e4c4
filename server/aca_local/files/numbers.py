"""Whole numbers as headers and queries say them."""

import re

_WHOLE = re.compile(r"-?[0-9]{1,19}")


def whole_number(text: str) -> int | None:
    """Return a number of at most 19 ASCII digits (64 bits); None for any other text."""
    return int(text) if _WHOLE.fullmatch(text) else None
