"""How many requests are in flight: more while that pays, fewer when the service pushes back."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FEWEST, FIRST, MOST = 1, 32, 256
_PAYS = 1.05
"""Doubling must bring a twentieth more answers a second to go on."""
_CALM = 4
"""Windows without a refusal before a quarter more is tried after one."""


class ConcurrencyLimiter:
    """A gate that every request of a share passes: ``async with limiter: …``, then :meth:`answered`.

    Each answer lets one more request in, so that their number doubles from window to window, as long as that
    brings more answers a second. A window is as many answers as there were requests at once when it began.
    A 503 or 429 halves the number; until the time that the service named, nothing starts.

    Args:
        monotonic: Seconds that only grow.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._flying = 0
        self._best = 0.0
        self._growing = True
        self._calm = 0
        self._resume = 0.0
        self.limit = FIRST
        self._begin()

    async def __aenter__(self) -> None:
        if self._flying >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave()
                raise
        else:
            self._flying += 1

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    @property
    def pause(self) -> float:
        """The seconds until the service wants to be asked again; 0: now."""
        return max(0.0, self._resume - self._monotonic())

    def answered(self) -> None:
        """Count an answer that is not a push-back."""
        if not self._is_full():  # the limit is not what decides: such answers say nothing about it
            self._begin()
            return
        self._left -= 1
        if self._growing:
            self._allow(self.limit + 1)
        if not self._left:
            self._window(self._size / max(self._monotonic() - self._began, 1e-6))
            self._begin()

    def pushed_back(self, wait: float) -> None:
        """Slow down: the service is too busy, or this is too much; it wants ``wait`` seconds."""
        now = self._monotonic()
        if now >= self._resume:  # the answers to all that was in flight are one push-back, not many
            self.limit = max(FEWEST, self.limit // 2)
        self._resume = max(self._resume, now + wait)
        self._growing, self._calm = False, 0
        self._begin()

    def _is_full(self) -> bool:
        """Return True if requests wait for their turn."""
        return bool(self._waiting)

    def _begin(self) -> None:
        self._began = self._monotonic()
        self._size = self._left = self.limit

    def _window(self, rate: float) -> None:
        if not self._growing:
            self._calm += 1
            if self._calm >= _CALM:
                self._calm = 0
                self._allow(self.limit + max(1, self.limit // 4))
        elif rate > self._best * _PAYS:
            self._best = rate
            self._growing = self.limit < MOST
        else:
            self._growing = False
            self.limit = self._size

    def _allow(self, limit: int) -> None:
        self.limit = min(MOST, limit)
        self._admit()

    def _leave(self) -> None:
        self._flying -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._flying < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._flying += 1
                turn.set_result(None)
