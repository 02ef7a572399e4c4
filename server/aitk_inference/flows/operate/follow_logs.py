"""Following logs: each replica's console as replicas come and go, and the app's system log."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING

from aitk_inference.core.backoff import doubled
from aitk_inference.core.errors import NotFound, Unreachable
from aitk_inference.core.logs import CONSOLE, SYSTEM
from aitk_inference.flows.operate.log_reader import MOST_LINES, attach

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta

    from aitk_inference.core.model import LogLine
    from aitk_inference.flows.operate.log_reader import LogReader, Stream

_LOOK_EVERY, _LOOK_LOCAL = 5.0, 1.0
"""Seconds between two looks at which replicas there are; the lines themselves come by streams."""
_LONGEST_WAIT = 60.0
_REMEMBERED = 2 * MOST_LINES


async def follow(reader: LogReader, since: timedelta | None) -> None:
    """Show the end of the logs, then what comes, until cancelled.

    Raises:
        NotFound: the app is gone.
        NotAuthenticated, Forbidden.
    """
    try:
        async with asyncio.TaskGroup() as group:
            await _Follower(reader, group).run(since)
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


class _Follower:
    """Holds one task a stream."""

    def __init__(self, reader: LogReader, group: asyncio.TaskGroup) -> None:
        self._reader, self._group = reader, group
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, deque[LogLine]] = {}
        self._asleep = False

    async def run(self, since: timedelta | None) -> None:
        reader = self._reader
        consoles = await self._consoles() if CONSOLE in reader.sources else {}
        events = [reader.events()] if SYSTEM in reader.sources else []
        tails = await attach(reader, [*consoles.values(), *events], since)
        self._shown = {replica: deque(lines, _REMEMBERED) for replica, lines in tails.items()}
        for stream in events:
            self._streams[""] = self._start(self._events(stream))
        if CONSOLE not in reader.sources:
            await self._streams[""]
            return
        self._follow(consoles, reader.request.tail)
        every = _LOOK_LOCAL if reader.cloud.is_local else _LOOK_EVERY
        failures = 0
        while True:
            await reader.cloud.clock.sleep(
                doubled(failures, first=every, longest=_LONGEST_WAIT) if failures else every
            )
            try:
                await self._look()
                failures = 0
            except Unreachable as error:
                failures += 1
                if failures == 1:
                    reader.note(f"{error.message} Trying again.")

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        return self._group.create_task(work)

    async def _look(self) -> None:
        """Follow what is new, and say what came and went."""
        reader = self._reader
        found = await reader.cloud.apps.get(reader.app.ref)
        if found is None:
            raise NotFound(f"The container app {reader.app.ref.name} is gone.")
        reader.app = found
        consoles = await self._consoles()
        known = {name for name in self._streams if name}
        for name in sorted(known - consoles.keys()):
            self._streams.pop(name).cancel()
            self._shown.pop(name, None)
            reader.note(f"Replica {name} ended.")
        for name in sorted(consoles.keys() - known):
            reader.note(f"Replica {name} started.")
        self._follow(consoles, MOST_LINES)

    async def _consoles(self) -> dict[str, Stream]:
        reader = self._reader
        replicas = [
            (revision, one)
            for revision, one in await reader.replicas()
            if any(each.running_state != "Waiting" or each.restart_count for each in one.containers)
        ]
        if not replicas and not self._asleep:
            reader.note("No replica runs: the app is stopped, starts, or sleeps until somebody asks it.")
        self._asleep = not replicas
        return {one.name: reader.console(revision, one.name) for revision, one in replicas}

    def _follow(self, consoles: dict[str, Stream], tail: int) -> None:
        for name, stream in consoles.items():
            if name not in self._streams or self._streams[name].done():
                self._streams[name] = self._start(self._console(stream, tail))

    async def _console(self, stream: Stream, tail: int) -> None:
        """Show a console until its replica is gone; one that is not there yet is looked for again."""
        try:
            await self._show(stream, tail)
        except (NotFound, Unreachable):
            return

    async def _events(self, stream: Stream) -> None:
        """Show the system log; one that is not there yet, or does not answer, is asked for again."""
        while True:
            try:
                await self._show(stream, self._reader.request.tail)
            except (NotFound, Unreachable) as error:
                self._reader.note(error.message)
            await self._reader.cloud.clock.sleep(_LONGEST_WAIT)

    async def _show(self, stream: Stream, tail: int) -> None:
        """Show a stream. Opened again it gives its last lines: what was shown of it and what was before that is left out."""
        shown = self._shown.setdefault(stream.replica, deque(maxlen=_REMEMBERED))
        seen, oldest = Counter(shown), shown[0] if shown else None
        async for line in stream.lines(MOST_LINES if seen else tail, follow=True):
            if seen[line] > 0:
                seen[line] -= 1
                oldest = None
            elif oldest is None or not _is_before(line, oldest):
                shown.append(line)
                self._reader.add(line)


def _is_before(line: LogLine, other: LogLine) -> bool:
    """Return True for a line that came before another, or in the same moment: the stream gives that other one later."""
    return line.time is not None and other.time is not None and line.time <= other.time
