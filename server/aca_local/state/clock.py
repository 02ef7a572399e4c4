"""Times as Azure writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

_EPOCH = datetime(1, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


def ticks(moment: datetime) -> int:
    """Return .NET's ticks: hundreds of nanoseconds since the year 1 (in operation ids and ``t=``)."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10


def stamp(moment: datetime) -> str:
    """Return ``2024-04-18T02:56:49.2793609Z``: seven digits, as deployments write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def duration(span: timedelta) -> str:
    """Return an ISO 8601 duration as deployments write it: ``PT5.3934955S``, ``PT1M3.9913627S``."""
    seconds = max(span.total_seconds(), 0.0)
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    return f"PT{parts}{rest:.7f}".rstrip("0").rstrip(".") + "S"
