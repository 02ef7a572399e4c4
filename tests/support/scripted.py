"""A person with prepared answers, a clock that nobody waits for, and the end of the process at a chosen step."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aitk_inference.core.errors import InputRequired
from aitk_inference.core.user_interface import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aitk_inference.core.actions import Action
    from aitk_inference.core.user_interface import Answers, Document, Level, ProgressEvent, Question


class Killed(BaseException):
    """The process ends here: nothing of ours runs after it."""


class Steps:
    """Everything that happens is a step, and any step can be the last one of the process.

    Attributes:
        calls: What happened, in order, with its arguments.
        kill_at: How many steps the process has; None: no end.
        on_step: Called at each step; what it raises is what the caller gets.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.kill_at: int | None = None
        self.on_step: Callable[[str], None] = lambda _: None

    def step(self, name: str, **arguments: Any) -> None:
        """Note a step; end the process before it where the test says so."""
        if self.kill_at is not None and len(self.calls) >= self.kill_at:
            raise Killed(name)
        self.calls.append((name, arguments))
        self.on_step(name)

    def count(self, name: str) -> int:
        return sum(called == name for called, _ in self.calls)


@dataclass
class FakeClock:
    """Time that passes when somebody sleeps; ``slept`` says how long each time."""

    seconds: float = 0.0
    start: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Scripted:
    """A person with prepared answers; without one, nobody who can be asked."""

    answers: dict[str, str] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    steps: list[ProgressEvent] = field(default_factory=list)
    said: list[tuple[Level, str]] = field(default_factory=list)
    shown: list[Document] = field(default_factory=list)
    on_step: Callable[[ProgressEvent], None] = lambda _: None

    @property
    def can_ask(self) -> bool:
        return bool(self.answers)

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

    async def show(self, document: Document) -> None:
        self.shown.append(document)
