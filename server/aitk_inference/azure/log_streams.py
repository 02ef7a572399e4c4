"""Console and system logs of a container app, followed across disconnections.

The app's own token (``getAuthToken``) opens both streams; they answer one JSON object a line and end or break
at any time (recorded: ``test_containerapp_logstream``, ``test_containerapp_eventstream``). Followed, they are
opened again, and lines that were told are not told twice, until the replica is gone.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx

from aitk_inference.azure.errors import answer_error, map_azure_errors, unreadable
from aitk_inference.core.backoff import doubled
from aitk_inference.core.errors import NotFound, Unreachable
from aitk_inference.core.model import LogLine

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.model import AppRef, Json
    from aitk_inference.core.ports import Clock

_MOST_LINES = 300
_REDIRECTS = 5
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 20.0
_HANDSHAKE = 1.0
"""Seconds that a connection which nobody wants any more may take to open."""
_FAILURES = 5
_NOTICED = 2
"""Streams end now and then, and open again: only one that does not is worth a word."""
_GREETINGS = (
    "Connecting to the container ",
    "Successfully Connected to container: ",
    "Kubernetes error happened. Closing the connection.",  # recorded of a container that never ran
)
_GREETING_REASONS = frozenset({"StartingGettingEvents", "ConnectedToEventsServer"})
_GO_TIME: Final = re.compile(r"^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?")
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class _Stream:
    """One stream: where, and how its lines are read. ``parse`` gives None for a line that says nothing."""

    address: str
    parse: Callable[[str], LogLine | None]
    tail: int
    follow: bool


class LogStreams:
    """Opens log streams.

    Args:
        clients: For the app's token.
        http: The client that reads; it must not follow redirects itself, since it would drop the token.
        clock: To wait before a stream is opened again.
    """

    def __init__(self, clients: Clients, http: httpx.AsyncClient, clock: Clock) -> None:
        self._clients = clients
        self._http = http
        self._clock = clock

    def console(self, ref: AppRef, address: str, *, tail: int, follow: bool) -> AsyncGenerator[LogLine, None]:
        """Console lines of the container whose ``logStreamEndpoint`` is ``address``."""
        return self._lines(ref, _Stream(address, console_line, min(tail, _MOST_LINES), follow))

    def events(self, ref: AppRef, address: str, *, tail: int, follow: bool) -> AsyncGenerator[LogLine, None]:
        """System log lines of the app whose ``eventStreamEndpoint`` is ``address``."""
        return self._lines(ref, _Stream(address, event_line, min(tail, _MOST_LINES), follow))

    async def _lines(self, ref: AppRef, stream: _Stream) -> AsyncGenerator[LogLine, None]:
        told: deque[LogLine] = deque(maxlen=2 * _MOST_LINES)
        failures = 0
        while True:
            try:
                async with aclosing(self._new(ref, stream, told)) as lines:
                    async for line in lines:
                        failures = 0
                        yield line
            except (Unreachable, NotFound) as error:
                failures += 1
                is_open = (
                    bool(told) or failures <= _FAILURES
                )  # what spoke once is waited for as long as somebody reads
                may_come_back = stream.follow and isinstance(error, Unreachable) and is_open
                if not may_come_back:  # one whose replica is gone does not
                    if isinstance(error, NotFound) and told:
                        return
                    raise
                if failures == _NOTICED:
                    yield LogLine(None, f"The log of {ref.name} broke off; connecting again.", "notice")
            if not stream.follow:
                return
            await self._clock.sleep(doubled(failures + 1, first=_FIRST_WAIT, longest=_LONGEST_WAIT))

    async def _new(self, ref: AppRef, stream: _Stream, told: deque[LogLine]) -> AsyncGenerator[LogLine, None]:
        """Lines of one connection that were not told over an earlier one; they are added to ``told``."""
        before = Counter(told)
        async with aclosing(self._once(ref, stream, again=bool(told))) as lines:
            async for line in lines:
                if before[line] > 0:
                    before[line] -= 1
                    continue
                told.append(line)
                yield line

    async def _once(self, ref: AppRef, stream: _Stream, *, again: bool) -> AsyncGenerator[LogLine, None]:
        """Lines of one connection; opened again it asks for more of them, so that none is missed between."""
        query = {
            "follow": str(stream.follow).lower(),
            "output": "json",
            "tailLines": str(_MOST_LINES if again else stream.tail),
        }
        token = await self._token(ref)
        doing = f"reading the log of {ref.name}"
        with map_azure_errors(doing):
            async with _opened(self._http, stream.address, query, token, doing) as response:
                async for text in response.aiter_lines():
                    line = stream.parse(text) if text.strip() else None
                    if line is not None:
                        yield line

    async def _token(self, ref: AppRef) -> str:
        apps = self._clients.apps(ref.subscription_id).container_apps
        with map_azure_errors(f"opening the log of {ref.name}"):
            answer = await apps.get_auth_token(ref.resource_group, ref.name)
        return (answer.properties.token if answer.properties else None) or ""


@asynccontextmanager
async def _opened(
    http: httpx.AsyncClient, address: str, query: dict[str, str], token: str, doing: str
) -> AsyncIterator[httpx.Response]:
    """Return the stream's answer; redirects to another host are followed with the token, as the service expects."""
    url = httpx.URL(address).copy_merge_params(query)
    for _ in range(_REDIRECTS):
        if url.scheme != "https" and url.host not in _LOCAL_HOSTS:  # it would carry the token
            raise Unreachable(f"The log is redirected to {url.host} without encryption: not followed.")
        request = http.build_request("GET", url, headers={"Authorization": f"Bearer {token}"})
        response = await _sent(http, request)
        try:
            if not response.is_redirect:
                if response.status_code >= HTTPStatus.BAD_REQUEST:
                    await response.aread()
                    raise answer_error(response.status_code, response.text, "", doing)
                if response.headers.get("Content-Type", "").lower().startswith("text/html"):
                    raise unreadable("A page instead of a log", doing)
                yield response
                return
            url = url.join(response.headers["Location"])
        finally:
            await response.aclose()
    raise Unreachable("The log is redirected without end.", suggestion="Run the command again.")


async def _sent(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Return the answer's beginning. Cancelled, it ends what it began: half a TLS handshake would leave its socket open."""
    sending = asyncio.ensure_future(http.send(request, stream=True))
    try:
        return await asyncio.shield(sending)
    except asyncio.CancelledError:
        await asyncio.wait({sending}, timeout=_HANDSHAKE)
        if not sending.done():
            sending.cancel()
        elif sending.exception() is None:
            await sending.result().aclose()
        raise


def console_line(text: str) -> LogLine | None:
    """Return a line of a console stream: ``{"TimeStamp": …, "Log": …}``; None for the stream's own greetings."""
    value = _object(text)
    if value is None:
        return LogLine(None, text)
    words = str(value.get("Log", ""))
    return None if words.startswith(_GREETINGS) else LogLine(when(value.get("TimeStamp")), words)


def event_line(text: str) -> LogLine | None:
    """Return a line of a system log stream: ``Reason: Msg``; None for the stream's own greetings."""
    value = _object(text)
    if value is None:
        return LogLine(None, text, "system")
    reason, words = _text(value, "Reason"), _text(value, "Msg")
    if reason in _GREETING_REASONS:
        return None
    return LogLine(
        when(value.get("TimeStamp")), system_text(reason, words), "system", _text(value, "ReplicaName")
    )


def system_text(*parts: str) -> str:
    """Return an event as a line of text: its reason, where it has one, and its words."""
    return ": ".join(part for part in parts if part)


def when(value: Json) -> datetime | None:
    """Return a time as either stream writes it: ISO 8601, or Go's ``2025-11-04 09:54:34.5401094 +0000 UTC``."""
    found = _GO_TIME.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    micros = (fraction or ".0")[:7]
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{micros.ljust(7, '0')}{zone or '+00:00'}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # digits that are no time
        return None


def _text(event: Mapping[str, Json], name: str) -> str:
    """Return a field as text; Azure writes null where an event has no replica, or no reason."""
    return str(event.get(name) or "")


def _object(text: str) -> dict[str, Json] | None:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
