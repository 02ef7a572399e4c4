"""What a flow tells while it works."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aitk_inference.core.user_interface import Level, ProgressEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from aitk_inference.core.user_interface import StageTime, UserInterface

log = logging.getLogger(__name__)

_TENTH = 0.1
"""Seconds below which tenths say nothing."""


@dataclass(eq=False, repr=False)
class Reporter:
    """Puts elapsed seconds on each step, and each step into the log."""

    ui: UserInterface
    monotonic: Callable[[], float] = time.monotonic
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the flow began."""
        return self.monotonic() - self.began

    def step(
        self, step: str, message: str, percent: int | None = None, stage: StageTime | None = None
    ) -> None:
        """Show a step."""
        log.info("%s: %s", step, message)
        self.ui.progress(ProgressEvent(step, message, percent, self.elapsed, stage))

    def warn(self, text: str) -> None:
        """Say something that a person should know."""
        log.warning("%s", text)
        self.ui.say(Level.WARNING, text)

    def info(self, text: str) -> None:
        """Say something good to know."""
        log.info("%s", text)
        self.ui.say(Level.INFO, text)


def duration(seconds: float) -> str:
    """Seconds for people: ``38 ms``, ``0.4 s``, ``12 s``, ``3 min 20 s``."""
    if seconds < _TENTH:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:  # noqa: PLR2004 - below it, tenths say something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"  # noqa: PLR2004 - a minute


def size(count: int) -> str:
    """Bytes for people: ``812 B``, ``1.3 MB``."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:  # noqa: PLR2004 - decimal units
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
