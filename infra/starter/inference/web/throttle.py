"""Slows down who tries keys: each wrong one is answered later than the one before."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SECONDS, LONGEST_SECONDS = 0.25, 5.0
MOST_WAITING = 8
FORGET_SECONDS = 300.0
MOST_ADDRESSES = 1024


class Throttle:
    """Wrong tries by client address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._waiting: dict[str, int] = {}

    def is_full(self, address: str) -> bool:
        """Return True if so many wrong tries of an address wait that the next one isn't looked at."""
        return self._waiting.get(address, 0) >= MOST_WAITING

    async def wrong(self, address: str) -> None:
        """Wait as long as the number of wrong tries says."""
        seconds = self._note(address)
        self._waiting[address] = self._waiting.get(address, 0) + 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]

    def _note(self, address: str) -> float:
        count, last = self._tries.pop(address, (0, 0.0))
        count = 1 if self._clock() - last > FORGET_SECONDS else count + 1
        self._tries[address] = (count, self._clock())
        if len(self._tries) > MOST_ADDRESSES:
            self._tries.popitem(last=False)
        return min(FIRST_SECONDS * (1 << min(count - 1, 10)), LONGEST_SECONDS)
