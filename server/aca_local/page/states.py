"""How states and times look: a coloured word, a short time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from aca_local.page.html import Raw, tag

if TYPE_CHECKING:
    from aca_local.arm import Cloud

GOOD = frozenset({"Succeeded", "Running", "Healthy", "OK", "Ready"})
BAD = frozenset({"Failed", "Unhealthy", "Degraded", "Terminated", "CrashLoopBackOff", "ImagePullBackOff"})
ENDED = frozenset({"Succeeded", "Failed", "Canceled"})
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_MINUTE, _SMALL = 60, 10


def state(words: str) -> Raw:
    """Show what something is."""
    kind = "good" if words in GOOD else "bad" if words in BAD else "busy"
    return tag("span", words, class_=f"state {kind}")


def progress(words: str) -> Raw:
    """Show how far something has got: what runs is not there yet."""
    return state(words) if words in ENDED else tag("span", words, class_="state busy")


def moment(text: str) -> str:
    """Write a time of the wire in short (UTC)."""
    return text[:19].replace("T", " ")


def time_taken(cloud: Cloud, words: str, duration: str, since: str) -> str:
    """Write how long something took, or how long it has been going on."""
    if words in ENDED:
        return _short(seconds(duration))
    begun = datetime.fromisoformat(since[:26].rstrip("Z") + "+00:00")
    return f"{_short((cloud.clock() - begun).total_seconds())} so far"


def seconds(duration: str) -> float:
    """Read a duration of the wire (``PT1M2.5S``)."""
    found = _DURATION.fullmatch(duration)
    hours, minutes, rest = (float(one or 0) for one in found.groups()) if found else (0.0, 0.0, 0.0)
    return hours * _MINUTE * _MINUTE + minutes * _MINUTE + rest


def _short(count: float) -> str:
    count = max(count, 0.0)
    if count < _SMALL:
        return f"{count:.1f} s"
    if count < _MINUTE:
        return f"{count:.0f} s"
    return f"{int(count // _MINUTE)} min {int(count % _MINUTE)} s"
