"""Logs: what is read, followed over replicas that come and go, and taken from the past."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aca_local.kernel.replicas import LogLine as ReplicaLine
from aca_local.kernel.replicas import PastLine, SystemEvent
from aitk_inference.cli import run
from aitk_inference.cli.terminal import Screen
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError, NotFound
from aitk_inference.core.model import LogLine
from aitk_inference.core.terminal_text import coloured, printable
from aitk_inference.flows.api import LogsRequest
from aitk_inference.flows.operate.log_range import span
from aitk_inference.flows.operate.logs import logs
from support.azure_world import World, WorldClouds
from support.projects import provision_local
from support.scripted import Scripted
from support.scripted_replicas import EverReady

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


API = "2025-01-01"
TIMEOUT = 30.0


@pytest.fixture(autouse=True)
async def _provisioned(
    project: Path, azure: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    azure.replicas = EverReady()
    await provision_local(project, azure)
    app = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    await asyncio.to_thread(lambda: azure.ask("POST", f"{app}/start", version=API))
    yield
    azure.arm().replicas.specs.clear()  # no replica speaks any more


async def read(project: Path, azure: World, **given: Any) -> list[LogLine]:
    lines: list[LogLine] = []
    clouds = WorldClouds(azure, running=True)
    await logs(LogsRequest(project)._replace(**given), ui=Scripted(), clouds=clouds, show=lines.append)
    return lines


def told(lines: list[LogLine], *sources: str) -> list[str]:
    return [line.text for line in lines if line.source in (sources or ("console", "system"))]


class Following:
    """Logs that are followed beside the test."""

    def __init__(self, project: Path, azure: World, **given: Any) -> None:
        self.lines: list[LogLine] = []
        request = LogsRequest(project, follow=True)._replace(**given)
        clouds = WorldClouds(azure, running=True)
        work = logs(request, ui=Scripted(), clouds=clouds, show=self.lines.append)
        self.task = asyncio.ensure_future(work)

    async def until(self, text: str) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not any(text in line.text for line in self.lines):
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


def speak(azure: World, *words: str) -> list[str]:
    """Let replicas say these words, and keep their consoles open."""
    said = list(words)

    async def console(
        app_id: str, revision: str, replica: str, container: str, *, tail: int, follow: bool
    ) -> AsyncIterator[ReplicaLine]:
        for number, text in enumerate([f"{replica} speaks", *said][-tail:] if tail else ()):
            yield ReplicaLine(datetime(2026, 1, 2, 3, 4, number, tzinfo=UTC), text)
        heard = len(said)
        while follow and any(one.name == replica for one in replicas.states(app_id, revision)):
            for text in said[heard:]:
                yield ReplicaLine(datetime(2026, 1, 2, 3, 5, heard, tzinfo=UTC), text)
            heard = len(said)
            await asyncio.sleep(0.01)

    replicas = azure.arm().replicas
    replicas.console = console  # type: ignore[method-assign]  # what they say is the test's
    return said


async def test_the_last_lines_are_shown_without_secrets(project: Path, azure: World) -> None:
    speak(azure, "serving", "AccountKey=c2VjcmV0;")
    lines = await read(project, azure)
    assert told(lines)[1] == "serving"
    assert "c2VjcmV0" not in "".join(told(lines))
    assert {line.replica for line in lines} == {lines[0].replica}
    assert lines[0].replica.endswith("-0")


async def test_a_followed_log_goes_on_with_new_lines_and_new_replicas(project: Path, azure: World) -> None:
    said = speak(azure, "serving")
    following = Following(project, azure)
    await following.until("serving")
    said.append("a new line")
    await following.until("a new line")
    app = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    revision = await asyncio.to_thread(
        lambda: azure.ask("GET", app, version=API)["properties"]["latestRevisionName"]
    )
    await asyncio.to_thread(lambda: azure.ask("POST", f"{app}/revisions/{revision}/restart", version=API))
    await following.until(f"{revision}-1 speaks")
    await following.end()
    assert told(following.lines).count("a new line") == 2  # each of the two replicas said it
    assert f"Replica {revision}-0 ended." in told(following.lines, "notice")
    assert f"Replica {revision}-1 started." in told(following.lines, "notice")


async def test_an_app_that_sleeps_is_waited_for(project: Path, azure: World) -> None:
    said = speak(azure, "awake")
    app = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    await asyncio.to_thread(lambda: azure.ask("POST", f"{app}/stop", version=API))
    following = Following(project, azure)
    await following.until("No replica runs")
    await asyncio.to_thread(lambda: azure.ask("POST", f"{app}/start", version=API))
    await following.until("awake")
    await following.end()
    assert told(following.lines).count(said[0]) == 1


async def test_console_and_system_log_stand_together(project: Path, azure: World) -> None:
    speak(azure, "serving")
    lines = await read(project, azure, both=True)
    assert "serving" in told(lines, "console")
    assert told(lines, "system") == ["ContainerStarted: Started container 'c'"]
    assert told(await read(project, azure, system=True)) == ["ContainerStarted: Started container 'c'"]


def keep_past(azure: World, *lines: PastLine, events: tuple[SystemEvent, ...] = ()) -> None:
    replicas = azure.arm().replicas

    def past_lines(app_id: str) -> Iterator[PastLine]:
        yield from lines

    def past_events(app_id: str) -> Iterator[SystemEvent]:
        yield from events

    replicas.past_lines, replicas.past_events = past_lines, past_events  # type: ignore[method-assign]  # the test's


def minutes_ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


async def test_the_past_comes_before_what_runs_and_nothing_comes_twice(project: Path, azure: World) -> None:
    speak(azure, "now")
    live = (await read(project, azure))[0].replica
    azure.clock.start = datetime(2026, 1, 2, 3, 30, tzinfo=UTC)
    keep_past(
        azure,
        PastLine(minutes_ago(300), "r", "gone", "main", "too long ago"),
        PastLine(minutes_ago(90), "r", "gone", "main", "before it"),
        PastLine(minutes_ago(5), "r", live, "main", "now"),
    )
    found = told(await read(project, azure, since="2h"))
    assert found.count("now") == 1
    assert "too long ago" not in found
    assert "before it" in found
    following = Following(project, azure, since="2h")
    await following.until("now")
    await following.end()
    assert sorted(told(following.lines)) == sorted(found)


async def test_what_the_replica_before_wrote_is_shown(project: Path, azure: World) -> None:
    speak(azure, "now")
    with pytest.raises(NotFound, match="nothing of an earlier replica"):
        await read(project, azure, previous=True)
    keep_past(
        azure,
        PastLine(minutes_ago(90), "r", "first", "main", "the first one"),
        PastLine(minutes_ago(80), "r", "second", "main", "the second one"),
        PastLine(minutes_ago(79), "r", "second", "main", "Traceback"),
    )
    assert told(await read(project, azure, previous=True)) == ["the second one", "Traceback"]
    with pytest.raises(AppError, match="can't be followed"):
        await read(project, azure, previous=True, follow=True)


async def test_what_a_container_wrote_before_its_crash_is_shown(project: Path, azure: World) -> None:
    speak(azure, "now")
    live = (await read(project, azure))[0].replica
    replicas = azure.arm().replicas
    before = replicas.states

    def restarted(app_id: str, revision: str) -> Any:
        found = before(app_id, revision)
        return [
            replace(one, containers=tuple(replace(c, restart_count=1) for c in one.containers))
            for one in found
        ]

    replicas.states = restarted  # type: ignore[method-assign]  # the test's
    started = SystemEvent(minutes_ago(5), "ContainerStarted", "Started container 'main'", replica=live)
    keep_past(
        azure,
        PastLine(minutes_ago(9), "r", live, "main", "MemoryError"),
        PastLine(minutes_ago(4), "r", live, "main", "now"),
        events=(started,),
    )
    assert told(await read(project, azure, previous=True)) == ["MemoryError"]


async def test_an_environment_that_keeps_no_logs_is_named(project: Path, azure: World) -> None:
    path = azure.provider("Microsoft.App/managedEnvironments")
    (environment,) = await asyncio.to_thread(lambda: azure.ask("GET", path)["value"])
    changes = {"properties": {"appLogsConfiguration": {"destination": "azure-monitor"}}}
    await asyncio.to_thread(lambda: azure.ask("PATCH", f"{path}/{environment['name']}", changes))
    with pytest.raises(NotFound, match="sends none to Log Analytics"):
        await read(project, azure, since="2h")
    speak(azure, "serving")
    following = Following(project, azure, since="2h")
    await following.until("serving")
    await following.end()
    assert any("Earlier lines are not shown" in text for text in told(following.lines, "notice"))


def test_json_has_an_object_a_line_and_a_pipe_no_colours(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    speak(azure, "\x1b[31mred\x1b[0m \x1b]0;title\x07words")
    given = ["logs", "--project", str(project)]
    assert run([*given, "--json"], lambda *_: WorldClouds(azure, running=True)) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["type"], row.get("source"), row.get("text")) for row in rows[1:2]] == [
        ("log", "console", "red words")
    ]
    assert rows[1]["replica"].endswith("-0")
    assert datetime.fromisoformat(rows[1]["time"]) == datetime(2026, 1, 2, 3, 4, 1, tzinfo=UTC)
    assert (rows[-1]["type"], rows[-1]["data"]) == ("result", {"lines": 2})
    assert run(given, lambda *_: WorldClouds(azure, running=True)) == 0
    assert capsys.readouterr().out.splitlines()[1] == "red words"


@pytest.mark.parametrize(
    ("text", "minutes"), [("30m", 30), ("2h", 120), ("1d", 1440), ("1h30m", 90), ("90s", 1.5)]
)
def test_lengths_of_time_are_read(text: str, minutes: float) -> None:
    assert span(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "0h", "-1h", "2w", "9999d", "1e3h"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(AppError, match="no length of time"):
        span(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m"),
        ("\x1b[38;5;208morange", "\x1b[38;5;208morange\x1b[0m"),
        ("\x1b]0;title\x07\x1b[2Jplain\x1b[5A", "plain"),
        ("\x1b[31m\x1b]8;;http://x\x1b\\link", "\x1b[31mlink\x1b[0m"),
        ("plain\u202e", "plain\\u202e"),
    ],
)
def test_a_terminal_keeps_colours_and_nothing_else(text: str, shown: str) -> None:
    assert coloured(text) == shown
    out = io.StringIO()
    Screen(out, live=True, colours=True).log(LogLine(None, text), named=False)
    Screen(out, live=False, colours=False).log(LogLine(None, text), named=True)
    assert out.getvalue() == f"{shown}\n[console] {printable(text)}\n"


def test_a_notice_is_for_eyes_alone() -> None:
    out = io.StringIO()
    Screen(out, live=False, colours=False).log(LogLine(None, "Replica a ended.", "notice"), named=True)
    assert out.getvalue() == ""
    Screen(out, live=True, colours=False).log(LogLine(None, "Replica a ended.", "notice"), named=True)
    assert out.getvalue() == "Replica a ended.\n"
