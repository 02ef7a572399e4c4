"""How .NET writes dates in the invariant culture."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from arm_template.dotnet.date_parsing import DAYS, MONTHS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from arm_template.dotnet.date_parsing import Moment

STANDARD = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-ddTHH:mm:ss.fffffffzzz",
    "O": "yyyy-MM-ddTHH:mm:ss.fffffffzzz",
    "s": "yyyy-MM-ddTHH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}
IN_UTC = {
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
}
WHOLE = "MM/dd/yyyy HH:mm:ss zzz"
PIECE = re.compile(
    r"(?P<quote>['\"])(?P<text>.*?)(?P=quote)|\\(?P<escaped>.)|%(?=[A-Za-z])"
    r"|(?P<run>([A-Za-z])\5*)|(?P<other>.)",
    re.DOTALL,
)
LONGEST_FRACTION = 7


def format_date(moment: Moment, pattern: str) -> str | None:
    """Write a date by a .NET format string. None where it is not one."""
    if not pattern:
        return _custom(moment, WHOLE)
    if len(pattern) == 1:
        if pattern in IN_UTC:
            return _custom(replace(moment, offset=timedelta()), IN_UTC[pattern])
        return _custom(moment, STANDARD[pattern]) if pattern in STANDARD else None
    return _custom(moment, pattern)


def _custom(moment: Moment, pattern: str) -> str | None:
    pieces = [_piece(moment, match) for match in PIECE.finditer(pattern)]
    return None if None in pieces else "".join(filter(None, pieces))


def _piece(moment: Moment, match: re.Match[str]) -> str | None:
    """Write one piece; None for what .NET does not take."""
    run = match["run"]
    if run is None:
        lost = match["other"] in ("%", "\\", "'", '"')
        return None if lost else match["text"] or match["escaped"] or match["other"] or ""
    if run[0] in "fF":
        if len(run) > LONGEST_FRACTION:
            return None
        digits = f"{moment.fraction:07d}"[: len(run)]
        return digits.rstrip("0") if run[0] == "F" else digits
    write = WRITERS.get(run[0])
    return write(moment.local, len(run)) if write else run


def _padded(value: int, width: int) -> str:
    return str(value).zfill(min(width, 2))


def _year(moment: datetime, width: int) -> str:
    return str(moment.year % 100).zfill(width) if width <= 2 else str(moment.year).zfill(width)  # noqa: PLR2004 - yy


def _month(moment: datetime, width: int) -> str:
    name = MONTHS[moment.month - 1]
    return _padded(moment.month, width) if width <= 2 else name[:3] if width == 3 else name  # noqa: PLR2004 - MMM


def _day(moment: datetime, width: int) -> str:
    name = DAYS[moment.weekday()]
    return _padded(moment.day, width) if width <= 2 else name[:3] if width == 3 else name  # noqa: PLR2004 - ddd


def _offset(moment: datetime, width: int) -> str:
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    sign, hours = "-" if minutes < 0 else "+", abs(minutes) // 60
    if width >= 3:  # noqa: PLR2004 - zzz
        return f"{sign}{hours:02d}:{abs(minutes) % 60:02d}"
    return sign + str(hours).zfill(width)


WRITERS: dict[str, Callable[[datetime, int], str]] = {
    "y": _year,
    "M": _month,
    "d": _day,
    "H": lambda moment, width: _padded(moment.hour, width),
    "h": lambda moment, width: _padded((moment.hour - 1) % 12 + 1, width),
    "m": lambda moment, width: _padded(moment.minute, width),
    "s": lambda moment, width: _padded(moment.second, width),
    "t": lambda moment, width: ("AM" if moment.hour < 12 else "PM")[:width],  # noqa: PLR2004 - noon
    "z": _offset,
    "K": lambda moment, _: _offset(moment, 3),
    "g": lambda *_: "A.D.",
}
