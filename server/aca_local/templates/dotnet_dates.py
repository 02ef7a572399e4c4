"""How .NET reads and writes dates in the invariant culture."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
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
READ = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7})\d*)?)?)?\s*(Z|z|[+-]\d{2}:?\d{2})?"
)
AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?")
WORDS = re.compile(
    r"(?:(\d{1,2}) ([A-Za-z]{3,9})|([A-Za-z]{3,9}) (\d{1,2}),?),? (\d{4})"
    r"(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?"
)


def read_date(text: str) -> datetime | None:
    """Read a date in one of the usual forms; without an offset it is UTC. None where it is not one."""
    try:
        return _iso(text.strip()) or _american(text.strip()) or _words(text.strip())
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> datetime | None:
    match = READ.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    micro = int((match[7] or "0").ljust(7, "0")[:6])
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=_zone(match[8]))


def _zone(text: str | None) -> timezone:
    if text is None or text in "zZ":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _american(text: str) -> datetime | None:
    match = AMERICAN.fullmatch(text)
    if match is None:
        return None
    month, day, year, hour, minute, second = (int(part or 0) for part in match.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _words(text: str) -> datetime | None:
    match = WORDS.fullmatch(text)
    if match is None:
        return None
    word = (match[2] or match[3]).lower()
    month = next((at for at, name in enumerate(MONTHS, 1) if word in (name.lower(), name[:3].lower())), 0)
    year, hour, minute, second = (int(part or 0) for part in match.groups()[4:])
    return datetime(year, month, int(match[1] or match[4]), hour, minute, second, tzinfo=UTC)


def format_date(moment: datetime, pattern: str) -> str | None:
    """Write a date by a .NET format string. None where it is not one."""
    if not pattern:
        return _custom(moment, WHOLE)
    if len(pattern) == 1:
        if pattern in IN_UTC:
            return _custom(moment.astimezone(UTC), IN_UTC[pattern])
        return _custom(moment, STANDARD[pattern]) if pattern in STANDARD else None
    return _custom(moment, pattern)


def _custom(moment: datetime, pattern: str) -> str:
    return "".join(_piece(moment, match) for match in PIECE.finditer(pattern))


def _piece(moment: datetime, match: re.Match[str]) -> str:
    run = match["run"]
    if run is None:
        return match["text"] or match["escaped"] or match["other"] or ""
    write = WRITERS.get(run[0])
    return write(moment, len(run)) if write else run


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


def _fraction(moment: datetime, width: int) -> str:
    return f"{moment.microsecond:06d}0"[:width]


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
    "f": _fraction,
    "F": lambda moment, width: _fraction(moment, width).rstrip("0"),
    "t": lambda moment, width: ("AM" if moment.hour < 12 else "PM")[:width],  # noqa: PLR2004 - noon
    "z": _offset,
    "K": lambda moment, _: _offset(moment, 3),
    "g": lambda *_: "A.D.",
}
