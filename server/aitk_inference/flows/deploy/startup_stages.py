"""The stages of an app's start, seen in its replica's events and console, each with its time and the last one's."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from aitk_inference.core.percents import DeployPercent, between
from aitk_inference.core.progress import duration, size
from aitk_inference.core.user_interface import StageTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from aitk_inference.core.model import LogLine
    from aitk_inference.core.progress import Reporter

STEP = "Wait"
_USUAL_SECONDS = 60.0
"""How long a start takes of which nothing is known; only the bar's pace depends on it."""
AGAIN_AFTER = 5.0
"""Seconds after which a stage that goes on is shown again."""


class Stage(StrEnum):
    """The stages, in their order."""

    REPLICA = "replica"
    IMAGE = "image"
    SHARE = "share"
    PACKAGES = "packages"
    MODEL = "model"
    ANSWERING = "answering"


_ORDER: Final = tuple(Stage)


class Words(NamedTuple):
    """A stage in words: while it goes on, and when it is over."""

    now: str
    done: str


_WORDS: Mapping[Stage, Words] = {
    Stage.REPLICA: Words("Waiting for a replica", "Replica assigned"),
    Stage.IMAGE: Words("Pulling the image", "Image pulled"),
    Stage.SHARE: Words("Mounting the share", "Share mounted"),
    Stage.PACKAGES: Words("Installing packages", "Packages installed"),
    Stage.MODEL: Words("Loading the model", "Model loaded"),
    Stage.ANSWERING: Words("Waiting for an answer", "Answering"),
}
_EVENTS: tuple[tuple[re.Pattern[str], Stage, bool], ...] = (
    (re.compile(r"^AssigningReplica: .*has been scheduled"), Stage.REPLICA, True),
    (re.compile(r"^PullingImage"), Stage.IMAGE, False),
    (re.compile(r"^PulledImage"), Stage.IMAGE, True),
    (re.compile(r"(?i)successfully mounted volume"), Stage.SHARE, True),
    (re.compile(r"^ContainerCreated"), Stage.SHARE, True),
)
"""What the system log says (recorded: ``test_containerapp_eventstream``), and whether the stage is over then.

A container is made after its volumes were mounted."""
_CONSOLE: tuple[tuple[re.Pattern[str], Stage], ...] = (
    (
        re.compile(
            r"(?:Installing|Unpacking) the packages|^\s*(?:Collecting|Downloading|Installing collected packages)\b"
            r"|^Resolved \d+ packages"
        ),
        Stage.PACKAGES,
    ),
    (
        re.compile(
            r"Looking for the base model|Fetching \S+/\S+|Checking the model|Starting vLLM|Starting to load model"
            r"|Loading (?:OpenVINO|the weights|weights|safetensors|checkpoint|model|pipeline)|Generating the first token"
        ),
        Stage.MODEL,
    ),
)
"""What the starter, pip, uv, vLLM and transformers write as they begin."""
_PULLED = re.compile(r"Image size: (?P<bytes>\d+) bytes")
_PART = re.compile(r"[\d.]+ of [\d.]+ GB")
_GIGABYTES = re.compile(r"(?P<size>\d+(?:\.\d+)?) GB")
_PERCENT = re.compile(r"(?P<percent>\d{1,3}) ?%")


_CLOCK = re.compile(r": \d+ s, \d+ s in all$")
"""How the starter ends what it says: its own seconds."""
_LONGEST = 100


class StartStages:
    """Where a start stands.

    Args:
        last: Seconds of each stage at the last start.
        monotonic: Seconds that only grow.
        report: Shows each stage as it ends, and the one that goes on.
    """

    def __init__(self, last: Mapping[str, float], monotonic: Callable[[], float], report: Reporter) -> None:
        self._last, self._monotonic, self._report = last, monotonic, report
        self.began = self._since = monotonic()
        self.seconds: dict[str, float] = {}
        self._present: Stage | None = None
        self._detail = self._shown = ""
        self._again_at = 0.0

    @property
    def waited(self) -> float:
        """Return the seconds since the start was asked for."""
        return self._monotonic() - self.began

    def events(self, lines: Iterable[LogLine]) -> None:
        """Take what the system log says of the new replicas, from its beginning."""
        before: datetime | None = None
        for line in lines:
            for pattern, stage, is_over in _EVENTS:
                if not pattern.search(line.text):
                    continue
                image = _PULLED.search(line.text)
                detail = size(int(image["bytes"])) if image else ""
                if is_over:
                    known = (line.time - before).total_seconds() if line.time and before else None
                    self._end(stage, detail, known if known is None else max(known, 0.0))
                else:
                    self._begin(stage, detail)
                before = line.time

    def console(self, line: str) -> None:
        """Take a line of the new replica's console."""
        for pattern, stage in _CONSOLE:
            if pattern.search(line):
                self._begin(stage, "")
        if self._present is Stage.MODEL and (detail := loaded_words(line)):
            self._detail = detail

    def loading(self, words: str) -> None:
        """Take the app's own words on why its model does not answer yet."""
        self._begin(Stage.MODEL, "")
        if self._present is Stage.MODEL:
            self._detail = loaded_words(words) or _CLOCK.sub("", words)[:_LONGEST]

    def show(self, otherwise: str, line: str = "") -> None:
        """Show what goes on, where it is another than a moment ago or has gone on for some seconds.

        Args:
            otherwise: What is waited for where no stage is known to go on.
            line: The last line that was written, to be shown with it.
        """
        stage = self._present
        subject = _WORDS[stage].now if stage else otherwise
        if subject == self._shown and self.waited < self._again_at:
            return
        self._shown, self._again_at = subject, self.waited + AGAIN_AFTER
        if stage is None:
            self._report.step(STEP, f"{subject}: {line}" if line else subject, self._percent())
            return
        taken = self._monotonic() - self._since
        words = ", ".join(part for part in (subject, self._detail, duration(taken)) if part)
        last = self._last.get(stage)
        self._report.step(STEP, f"{words}{_compared(last)}", self._percent(), StageTime(stage, taken, last))

    def finish(self) -> tuple[StageTime, ...]:
        """End the start; return its stages."""
        if self._present:
            self._end(self._present, "")
        self.seconds[Stage.ANSWERING] = self.waited
        return tuple(
            StageTime(stage, taken, self._last.get(stage), True) for stage, taken in self.seconds.items()
        )

    def _begin(self, stage: Stage, detail: str) -> None:
        if not self._is_next(stage) or stage is self._present:
            return
        if self._present:
            self._end(self._present, "")
        self._present, self._detail, self._since = stage, detail, self._monotonic()

    def _end(self, stage: Stage, detail: str, known: float | None = None) -> None:
        """End a stage, which took the seconds that are known, else those since the one before it was seen to end."""
        if not self._is_next(stage):
            return
        if self._present not in (None, stage):
            self._end(self._present, "")
        now = self._monotonic()
        taken, last = now - self._since if known is None else known, self._last.get(stage)
        self.seconds[stage], self._since = taken, now
        self._present, self._detail = None, ""
        words = (
            f"{_WORDS[stage].done}{f' ({detail})' if detail else ''} in {duration(taken)}{_compared(last)}"
        )
        self._report.step(STEP, words, self._percent(), StageTime(stage, taken, last, is_done=True))

    def _is_next(self, stage: Stage) -> bool:
        """Return True for a stage that is after all those that have ended."""
        return all(_ORDER.index(stage) > _ORDER.index(Stage(ended)) for ended in self.seconds)

    def _percent(self) -> int:
        expected = max(self._last.get(Stage.ANSWERING, _USUAL_SECONDS), 1.0)
        return between(DeployPercent.RESTART, DeployPercent.READY, self.waited / expected)


def loaded_words(line: str) -> str:
    """Return how much of a model is loaded, where a line says it: ``4.9 of 14.0 GB``."""
    if part := _PART.search(line):
        return part[0]
    whole, percent = _GIGABYTES.search(line), _PERCENT.search(line)
    if whole and percent:
        gigabytes = float(whole["size"])
        return f"{gigabytes * min(int(percent['percent']), 100) / 100:.1f} of {gigabytes:.1f} GB"
    return f"{whole['size']} GB" if whole else f"{percent['percent']} %" if percent else ""


def answering_words(total: StageTime) -> str:
    """Return how long a start took in all, beside the last one."""
    return f"after {duration(total.seconds)}{_compared(total.last_seconds)}"


def _compared(last: float | None) -> str:
    return "" if last is None else f" (last time {duration(last)})"
