"""Log streams against servers that break, redirect and repeat as Azure's do."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pytest
from aiohttp import web
from aitk_inference.azure.log_streams import LogStreams, console_line, event_line, when
from aitk_inference.core.errors import AppError, NotFound, Unreachable
from aitk_inference.core.model import AppRef
from product.azure.doubles import recorded
from support.scripted import FakeClock
from support.serving import serving
from support.shared import shared

APP = AppRef("s", "g", "app")


class TokenClients:
    """Gives tokens of the app, a new one each time."""

    def __init__(self) -> None:
        self.given = 0

    def apps(self, subscription_id: str) -> object:
        return SimpleNamespace(container_apps=self)

    async def get_auth_token(self, group: str, name: str) -> object:
        self.given += 1
        return SimpleNamespace(properties=SimpleNamespace(token=f"token{self.given}"))


def said(number: int) -> bytes:
    line = {"TimeStamp": f"2026-01-01T00:00:{number:02}+00:00", "Log": f"line {number}"}
    return json.dumps(line).encode() + b"\n"


GREETING = (
    b'{"TimeStamp":"2025-11-04T09:56:08.31309","Log":"Connecting to the container \\u0027c\\u0027..."}\n'
    b'{"TimeStamp":"2025-11-04T09:56:08.36035","Log":"Successfully Connected to container: c"}\n'
)


async def texts(address: str, clock: FakeClock, *, tail: int = 20, follow: bool = False) -> list[str]:
    async with httpx.AsyncClient(trust_env=False) as http:
        streams = LogStreams(TokenClients(), http, clock)  # type: ignore[arg-type] # a stand-in
        return [line.text async for line in streams.console(APP, address, tail=tail, follow=follow)]


async def test_the_streams_own_greetings_are_left_out() -> None:
    queries = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        queries.append((request.query_string, request.headers["Authorization"]))
        return web.Response(body=GREETING + said(1) + said(2))

    async with serving(handle) as url:
        assert await texts(f"{url}/logstream", FakeClock(), tail=5) == ["line 1", "line 2"]
    assert queries == [("follow=false&output=json&tailLines=5", "Bearer token1")]


async def test_a_followed_stream_that_breaks_is_opened_again_and_tells_no_line_twice() -> None:
    answers = [
        web.Response(body=said(1) + said(1) + said(2)),
        web.Response(status=503),
        web.Response(body=said(1) + said(1) + said(2) + said(3) + said(3)),
        web.Response(status=404, text=json.dumps({"error": {"code": "ReplicaNotFound", "message": "gone"}})),
    ]
    tails = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        tails.append((request.query["tailLines"], request.headers["Authorization"]))
        return answers.pop(0)

    clock = FakeClock()
    async with serving(handle) as url:
        found = await texts(url, clock, tail=20, follow=True)
    assert found == ["line 1", "line 1", "line 2", "line 3", "line 3"]
    assert tails == [("20", "Bearer token1"), *((("300"), f"Bearer token{n}") for n in (2, 3, 4))]
    assert clock.slept == [1.0, 2.0, 1.0]


async def test_a_stream_that_never_comes_back_is_told() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=503)

    clock = FakeClock()
    async with serving(handle) as url:
        with pytest.raises(Unreachable, match="Reading the log of app failed"):
            await texts(url, clock, follow=True)
    assert clock.slept == [2.0, 4.0, 8.0, 16.0, 20.0]


async def test_a_stream_of_nothing_is_told() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404)

    async with serving(handle) as url:
        with pytest.raises(NotFound):
            await texts(url, FakeClock(), follow=True)


async def test_a_redirect_to_another_host_keeps_the_token() -> None:
    seen = []

    async def target(request: web.BaseRequest) -> web.StreamResponse:
        seen.append((request.path_qs, request.headers["Authorization"]))
        return web.Response(body=said(1))

    async with serving(target) as there:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"{there}/other?a=b"})

        async with serving(handle) as url:
            assert await texts(url, FakeClock()) == ["line 1"]
    assert seen == [("/other?a=b", "Bearer token1")]


async def test_the_token_goes_nowhere_without_encryption() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": "http://example.invalid/"})

    async with serving(handle) as url:
        with pytest.raises(AppError, match=r"example\.invalid without encryption"):
            await texts(url, FakeClock())


async def test_redirects_without_end_are_told() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/again"})

    async with serving(handle) as url:
        with pytest.raises(Unreachable, match="without end"):
            await texts(url, FakeClock())


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-11-04T09:55:27.569033+00:00", datetime(2025, 11, 4, 9, 55, 27, 569033, tzinfo=UTC)),
        ("2025-11-04T09:56:08.31309", datetime(2025, 11, 4, 9, 56, 8, 313090, tzinfo=UTC)),
        ("2025-11-04 09:54:34.5401094 +0000 UTC", datetime(2025, 11, 4, 9, 54, 34, 540109, tzinfo=UTC)),
        ("2025-11-04T09:54:46Z", datetime(2025, 11, 4, 9, 54, 46, tzinfo=UTC)),
        ("2025-11-04T10:54:46+01:00", datetime(2025, 11, 4, 9, 54, 46, tzinfo=UTC)),
        ("soon", None),
        (None, None),
    ],
)
def test_times_are_read_in_every_recorded_form(text: str | None, time: datetime | None) -> None:
    assert when(text) == time


def recorded_lines(name: str, path: str) -> list[str]:
    text = shared(f"wire/containerapp-ext/{name}.yaml").read_text(encoding="utf-8")
    bodies = [one["response"]["body"]["string"] for one in recorded(text) if path in one["request"]["uri"]]
    return [line for body in bodies for line in body.splitlines() if line.strip()]


def test_a_recorded_console_is_read() -> None:
    lines = [console_line(line) for line in recorded_lines("test_containerapp_logstream", "/logstream")]
    told = [line for line in lines if line is not None]
    assert len(lines) - len(told) == 2
    assert any("Listening on :80" in line.text for line in told)
    assert all(line.time is not None and line.source == "console" for line in told)


def test_a_recorded_system_log_is_read() -> None:
    lines = [event_line(line) for line in recorded_lines("test_containerapp_eventstream", "/eventstream")]
    told = [line for line in lines if line is not None]
    assert len(told) < len(lines)
    assert "ContainerStarted: Started container 'capp000002'" in [line.text for line in told]
    assert all(line.time is not None and line.source == "system" for line in told)


def test_what_is_no_json_is_told_as_it_is() -> None:
    line = console_line("plain words")
    assert line is not None
    assert line.text == "plain words"
