"""The stages of a start: what happens now, for how many seconds, with how many gigabytes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Stage:
    """One stage; ``seconds`` is None until it has ended."""

    title: str
    began: float
    gigabytes: float | None = None
    percent: int | None = None
    seconds: float | None = None

    def words(self) -> str:
        """Return the title with its size and progress."""
        size = "" if self.gigabytes is None else f", {self.gigabytes:.1f} GB"
        progress = "" if self.percent is None else f", {self.percent} %"
        return f"{self.title}{size}{progress}"


@dataclass
class Stages:
    """The stages so far, the last being the present one; each is logged as it begins and ends."""

    log: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)
    all: list[Stage] = field(default_factory=list)
    is_finished: bool = False

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return self.clock() - self.began

    def begin(self, title: str, gigabytes: float | None = None) -> None:
        """End the present stage and begin another; the same title again goes on with the present one.

        An engine's words after the end begin nothing.
        """
        if self.is_finished or (self.all and self.all[-1].title == title):
            return
        self._end_present()
        self.all.append(Stage(title, self.clock(), gigabytes))
        self.log(f"[{self.elapsed:6.1f} s] {self.all[-1].words()} …")

    def progress(self, percent: int) -> None:
        """Note how far the present stage is."""
        if self.all and not self.is_finished:
            self.all[-1].percent = percent

    def finish(self) -> None:
        """End the last stage and log what each took."""
        self._end_present()
        self.is_finished = True
        took = ", ".join(f"{stage.title} {stage.seconds:.1f} s" for stage in self.all)
        self.log(f"[{self.elapsed:6.1f} s] Ready. {took}.")

    def words(self) -> str:
        """Return the present stage in words, with its seconds."""
        if not self.all:
            return "Starting"
        stage = self.all[-1]
        return f"{stage.words()}: {self.clock() - stage.began:.0f} s, {self.elapsed:.0f} s in all"

    def _end_present(self) -> None:
        if self.all and self.all[-1].seconds is None:
            self.all[-1].seconds = self.clock() - self.all[-1].began
