"""Logs: what an app writes now, what it wrote before, and what its replicas go through."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Misuse, NotFound
from aitk_inference.core.logs import CONSOLE, SYSTEM
from aitk_inference.flows.operate.follow_logs import follow
from aitk_inference.flows.operate.log_range import span
from aitk_inference.flows.operate.log_reader import MOST_LINES, LogReader, before, in_order
from aitk_inference.flows.operate.opened_app import app_of_project
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.logs import ShowLine
    from aitk_inference.core.model import LogLine, Replica
    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import LogsRequest
    from aitk_inference.flows.operate.log_reader import Stream

_BEFORE = timedelta(days=1)
"""How far back a previous replica is looked for where nobody says."""
_STARTED = "ContainerStarted"


async def logs(request: LogsRequest, *, ui: UserInterface, clouds: Clouds, show: ShowLine) -> Outcome:
    """Show the last lines of the newest replica's console, or of the app's system log; follow on demand.

    Raises:
        AppError: the request can't be one.
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there, no replica runs, or nothing is kept of its past.
        NotAuthenticated, Forbidden, Unreachable.
    """
    since = span(request.since) if request.since else None
    if request.previous and request.follow:
        raise Misuse("What ended can't be followed.", suggestion="Leave out --follow or --previous.")
    async with app_of_project(request.project, ui=ui, clouds=clouds) as (cloud, app, _):
        reader = LogReader(request, app, cloud, show)
        if request.previous:
            await _previous(reader, since or _BEFORE)
        elif request.follow:
            await follow(reader, since)
        else:
            await _once(reader, since)
    if reader.shown:
        return Outcome("", data={"lines": reader.shown})
    if request.tail == 0 and since is None:
        return Outcome("No line was asked for (--tail 0).", data={"lines": 0})
    return Outcome(f"{app.ref.name} has written nothing{' then' if since else ' yet'}.", data={"lines": 0})


async def _once(reader: LogReader, since: timedelta | None) -> None:
    streams = await _streams(reader, required=since is None)
    tail = MOST_LINES if since else reader.request.tail
    tails = [[line async for line in stream.lines(tail)] for stream in streams]
    lines = [line for found in tails for line in found]
    if since:
        begin = reader.cloud.clock.now() - since
        lines = [line for line in lines if line.time is None or line.time >= begin]
        for source in reader.sources:
            lines = [*before(await reader.past(source, since), tails), *lines]
    for line in in_order(lines) if since or len(streams) > 1 else lines:
        reader.add(line)


async def _streams(reader: LogReader, *, required: bool) -> list[Stream]:
    """Return the newest replica's console, or the system log, or both."""
    streams = [reader.events()] if SYSTEM in reader.sources else []
    if CONSOLE not in reader.sources:
        return streams
    replicas = await reader.replicas()
    if not replicas and required and not streams:
        raise NotFound(
            f"No replica of {reader.app.ref.name} runs: it is stopped, or sleeps until somebody asks it.",
            suggestion="See what happened to it: aitk-inference logs --system. What it wrote before: aitk-inference logs --previous",
        )
    newest = [reader.console(revision, one.name) for revision, one in replicas[-1:]]
    return [*newest, *streams]


async def _previous(reader: LogReader, since: timedelta) -> None:
    """Show what the container before this one wrote; else what the last replica that ended did."""
    live = [one for _, one in await reader.replicas()]
    past = await reader.past(CONSOLE, since)
    lines = await _before_restart(reader, live[-1], past, since) if live and live[-1].restarts else []
    names = {one.name for one in live}
    ended = [line for line in past if line.replica not in names]
    if not lines and ended:
        lines = [line for line in ended if line.replica == ended[-1].replica]
    if not lines:
        raise NotFound(
            f"Log Analytics has nothing of an earlier replica of {reader.app.ref.name}.",
            suggestion="Lines get there some minutes after they were written. To look further back: --since 7d",
        )
    reader.note(f"Replica {lines[-1].replica}:")
    for line in lines[-reader.request.tail :] if reader.request.tail else ():
        reader.add(line)


async def _before_restart(
    reader: LogReader, replica: Replica, past: Sequence[LogLine], since: timedelta
) -> list[LogLine]:
    """Return what a replica's container wrote before it was started last."""
    events = await reader.past(SYSTEM, since)
    starts = [
        line.time
        for line in events
        if line.replica == replica.name and line.text.startswith(_STARTED) and line.time
    ]
    written = [line for line in past if line.replica == replica.name and line.time]
    return [line for line in written if starts and line.time and line.time < starts[-1]]
