"""The ingress: one stable port of this computer for each app, and a reverse proxy to a ready replica.

Its words are those of Container Apps' Envoy, as users reported them ("stream timeout" while a revision was
activating: microsoft/azure-container-apps#1217; "upstream connect error …": #295; the 404: #1613).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from aca_local.listeners import Door, site
from aca_local.ports import HOST, PortInUseError, in_use
from aca_local.security import is_local_host

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from aca_local.listeners import Handler
    from aca_local.ports import PortBook
    from aca_local.replicas import ReplicaState

TIME_LIMIT = 240.0  # seconds; Container Apps' ingress time-out
LOOK = 0.05  # seconds between two looks for a ready replica
HOPELESS = frozenset(("CrashLoopBackOff", "ImagePullBackOff", "CreateContainerError"))
CONNECT_LIMIT = 10.0  # seconds
HOP_BY_HOP = frozenset(
    (
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
FORWARDED = frozenset(("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"))
STOPPED = "Error 404 - This Container App is stopped or does not exist."
TIMED_OUT = "stream timeout"
NO_UPSTREAM = "no healthy upstream"
NOT_REACHED = "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
WEBSOCKET_HEADERS = (
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
)
log = logging.getLogger(__name__)


class Backends(Protocol):
    """What the ingress asks the supervisor."""

    def ready_ports(self, app_id: str, revision: str) -> Sequence[int]:
        """List the local ports of ready replicas."""

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        """List the replicas of a revision."""


@dataclass
class _Door:
    app_id: str
    port: int
    runner: web.ServerRunner


class ReverseProxy:
    """The real thing behind the ``Ingress`` port."""

    def __init__(
        self,
        backends: Backends,
        ports: PortBook,
        *,
        time_limit: float = TIME_LIMIT,
        around: Callable[[Handler], Handler] = lambda handler: handler,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """``context``: with it, the doors answer https too."""
        self._backends, self._ports, self._time_limit, self._around = backends, ports, time_limit, around
        self._context = context
        self._doors: dict[str, _Door] = {}
        self._routes: dict[str, str] = {}
        self._turn = itertools.count()
        self._client: aiohttp.ClientSession | None = None

    async def expose(self, app_id: str, app: str, *, target_port: int) -> str:
        """Open the app's port; a second time only its host is answered. Raises PortInUseError."""
        key = app_id.lower()
        if key not in self._doors:
            port = self._ports.port(key)
            self._doors[key] = await self._open(app_id, port)
            log.info("ingress of %s: http://%s:%d (target port %d)", app, HOST, port, target_port)
        return f"{HOST}:{self._doors[key].port}"

    async def route(self, app_id: str, revision: str) -> None:
        """Send the app's traffic to this revision from now on."""
        self._routes[app_id.lower()] = revision

    async def conceal(self, app_id: str) -> None:
        """Close the app's port and keep it for the app."""
        if door := self._doors.pop(app_id.lower(), None):
            await door.runner.cleanup()
        self._routes.pop(app_id.lower(), None)

    async def withdraw(self, app_id: str) -> None:
        """Close the app's port and free it."""
        await self.conceal(app_id)
        self._ports.release(app_id.lower())

    async def close(self) -> None:
        """Close all doors; the ports stay kept."""
        await asyncio.gather(*(door.runner.cleanup() for door in self._doors.values()))
        self._doors.clear()
        if self._client:
            await self._client.close()

    async def _open(self, app_id: str, port: int) -> _Door:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(door, request)

        server = web.Server(
            self._around(handle), handler_cancellation=True, auto_decompress=False, access_log=None
        )
        runner = web.ServerRunner(server, shutdown_timeout=2.0)
        door = _Door(app_id, port, runner)
        await runner.setup()
        try:
            await site(runner, Door(port, other=self._context)).start()
        except OSError:
            await runner.cleanup()
            raise PortInUseError(in_use(port)) from None
        return door

    async def _handle(self, door: _Door, request: web.BaseRequest) -> web.StreamResponse:
        if not is_local_host(request.host):
            return web.Response(status=421, text="This address answers to names of this computer only.")
        found = await self._backend(door)
        if isinstance(found, web.Response):
            return found
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request, found)
        return await self._http(request, found)

    async def _backend(self, door: _Door) -> int | web.Response:
        """Choose a ready replica in turn; wait for a starting one as a cold start does."""
        app = door.app_id
        with suppress(TimeoutError):
            async with asyncio.timeout(self._time_limit):
                while True:
                    revision = self._routes.get(app.lower(), "")
                    if ports := self._backends.ready_ports(app, revision):
                        return ports[next(self._turn) % len(ports)]
                    states = self._backends.states(app, revision)
                    if not states:
                        return web.Response(status=404, text=STOPPED)
                    if all(map(_is_crashing, states)):
                        return web.Response(status=503, text=NO_UPSTREAM)
                    await asyncio.sleep(LOOK)
        return web.Response(status=504, text=TIMED_OUT)

    async def _http(self, request: web.BaseRequest, port: int) -> web.StreamResponse:
        answer: web.StreamResponse | None = None
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # the body is passed on as it comes
        try:
            async with self._session().request(
                request.method,
                _target(port, request),
                headers=_towards_replica(request),
                data=request.content if request.body_exists else None,
                allow_redirects=False,
            ) as upstream:
                answer = web.StreamResponse(
                    status=upstream.status, reason=upstream.reason, headers=_without_hops(upstream.headers)
                )
                await answer.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer
        except TimeoutError:
            failed = web.Response(status=504, text=TIMED_OUT)
        except aiohttp.ClientError as problem:
            log.debug("ingress: %s", problem)
            failed = web.Response(status=503, text=NOT_REACHED)
        if answer is None or not answer.prepared:
            return failed
        if request.transport:
            request.transport.abort()  # half an answer is out: a cut connection is all that can be told
        return answer

    async def _websocket(self, request: web.BaseRequest, port: int) -> web.StreamResponse:
        protocols = [
            one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if one
        ]
        headers = _towards_replica(request)
        for name in WEBSOCKET_HEADERS:
            headers.popall(name, None)
        try:
            upstream = await self._session().ws_connect(
                _target(port, request),
                headers=headers,
                protocols=protocols,
                autoping=False,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status, text=refused.message)
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=503, text=NOT_REACHED)
        chosen = [upstream.protocol] if upstream.protocol else []
        downstream = web.WebSocketResponse(protocols=chosen, autoping=False, max_msg_size=0)
        async with upstream:
            await downstream.prepare(request)
            await _join(downstream, upstream)
        return downstream

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(None, sock_connect=CONNECT_LIMIT, sock_read=self._time_limit),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._client


def _is_crashing(state: ReplicaState) -> bool:
    return any(one.running_state_details in HOPELESS for one in state.containers)


def _target(port: int, request: web.BaseRequest) -> URL:
    return URL(f"http://{HOST}:{port}{request.raw_path}", encoded=True)


def _without_hops(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Leave out the headers that belong to one connection, and those that ``Connection`` names."""
    named = {one.strip().lower() for one in headers.get("Connection", "").split(",")}
    kept = ((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP | named)
    return CIMultiDict(kept)


def _towards_replica(request: web.BaseRequest) -> CIMultiDict[str]:
    """Pass the client's headers on; an edge proxy sets X-Forwarded-* itself and believes nobody's."""
    headers = _without_hops(request.headers)
    for name in FORWARDED:
        headers.popall(name, None)
    headers["X-Forwarded-For"] = request.remote or HOST
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = request.host
    return headers


async def _join(down: web.WebSocketResponse, up: aiohttp.ClientWebSocketResponse) -> None:
    """Carry messages both ways until one side closes; close the other with the same code."""
    ways = [asyncio.create_task(_carry(down, up)), asyncio.create_task(_carry(up, down))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    await asyncio.gather(
        down.close(code=up.close_code or 1000), up.close(code=down.close_code or 1000), return_exceptions=True
    )


_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _carry(source: _Socket, sink: _Socket) -> None:
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await sink.ping(message.data)
        elif message.type is WSMsgType.PONG:
            await sink.pong(message.data)
