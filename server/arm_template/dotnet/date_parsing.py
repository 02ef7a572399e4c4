"""How .NET reads dates in the invariant culture (`DateTimeOffset.Parse`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

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
SECOND = 10_000_000  # ticks
FIRST = datetime(1, 1, 1, tzinfo=UTC)
FARTHEST = timedelta(hours=14)
LAST_OF_2000S = 49  # years of two digits up to here are of this century
NOON = 12
LONGEST = 200  # characters of a date
ZONE = r"\s*(?P<zone>Z|GMT|[+-]\d{1,2}(?::?\d{2})?)?"
TIME = re.compile(
    r"(?<![\d+-])(?P<hour>\d{1,2})"
    r"(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d+))?)?|(?=\s*[AP]M))"
    rf"\s*(?P<half>[AP]M?)?{ZONE}",
    re.ASCII | re.IGNORECASE,
)
STRICT = re.compile(r"\d\d(?::\d\d){1,2}(?![\d:])", re.ASCII)  # a time of ISO 8601
COMPACT = re.compile(
    rf"(?P<date>\d{{8}})T(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?P<fraction>$^)?(?P<half>$^)?{ZONE}",
    re.ASCII,
)  # the groups that never match are those that TIME has too
DATE = re.compile(r"(?:(?:\d{1,4}|[A-Za-z]{3,9})(?:[\s,]*[/.-]?[\s,]*|$)){2,4}[Tt]?\s*", re.ASCII)
DATE_ZONE = re.compile(ZONE, re.ASCII | re.IGNORECASE)
WORD = re.compile(r"\d+|[A-Za-z]{3,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: ticks of 100 ns since the year 1 (in UTC), and the offset that it is told in."""

    ticks: int
    offset: timedelta = timedelta()

    @property
    def fraction(self) -> int:
        """The ticks of its second."""
        return self.ticks % SECOND

    @property
    def local(self) -> datetime:
        """Its date and time of day, whole seconds. Raises OverflowError."""
        return (FIRST + timedelta(seconds=self.ticks // SECOND)).astimezone(timezone(self.offset))


def moment_of(when: datetime, fraction: int = 0) -> Moment:
    """Return a date with ticks of its second. Raises OverflowError where .NET has no such date."""
    offset = when.utcoffset() or timedelta()
    seconds = (when.replace(tzinfo=UTC, microsecond=0) - FIRST - offset) // timedelta(seconds=1)
    if (
        abs(offset) > FARTHEST
        or seconds < 0
        or seconds > (datetime.max - datetime.min) // timedelta(seconds=1)
    ):
        raise OverflowError("out of range")
    return Moment(seconds * SECOND + fraction, offset)


def read_date(text: str) -> Moment | None:
    """Read a date; without an offset it is UTC. None where it is not one.

    A text that leaves out the date or the year means today's in .NET: it is none here, since the same
    template should mean the same tomorrow.
    """
    text = text.strip()
    if len(text) > LONGEST:
        return None
    try:
        return _read(text)
    except (ValueError, OverflowError):
        return None


def _read(text: str) -> Moment:
    compact = COMPACT.fullmatch(text)
    if compact is not None:
        day = compact["date"]
        return _whole((int(day[:4]), int(day[4:6]), int(day[6:])), compact)
    time = TIME.search(text)
    date = text[: time.start()] if time else text
    if time and time.end() != len(text):
        raise ValueError(text)
    matched = DATE.match(date)
    if matched is None:
        raise ValueError(text)
    rest = DATE_ZONE.fullmatch(date[matched.end() :])
    if rest is None or (time and rest["zone"]) or not _apart(date, time):
        raise ValueError(text)
    day_of = _date(WORD.findall(matched.group().rstrip("Tt")))
    if time:
        return _whole(day_of, time)
    return moment_of(datetime(*day_of, tzinfo=_zone(rest["zone"])))


def _apart(date: str, time: re.Match[str] | None) -> bool:
    """Return True if date and time may stand beside each other: after a "T" .NET wants ISO's time."""
    if date.endswith(("T", "t")):
        return time is not None and time["half"] is None and STRICT.match(time.group()) is not None
    return time is None or date.endswith((" ", "\t", ","))


def _date(words: list[str]) -> tuple[int, int, int]:
    """Make sense of numbers and names. Raises ValueError."""
    names = [word.lower() for word in words if word[0].isalpha()]
    months = [found for name in names if (found := _named(name, MONTHS))]
    days = [found for name in names if (found := _named(name, DAYS))]
    numbers = [word for word in words if word[0].isdigit()]
    if len(names) != len(months) + len(days) or len(months) > 1 or len(days) > 1:
        raise ValueError("a word that is no date")
    first = words[0][0].isdigit()
    year, month, day = _named_date(months[0], numbers, first) if months else _numbered_date(numbers)
    if days and datetime(year, month, day, tzinfo=UTC).weekday() != days[0] - 1:
        raise ValueError("another day of the week")
    return year, month, day


def _named(word: str, names: tuple[str, ...]) -> int:
    """Return the number of a name, from 1, or 0."""
    return next((at for at, name in enumerate(names, 1) if word in (name.lower(), name[:3].lower())), 0)


def _named_date(month: int, numbers: list[str], number_first: bool) -> tuple[int, int, int]:
    if len(numbers) == 1 and (number_first or len(numbers[0]) > 2):  # noqa: PLR2004 - a month of a year
        return _year(numbers[0]), month, 1
    first, second = numbers
    return (int(first), month, int(second)) if len(first) > 2 else (_year(second), month, int(first))  # noqa: PLR2004 - a year comes first


def _numbered_date(numbers: list[str]) -> tuple[int, int, int]:
    if len(numbers[0]) > 2:  # noqa: PLR2004 - the year comes first, and the day may be missing
        year, month, day = (*numbers, "1")[:3]
        return int(year), int(month), int(day)
    if len(numbers) == 2 and len(numbers[1]) > 2:  # noqa: PLR2004 - a month of a year
        return int(numbers[1]), int(numbers[0]), 1
    month, day, year = numbers
    return _year(year), int(month), int(day)


def _year(text: str) -> int:
    if len(text) > 2:  # noqa: PLR2004 - the century is told
        return int(text)
    return int(text) + (2000 if int(text) <= LAST_OF_2000S else 1900)


def _whole(day: tuple[int, int, int], time: re.Match[str]) -> Moment:
    hour = int(time["hour"])
    half = (time["half"] or " ")[0].upper()
    if half == "A":
        hour = 0 if hour == NOON else hour
        if hour > NOON:
            raise ValueError("a morning has twelve hours")
    elif half == "P" and hour < NOON:
        hour += NOON
    when = datetime(
        *day, hour, int(time["minute"] or 0), int(time["second"] or 0), tzinfo=_zone(time["zone"])
    )
    return moment_of(when, round(float(f"0.{time['fraction'] or 0}") * SECOND))


def _zone(text: str | None) -> timezone:
    if text is None or text.upper() in ("Z", "GMT"):
        return UTC
    digits = text[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")  # noqa: PLR2004 - hours alone
    span = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-span if text[0] == "-" else span)
