"""How long to wait between tries."""

from __future__ import annotations


def doubled(attempt: int, *, first: float, longest: float) -> float:
    """Return the seconds to wait after try number ``attempt`` (from 1): ``first``, then twice as long each time."""
    return min(first * 2.0 ** (attempt - 1), longest)
