"""A person with prepared answers, and a clock that nobody waits for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aitk_inference.core.errors import InputRequired
from aitk_inference.core.interface import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aitk_inference.core.interface import Action, Answers, Level, ProgressEvent, Question


class Killed(BaseException):
    """The process ends here: nothing of ours runs after it."""


@dataclass
class FakeClock:
    """Time that passes when somebody sleeps."""

    seconds: float = 0.0
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


@dataclass
class Scripted:
    """A person with prepared answers; without one, nobody who can be asked."""

    answers: dict[str, str] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    steps: list[ProgressEvent] = field(default_factory=list)
    said: list[tuple[Level, str]] = field(default_factory=list)
    on_step: Callable[[ProgressEvent], None] = lambda _: None

    async def ask(self, questions: Sequence[Question]) -> Answers:
        self.asked += questions
        unknown = [question for question in questions if question.name not in self.answers]
        if unknown:
            raise InputRequired([missing(question) for question in unknown])
        return {question.name: self.answers[question.name] for question in questions}

    def progress(self, event: ProgressEvent) -> None:
        self.steps.append(event)
        self.on_step(event)

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        self.said.append((level, text))
