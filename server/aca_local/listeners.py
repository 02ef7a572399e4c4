"""Listeners of this computer: what stands before every handler (names, latency) and the admin routes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from aca_local.port_book import HOST, PortInUseError, in_use
from aca_local.security import is_local_host, is_secret
from aca_local.tls_sniffing import SniffingSite, can_sniff

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
SHUTDOWN_LIMIT = 2.0  # seconds for requests that are under way when aca-local ends
HEAD_LIMIT = 60.0  # seconds in which the head of a connection's first request must have come
ADMIN = "/aca-local/"


@dataclass(frozen=True)
class Door:
    """A port of 127.0.0.1 to listen on; with a context, for https; with ``other``, for https as well."""

    port: int
    context: ssl.SSLContext | None = None
    other: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"{'https' if self.context else 'http'}://{HOST}:{self.port}"


class Listener(web.Server):
    """aiohttp's server that ends a connection whose first request does not come: it would hold a socket."""

    def __init__(self, handler: Handler, *, head_limit: float = HEAD_LIMIT, **options: Any) -> None:
        super().__init__(self._answer, auto_decompress=False, access_log=None, **options)
        self._handler, self._head_limit = handler, head_limit
        self._timers: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Begin to wait for the head of a request."""
        super().connection_made(handler, transport)
        loop = asyncio.get_running_loop()
        self._timers[handler] = loop.call_later(self._head_limit, handler.force_close)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Wait no more."""
        self._stop_timer(handler)
        super().connection_lost(handler, exc)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._stop_timer(request.protocol)  # the body, and later requests, may take their time
        return await self._handler(request)

    def _stop_timer(self, handler: web.RequestHandler) -> None:
        if timer := self._timers.pop(handler, None):
            timer.cancel()


async def listen(handler: Handler, *doors: Door) -> web.ServerRunner:
    """Serve a handler at some doors; ``cleanup`` of the answer ends it. Raises PortInUseError."""
    runner = web.ServerRunner(Listener(handler), shutdown_timeout=SHUTDOWN_LIMIT)
    await runner.setup()
    for door in doors:
        try:
            await site(runner, door).start()
        except OSError:
            await runner.cleanup()
            raise PortInUseError(in_use(door.port)) from None
    return runner


def site(runner: web.BaseRunner, door: Door) -> web.BaseSite:
    """Return what listens at a door: for http and https, where certificate and loop allow both."""
    context = door.context or door.other
    if context is not None and can_sniff(asyncio.get_running_loop()):
        return SniffingSite(runner, HOST, door.port, context)
    return web.TCPSite(runner, HOST, door.port, ssl_context=door.context)


def for_local_names(handler: Handler) -> Handler:
    """Answer only requests that name this computer."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if not is_local_host(request.host):
            return web.Response(status=421, text="This address answers to names of this computer only.")
        return await handler(request)

    return answer


def with_latency(handler: Handler, seconds: float) -> Handler:
    """Let each request wait, as the way to a cloud does."""
    if seconds <= 0:
        return handler

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await handler(request)

    return answer


def with_admin(handler: Handler, routes: Mapping[tuple[str, str], Handler], token: str) -> Handler:
    """Put aca-local's own routes beside a handler: ``ping`` is open, all others want the token."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if not request.path.startswith(ADMIN):
            return await handler(request)
        name = request.path.removeprefix(ADMIN)
        if (request.method, name) == ("GET", "ping"):
            return web.json_response({"pid": os.getpid()})
        if not is_token(request.headers.get("Authorization", ""), token):
            return web.json_response({"error": "The bearer token of this aca-local is needed."}, status=401)
        route = routes.get((request.method, name))
        if route is None:
            return web.json_response({"error": f"There is no {request.method} {request.path}."}, status=404)
        return await route(request)

    return answer


def is_token(authorization: str, token: str) -> bool:
    """Return True if an ``Authorization`` header carries this bearer token."""
    scheme, _, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and is_secret(given.strip(), token)
