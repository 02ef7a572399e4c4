"""How far back a log is read, as people write it."""

from __future__ import annotations

import re
from datetime import timedelta

from aitk_inference.core.errors import AppError

_PART = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=730)


def span(text: str) -> timedelta:
    """Return ``90s``, ``30m``, ``2h``, ``1d`` or ``1h30m`` as a time.

    Raises:
        AppError: it is none of them.
    """
    found = _PART.findall(text.strip().lower())
    total = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in found), timedelta())
    is_whole = "".join(f"{count}{unit}" for count, unit in found) == text.strip().lower()
    if not is_whole or not timedelta() < total <= _LONGEST:
        raise AppError(f"{text} is no length of time.", suggestion="Give --since like 30m, 2h or 1d.")
    return total
