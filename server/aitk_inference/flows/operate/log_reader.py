"""Reads an app's logs: the streams of what runs, and what Log Analytics keeps of the past."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aitk_inference.core.errors import AppError
from aitk_inference.core.logs import CONSOLE, NOTICE, SYSTEM, PastQuery
from aitk_inference.core.model import LogLine
from aitk_inference.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from aitk_inference.core.logs import ShowLine
    from aitk_inference.core.model import ContainerApp, Replica
    from aitk_inference.core.ports import Cloud
    from aitk_inference.flows.api import LogsRequest

MOST_LINES = 300
"""What a stream gives of its past."""
_MOST_PAST = 5000


class Stream(NamedTuple):
    """A live log: a replica's console, or the app's system log.

    Attributes:
        replica: Whose console; empty for the system log.
        open: Opens it, for the last lines and, where asked, what comes.
    """

    source: str
    replica: str
    open: Callable[[int, bool], AsyncIterator[LogLine]]

    async def lines(self, tail: int, *, follow: bool = False) -> AsyncGenerator[LogLine, None]:
        """Yield lines with their replica named."""
        async with aclosing(cast("AsyncGenerator[LogLine, Any]", self.open(tail, follow))) as lines:
            async for line in lines:
                yield line if line.replica or not self.replica else replace(line, replica=self.replica)


@dataclass
class LogReader:
    """Reads an app's logs for one request.

    Attributes:
        show: Shows a line; it is freed of secrets before.
        shown: How many lines were.
    """

    request: LogsRequest
    app: ContainerApp
    cloud: Cloud
    show: ShowLine
    shown: int = 0

    @property
    def sources(self) -> tuple[str, ...]:
        """Return which logs are read."""
        if self.request.both:
            return CONSOLE, SYSTEM
        return (SYSTEM,) if self.request.system else (CONSOLE,)

    def add(self, line: LogLine) -> None:
        """Show a line."""
        self.shown += line.source != NOTICE
        self.show(replace(line, text=redact(line.text.rstrip())))

    def note(self, words: str) -> None:
        """Say something about the log itself."""
        self.add(LogLine(None, words, NOTICE))

    def console(self, revision: str, replica: str) -> Stream:
        """Return the console of a replica."""
        apps, ref = self.cloud.apps, self.app.ref
        return Stream(
            CONSOLE,
            replica,
            lambda tail, follow: apps.console(ref, revision, replica, tail=tail, follow=follow),
        )

    def events(self) -> Stream:
        """Return the system log."""
        apps, ref = self.cloud.apps, self.app.ref
        return Stream(SYSTEM, "", lambda tail, follow: apps.events(ref, tail=tail, follow=follow))

    async def replicas(self) -> list[tuple[str, Replica]]:
        """Return the replicas with their revisions, the oldest first: of what serves, and of what is to serve."""
        app = self.app
        names = dict.fromkeys((*app.serving, *([app.latest_revision] if app.latest_revision else [])))
        return [(name, one) for name in names for one in await self.cloud.apps.replicas(app.ref, name)]

    async def past(self, source: str, since: timedelta) -> Sequence[LogLine]:
        """Return what Log Analytics keeps, and say where that is only the end of it."""
        lines = await self.cloud.past_logs.lines(self.app, PastQuery(source, since, _MOST_PAST))
        if len(lines) == _MOST_PAST:
            self.note(f"There is more before: these are the last {_MOST_PAST} lines that Log Analytics has.")
        return lines


async def attach(
    reader: LogReader, streams: Sequence[Stream], since: timedelta | None
) -> dict[str, list[LogLine]]:
    """Show the past and the last lines of streams that are to be followed.

    Returns:
        What was shown of each stream, by its replica: following it gives these lines again.
    """
    tail = MOST_LINES if since else reader.request.tail
    tails = {one.replica: [line async for line in one.lines(tail)] for one in streams} if tail else {}
    lines = [line for found in tails.values() for line in found]
    try:
        for source in reader.sources if since else ():
            lines += before(await reader.past(source, since or timedelta()), list(tails.values()))
    except AppError as error:  # following is what is wanted; the past is an addition
        reader.note(f"Earlier lines are not shown. {error.message}")
    for line in in_order(lines):
        reader.add(line)
    return tails


def before(past: Sequence[LogLine], tails: Sequence[Sequence[LogLine]]) -> list[LogLine]:
    """Return the lines of the past that no stream gives as well: Log Analytics notes a line a little later."""
    begins = {found[0].replica: found[0].time for found in tails if found and found[0].source == CONSOLE}
    texts = {(line.source, line.replica, line.text) for found in tails for line in found}

    def is_shown(line: LogLine) -> bool:
        begin = begins.get(line.replica)
        is_late = line.source == SYSTEM or (
            begin is not None and line.time is not None and line.time >= begin
        )
        return is_late and (line.source, line.replica, line.text) in texts

    return [line for line in past if not is_shown(line)]


def in_order(lines: Sequence[LogLine]) -> list[LogLine]:
    """Return lines by their time; one without goes with the line before it."""
    moment, keyed = 0.0, []
    for line in lines:
        moment = line.time.timestamp() if line.time else moment
        keyed.append((moment, line))
    return [line for _, line in sorted(keyed, key=lambda pair: pair[0])]
