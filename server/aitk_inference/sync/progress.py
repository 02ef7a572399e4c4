"""How far the sending is, with rate and time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aitk_inference.core.percents import DeployPercent, between
from aitk_inference.core.progress import duration, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from aitk_inference.core.progress import Reporter
    from aitk_inference.sync.plan import Plan

STEP = "Sync"
_FILE_WEIGHT = 1 << 16
"""Bytes that sending a file is worth in the percentage: a request costs about as much."""
_RATE_SECONDS = 1.0
"""Seconds after which a rate says something."""


class SendProgress:
    """Turns counts into a progress step with rate and time left, a hundred at the most."""

    def __init__(self, plan: Plan, report: Reporter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._report = report
        self._monotonic = monotonic
        self._began = monotonic()
        self._files = len(plan.send)
        self._bytes = plan.send_bytes
        self._weight = max(_FILE_WEIGHT * self._files + self._bytes, 1)
        self._shown = -1

    def __call__(self, files: int, count: int) -> None:
        """Report what was sent so far."""
        done = (count + _FILE_WEIGHT * files) / self._weight
        shown = min(int(done * 100), 100)
        if shown == self._shown:
            return
        self._shown = shown
        percent = between(DeployPercent.SYNC, DeployPercent.SENT, shown / 100)
        noun = "file" if self._files == 1 else "files"
        words = f"{files:,} of {self._files:,} {noun}, {size(count)} of {size(self._bytes)}"
        self._report.step(STEP, words + self._pace(done, count), percent)

    def _pace(self, done: float, count: int) -> str:
        seconds = self._monotonic() - self._began
        if seconds < _RATE_SECONDS or not 0 < done < 1:
            return ""
        return f", {size(int(count / seconds))}/s, {duration(seconds / done - seconds)} left"
