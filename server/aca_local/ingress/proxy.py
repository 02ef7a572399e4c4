"""The doors of the ingress: which app a port belongs to, who may enter, and which replica answers."""

from __future__ import annotations

import asyncio
import itertools
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from aca_local.ingress import words
from aca_local.ingress.forwarding import HEADER_COUNT, Forwarder
from aca_local.ingress.requests import HEADER_LIMIT, is_websocket, read_target
from aca_local.ingress.traffic import Traffic, is_allowed
from aca_local.kernel.replicas import AccessRules
from aca_local.listeners import Door, Listener, site
from aca_local.port_book import HOST, PortInUseError, in_use

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Sequence

    from aca_local.kernel.replicas import ReplicaState, TrafficTarget
    from aca_local.listeners import Handler
    from aca_local.port_book import PortBook

TIME_LIMIT = 240.0  # seconds; Container Apps' ingress time-out
LEAVING = 5.0  # seconds in which a revision that has left its port to another loses its traffic to it
LOOK = 0.05  # seconds between two looks for a ready replica
HOPELESS = frozenset(("CrashLoopBackOff", "ImagePullBackOff", "CreateContainerError"))
log = logging.getLogger(__name__)


class Backends(Protocol):
    """What the ingress asks the supervisor."""

    def ready_ports(self, app_id: str, revision: str) -> Sequence[int]:
        """List the local ports of ready replicas."""

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        """List the replicas of a revision."""

    def has_left(self, app_id: str, revision: str) -> bool:
        """Return True if a revision has ended for another one that serves."""

    async def is_replica(self, client_port: int) -> bool:
        """Return True if a connection from this port of this computer comes from a replica."""


@dataclass
class _Route:
    """Who may enter an app's door, and where the traffic goes."""

    traffic: Traffic = field(default_factory=Traffic)
    access: AccessRules = field(default_factory=AccessRules)


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
        secrets: Collection[str] = (),
    ) -> None:
        """With a ``context`` the doors answer https too; ``secrets`` of this aca-local reach no replica."""
        self._backends, self._ports, self._time_limit, self._around = backends, ports, time_limit, around
        self._context = context
        self._doors: dict[str, _Door] = {}
        self._routes: dict[str, _Route] = {}
        self._turn = itertools.count()
        self._forwarder = Forwarder(time_limit, secrets)

    async def expose(self, app_id: str, app: str, *, target_port: int) -> str:
        """Open the app's port; a second time only its host is answered. Raises PortInUseError."""
        key = app_id.lower()
        if key not in self._doors:
            port = self._ports.port(key)
            self._doors[key] = await self._open(app_id, port)
            log.info("ingress of %s: http://%s:%d (target port %d)", app, HOST, port, target_port)
        return f"{HOST}:{self._doors[key].port}"

    async def route(self, app_id: str, traffic: Sequence[TrafficTarget], access: AccessRules) -> None:
        """Split the app's traffic like this from now on."""
        known = self._routes.get(app_id.lower())
        kept = known and list(known.traffic.targets) == list(traffic)
        self._routes[app_id.lower()] = _Route(known.traffic if known and kept else Traffic(traffic), access)

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
        await self._forwarder.close()

    async def _open(self, app_id: str, port: int) -> _Door:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(door, request)

        server = Listener(
            self._around(handle),
            handler_cancellation=True,
            max_line_size=HEADER_LIMIT,
            max_field_size=HEADER_LIMIT,
            max_headers=HEADER_COUNT,
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
        target = read_target(request)
        if isinstance(target, web.Response):
            return target
        if refusal := await self._refusal(door, request):
            return refusal
        found = await self._backend(door, target.host)
        if isinstance(found, web.Response):
            return found
        if is_websocket(request):
            return await self._forwarder.websocket(request, target, found)
        return await self._forwarder.http(request, target, found)

    async def _refusal(self, door: _Door, request: web.BaseRequest) -> web.Response | None:
        """Refuse who may not enter; to the outside an internal app doesn't exist."""
        access = self._route(door).access
        if not is_allowed(access, request.remote or HOST):
            return web.Response(status=403, text=words.DENIED)
        if access.external:
            return None
        peer = request.transport.get_extra_info("peername") if request.transport else None
        if peer and await self._backends.is_replica(peer[1]):
            return None
        return web.Response(status=404, text=words.STOPPED)

    def _route(self, door: _Door) -> _Route:
        return self._routes.get(door.app_id.lower()) or _Route()

    async def _backend(self, door: _Door, host: str) -> int | web.Response:
        """Choose a ready replica in turn; wait for a starting one as a cold start does."""
        revision, clock = self._route(door).traffic.choose(host), asyncio.get_running_loop().time
        began = clock()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._time_limit):
                while True:
                    if ports := self._backends.ready_ports(door.app_id, revision):
                        return ports[next(self._turn) % len(ports)]
                    states = self._backends.states(door.app_id, revision)
                    if not states:
                        return web.Response(status=404, text=words.STOPPED)
                    has_left = self._backends.has_left(door.app_id, revision) and clock() > began + LEAVING
                    if has_left or all(map(_is_crashing, states)):
                        return web.Response(status=503, text=words.NO_UPSTREAM)
                    await asyncio.sleep(LOOK)
                    if not self._route(door).traffic.keeps(revision):
                        revision = self._route(door).traffic.choose(host)
        return web.Response(status=504, text=words.TIMED_OUT)


def _is_crashing(state: ReplicaState) -> bool:
    return any(one.running_state_details in HOPELESS for one in state.containers)
