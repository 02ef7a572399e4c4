"""Time as the Files service counts it: whole ticks of 100 ns since 1970, each given out only once."""

import time
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

from aca_local.files.errors import FilesError

TICKS_PER_SECOND = 10_000_000
NS_PER_TICK = 100
DOTNET_EPOCH = (
    621_355_968_000_000_000  # ticks from year 1 to 1970: an ETag is the moment of a change in .NET ticks
)
EARLIEST, LATEST = (
    -11_644_473_600,
    253_402_300_799,
)  # seconds: 1601, where FILETIME begins, and the end of 9999


class Clock:
    """Gives the time in ticks; no two calls of `tick` get the same answer, so a tick also names a version."""

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """Return the present, for comparing."""
        return time.time_ns() // NS_PER_TICK

    def tick(self) -> int:
        """Return the present, or the next free tick after the last one given."""
        self._last = max(self._last + 1, time.time_ns() // NS_PER_TICK)
        return self._last


def etag(tick: int) -> str:
    """Return the quoted entity tag of a version made at `tick`."""
    return f'"0x{tick + DOTNET_EPOCH:X}"'


def http_date(tick: int) -> str:
    """Return a tick as an HTTP date."""
    return _http_date(_shown(tick))


@lru_cache(maxsize=1024)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def iso(tick: int) -> str:
    """Return a tick as the service writes file times: seven digits of a second, `Z`."""
    return f"{_iso_second(_shown(tick))}.{tick % TICKS_PER_SECOND:07d}Z"


def _shown(tick: int) -> int:
    """Return the second of a tick; a program of this computer may have given a file any time."""
    return min(max(tick // TICKS_PER_SECOND, EARLIEST), LATEST)


@lru_cache(maxsize=1024)
def _iso_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=1024)
def parse_iso(text: str) -> int:
    """Return the tick that an ISO time names (up to seven digits of a second; UTC where no zone is given).

    Raises FilesError InvalidHeaderValue for anything else, and for what no file can have (before 1601).
    """
    head, dot, tail = text.strip().removesuffix("Z").partition(".")
    try:
        moment = datetime.fromisoformat(head)
    except ValueError:
        raise FilesError("InvalidHeaderValue", HeaderValue=text) from None
    if dot and not (tail.isdigit() and tail.isascii()):
        raise FilesError("InvalidHeaderValue", HeaderValue=text)
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if not EARLIEST <= seconds <= LATEST:
        raise FilesError("InvalidHeaderValue", HeaderValue=text)
    return seconds * TICKS_PER_SECOND + int((tail + "0000000")[:7])
