"""The composition root of aca-local: makes all parts, wires them, listens, and ends them in order."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from aca_local import certificates, faults
from aca_local.faulty import Faults
from aca_local.files import FileShares, build_handler
from aca_local.ingress import ReverseProxy
from aca_local.instance import describe
from aca_local.listeners import for_local_names, listen, with_admin, with_latency
from aca_local.ports import HOST, PortBook
from aca_local.replicas.container import Pace
from aca_local.replicas.process import can_mount
from aca_local.replicas.replica import Workshop
from aca_local.replicas.supervisor import Supervisor
from aca_local.replicas.venvs import VirtualEnvironments

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Literal

    from aca_local.faults import Service
    from aca_local.instance import DataFolder, Instance
    from aca_local.listeners import Handler

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What ``serve`` was asked for; ``latency`` in seconds."""

    port: int | None = None
    latency: float = 0.0
    faults: Path | None = None
    timing: Literal["instant", "realistic"] = "instant"
    new_ports: bool = False


async def serve(folder: DataFolder, options: Options, ready: Callable[[Instance], None]) -> None:
    """Run until asked to stop (signal or admin route); ``ready`` is called when everything answers.

    Raises PortInUseError and FaultsError before anything runs.
    """
    stopping = _stop_on_signals()
    ports = _ports(folder.path / "ports.json", options)
    trust = certificates.ensure(folder.path / "certificates")
    wrong = Faults(faults.read_file(options.faults) if options.faults else [])
    async with AsyncExitStack() as stack:

        def around(handler: Handler, service: Service) -> Handler:
            return wrong.around(with_latency(handler, options.latency), service)

        async def open_port(name: str, handler: Handler, context: ssl.SSLContext | None = None) -> str:
            runner = await listen(handler, ports.port(name), context)
            stack.push_async_callback(runner.cleanup)
            return f"{'https' if context else 'http'}://{HOST}:{ports.port(name)}"

        shares = FileShares(folder.path / "files")
        stack.callback(shares.close)
        supervisor = await _supervisor(folder.path / "apps")
        stack.push_async_callback(supervisor.close)
        ingress = ReverseProxy(supervisor, ports, around=lambda handler: around(handler, "ingress"))
        stack.push_async_callback(ingress.close)
        token = folder.token()
        files = build_handler(shares, _NoKeys(), token_is_valid=_same(token))
        await open_port("files", around(files, "files"))
        await open_port("filesHttps", around(files, "files"), trust.context)
        routes = {("POST", "stop"): _stop_route(stopping), ("PUT", "faults"): wrong.put}
        guarded = for_local_names(with_admin(around(_no_arm, "arm"), routes, token))
        arm = await open_port("arm", guarded, trust.context)
        arm_http = await open_port("armHttp", guarded)
        instance = describe(arm, arm_http, token, trust.ca_file)
        folder.announce(instance)
        ready(instance)
        await stopping.wait()
        log.info("ending")


class _NoKeys:
    """No storage account yet."""

    def keys(self, account: str) -> Sequence[str]:
        """Answer no key."""
        return ()


async def _no_arm(request: web.BaseRequest) -> web.StreamResponse:
    return web.json_response({"error": {"code": "NotImplemented", "message": "Not there yet."}}, status=501)


def _same(token: str) -> Callable[[str], bool]:
    return lambda given: hmac.compare_digest(given.encode(), token.encode())


def _ports(path: Path, options: Options) -> PortBook:
    ports = PortBook(path)
    if options.port:
        ports.keep("arm", options.port)
    if options.new_ports:
        ports.choose_again()
    ports.check()
    return ports


async def _supervisor(folder: Path) -> Supervisor:
    """Make the supervisor and say what this system cannot do for it."""
    mounting = await can_mount(folder / ".probe")
    if not mounting:
        log.warning(
            "No mount namespaces on this system: mount paths are rewritten in commands, arguments and "
            "environment; a path inside a script (open('/mount/…')) is not found. Use relative paths there."
        )
    if os.name == "nt":
        log.warning("A template whose command is /bin/bash needs bash on PATH on this system.")
    workshop = Workshop(VirtualEnvironments(), dict(os.environ), mounting, Pace())
    return Supervisor(folder, workshop)


def _stop_on_signals() -> asyncio.Event:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
        else:
            with suppress(NotImplementedError):
                loop.add_signal_handler(number, stopping.set)
    return stopping


def _stop_route(stopping: asyncio.Event) -> Handler:
    async def stop(_: web.BaseRequest) -> web.StreamResponse:
        asyncio.get_running_loop().call_later(0.05, stopping.set)  # the answer leaves first
        return web.json_response({"stopping": True})

    return stop
