"""Carries one request, or one WebSocket, between a client and a replica."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import WSMsgType, web

from aca_local.ingress import words
from aca_local.ingress.requests import HEADER_LIMIT, towards_client, towards_replica

if TYPE_CHECKING:
    from collections.abc import Collection

    from aca_local.ingress.requests import Target

CONNECT_LIMIT = 10.0  # seconds
HEADER_COUNT = 1000  # of a request or an answer
WEBSOCKET_HEADERS = (
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
)
log = logging.getLogger(__name__)


class Forwarder:
    """Talks to replicas; ``time_limit``: seconds without a byte of an answer, ``secrets`` stay here."""

    def __init__(self, time_limit: float, secrets: Collection[str]) -> None:
        self._time_limit, self._secrets = time_limit, secrets
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections to replicas."""
        if self._client:
            await self._client.close()

    async def http(self, request: web.BaseRequest, target: Target, port: int) -> web.StreamResponse:
        """Pass a request on and its answer back, piece by piece."""
        answer: web.StreamResponse | None = None
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # the body is passed on as it comes
        try:
            async with self._session().request(
                request.method,
                target.url(port),
                headers=towards_replica(request, target.host, self._secrets),
                data=request.content if request.body_exists else None,
                allow_redirects=False,
            ) as upstream:
                answer = web.StreamResponse(
                    status=upstream.status, reason=upstream.reason, headers=towards_client(upstream.headers)
                )
                await answer.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer
        except TimeoutError:
            failed = web.Response(status=504, text=words.TIMED_OUT)
        except aiohttp.ClientError as problem:
            log.debug("ingress: %s", problem)
            failed = web.Response(status=503, text=words.NOT_REACHED)
        if answer is None or not answer.prepared:
            return failed
        if request.transport:
            request.transport.abort()  # half an answer is out: a cut connection is all that can be said
        return answer

    async def websocket(self, request: web.BaseRequest, target: Target, port: int) -> web.StreamResponse:
        """Connect a client's WebSocket with a replica's."""
        offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        headers = towards_replica(request, target.host, self._secrets)
        for name in WEBSOCKET_HEADERS:
            headers.popall(name, None)
        try:
            upstream = await self._session().ws_connect(
                target.url(port),
                headers=headers,
                protocols=[one.strip() for one in offered if one.strip()],
                autoping=False,
                max_msg_size=0,
            )
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status, text=refused.message)
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=503, text=words.NOT_REACHED)
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
                max_line_size=HEADER_LIMIT,
                max_field_size=HEADER_LIMIT,
                max_headers=HEADER_COUNT,
            )
        return self._client


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
