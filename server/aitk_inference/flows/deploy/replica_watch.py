"""What the new replicas say while a start is waited for: their events and their console, followed."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError
from aitk_inference.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from types import TracebackType

    from aitk_inference.core.model import LogLine, Replica
    from aitk_inference.flows.deploy.startup_failure import Start

_KEPT = 300
_RUNNING = "running"
_PATIENCE = 5.0
"""Seconds that the system log may take to open."""
_RETRY = 2.0
"""Seconds until a console that could not be opened is tried again."""


class ReplicaWatch:
    """Follows the app's system log, and the console of its newest new replica.

    Args:
        start: What is started.
        hear: Gets each line of the console as it comes.
    """

    def __init__(self, start: Start, hear: Callable[[str], None]) -> None:
        self._start, self._hear = start, hear
        self._began = start.cloud.clock.monotonic()
        self._events: deque[LogLine] = deque(maxlen=_KEPT)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._opened_at: dict[str, float] = {}
        self.console: deque[str] = deque(maxlen=_KEPT)

    async def __aenter__(self) -> ReplicaWatch:
        """Begin to follow the system log."""
        events = self._start.cloud.apps.events(self._start.app.ref, tail=_KEPT, follow=True)
        self._tasks[""] = asyncio.create_task(_each(events, self._events.append))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to follow."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def events_of(self, replicas: Sequence[Replica]) -> list[LogLine]:
        """Return what the system log said of these replicas so far."""
        names = {replica.name for replica in replicas}
        return [line for line in self._events if line.replica in names]

    def look(self, replicas: Sequence[Replica]) -> None:
        """Follow the console of the newest of the new replicas, once it runs; again where it could not be opened."""
        running = replicas and any(
            one.started or one.running_state.lower() == _RUNNING for one in replicas[-1].containers
        )
        waited = self._start.cloud.clock.monotonic() - self._began
        if not running or (not self._events and waited < _PATIENCE):  # events come first, or there are none
            return
        name, now = replicas[-1].name, self._start.cloud.clock.monotonic()
        if name in self._tasks and (not self._tasks[name].done() or now < self._opened_at[name] + _RETRY):
            return
        self._opened_at[name] = now
        self.console.clear()
        lines = self._start.cloud.apps.console(
            self._start.app.ref, self._start.revision, name, tail=_KEPT, follow=True
        )
        self._tasks[name] = asyncio.create_task(_each(lines, self._take))

    def last_words(self) -> str:
        """Return the last thing that the console, or else the system log, says for a person."""
        words = [line.strip() for line in self.console if line.strip()[:1].isalnum()]
        return words[-1] if words else redact(self._events[-1].text.rstrip()) if self._events else ""

    def _take(self, line: LogLine) -> None:
        if line.source == "console":
            text = redact(line.text.rstrip())
            self.console.append(text)
            self._hear(text)


async def _each(lines: AsyncIterator[LogLine], take: Callable[[LogLine], None]) -> None:
    """Hand each line on until the log ends; logs help, and never end what they are about."""
    try:
        async for line in lines:
            take(line)
    except AppError:
        return
