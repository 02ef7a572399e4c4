"""The composition root of aca-local: makes all parts, wires them, listens, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from aca_local import certificates, fault_rules
from aca_local.arm import (
    Cloud,
    Settings,
    account_keys,
    build_arm,
    build_registry,
    is_reachable,
    resume,
    takes_keys,
)
from aca_local.fault_middleware import Faults
from aca_local.files import FileShares, FilesOptions, build_handler
from aca_local.ingress import ReverseProxy
from aca_local.ingress.proxy import TIME_LIMIT
from aca_local.instance_lock import SUBSCRIPTION_ID, TENANT_ID, describe
from aca_local.kernel import conditions, unsupported
from aca_local.listeners import (
    Door,
    for_local_names,
    listen,
    with_admin,
    with_latency,
)
from aca_local.page import Page
from aca_local.port_book import PortBook
from aca_local.replicas.container import AS_AZURE, Pace
from aca_local.replicas.process import can_mount
from aca_local.replicas.replica import Workshop
from aca_local.replicas.supervisor import Supervisor
from aca_local.replicas.venvs import VirtualEnvironments
from aca_local.security import is_secret, page_key
from aca_local.state import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aca_local.fault_rules import Service
    from aca_local.instance_lock import DataFolder, Instance
    from aca_local.listeners import Handler
    from aca_local.state import Timing

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What ``serve`` was asked for; ``latency`` and ``request_timeout`` (of the ingress) in seconds."""

    port: int | None = None
    latency: float = 0.0
    faults: Path | None = None
    timing: Timing = "instant"
    new_ports: bool = False
    create_with_data: bool = True
    request_timeout: float = TIME_LIMIT


async def serve(folder: DataFolder, options: Options, ready: Callable[[Instance], None]) -> None:
    """Run until asked to stop (signal or admin route); ``ready`` is called when everything answers.

    Raises PortInUseError and FaultsError before anything runs.
    """
    stopping = _stop_on_signals()
    parts = _parts(folder, options)
    async with AsyncExitStack() as stack:
        supervisor = await _supervisor(folder.path / "apps", parts.faults, options.timing)
        stack.push_async_callback(supervisor.close)
        ingress = ReverseProxy(
            supervisor,
            parts.ports,
            time_limit=options.request_timeout,
            around=parts.around("ingress"),
            context=parts.trust.context,
            secrets=(parts.token, page_key(parts.token)),
        )
        stack.push_async_callback(ingress.close)
        shares = FileShares(folder.path / "files")
        stack.callback(shares.close)
        store = Store(folder.path / "state.db")
        stack.callback(store.close)
        cloud = Cloud(
            store,
            shares,
            supervisor,
            ingress,
            _settings(parts, options),
            refusal=parts.faults.of_template,
        )
        await _open_files(stack, parts, cloud, shares)
        await _open_arm(stack, parts, cloud, stopping)
        instance = describe(
            parts.doors["arm"].url, parts.doors["armHttp"].url, parts.token, parts.trust.ca_file
        )
        folder.announce(instance)
        ready(instance)
        await stopping.wait()
        log.info("ending")


@dataclass(frozen=True)
class _Parts:
    """What all listeners need."""

    ports: PortBook
    doors: Mapping[str, Door]
    trust: certificates.Certificates
    token: str
    faults: Faults
    latency: float
    create_with_data: bool

    def around(self, service: Service) -> Callable[[Handler], Handler]:
        """Say what stands before a service's handler: faults, then latency."""
        return lambda handler: self.faults.around(with_latency(handler, self.latency), service)


def _parts(folder: DataFolder, options: Options) -> _Parts:
    wrong = Faults(fault_rules.read_file(options.faults) if options.faults else [])
    ports = _ports(folder.path / "ports.json", options)
    trust = certificates.ensure(folder.path / "certificates")
    doors = {
        "arm": Door(ports.port("arm"), trust.context),
        "armHttp": Door(ports.port("armHttp"), other=trust.context),
        "files": Door(ports.port("files"), other=trust.context),
        "filesHttps": Door(ports.port("filesHttps"), trust.context),
    }
    return _Parts(ports, doors, trust, folder.token(), wrong, options.latency, options.create_with_data)


def _settings(parts: _Parts, options: Options) -> Settings:
    files = parts.doors["files"].url
    return Settings(
        SUBSCRIPTION_ID,
        TENANT_ID,
        arm_url=parts.doors["arm"].url,
        files_url=lambda account: f"{files}/{account}/",
        timing=options.timing,
    )


async def _open_files(stack: AsyncExitStack, parts: _Parts, cloud: Cloud, shares: FileShares) -> None:
    keys = _Keys(cloud)
    handler = build_handler(
        shares,
        keys,
        token_is_valid=_same(parts.token),
        takes_keys=keys.allowed,
        is_reachable=keys.reachable,
        options=FilesOptions(create_with_data=parts.create_with_data),
        refused=partial(unsupported.count, cloud.store),
    )
    doors = parts.doors["files"], parts.doors["filesHttps"]
    runner = await listen(parts.around("files")(handler), *doors)
    stack.push_async_callback(runner.cleanup)


async def _open_arm(stack: AsyncExitStack, parts: _Parts, cloud: Cloud, stopping: asyncio.Event) -> None:
    """Take up what the store holds, then answer."""
    registry = build_registry()
    handler = build_arm(cloud, registry, check_token=_same(parts.token))
    routes: dict[tuple[str, str], Handler] = {
        ("POST", "stop"): _stop_route(stopping),
        ("PUT", "faults"): parts.faults.put,
        ("PUT", "conditions"): partial(_put_conditions, cloud.conditions),
    }
    page = Page(cloud, parts.token)
    guarded = for_local_names(page.around(with_admin(parts.around("arm")(handler), routes, parts.token)))
    stack.push_async_callback(cloud.tasks.close)
    await resume(cloud, registry)
    runner = await listen(guarded, parts.doors["arm"], parts.doors["armHttp"])
    stack.push_async_callback(runner.cleanup)


async def _put_conditions(found: conditions.Conditions, request: web.BaseRequest) -> web.Response:
    """Answer ``PUT /aca-local/conditions``: replace them."""
    try:
        found.state = conditions.read((await request.read()).decode("utf-8-sig", "replace"))
    except conditions.ConditionsError as problem:
        return web.json_response({"error": str(problem)}, status=400)
    return web.json_response({})


class _Keys:
    """Who may sign requests to the file service: the keys of the accounts, asked at each request."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._known: dict[str, tuple[Sequence[str], bool, bool]] = {}
        self._read_at = -1

    def keys(self, account: str) -> Sequence[str]:
        """Answer an account's keys."""
        return self._facts(account)[0]

    def allowed(self, account: str) -> bool:
        """Return True if an account lets its keys sign."""
        return self._facts(account)[1]

    def reachable(self, account: str) -> bool:
        """Return True if an account's network lets this computer in."""
        return self._facts(account)[2]

    def _facts(self, account: str) -> tuple[Sequence[str], bool, bool]:
        if self._read_at != (now := self._cloud.store.changes):
            self._known, self._read_at = {}, now
        if account not in self._known:
            keys, signing = account_keys(self._cloud, account), takes_keys(self._cloud, account)
            self._known[account] = keys, signing, is_reachable(self._cloud, account)
        return self._known[account]


def _same(token: str) -> Callable[[str], bool]:
    return lambda given: is_secret(given, token)


def _ports(path: Path, options: Options) -> PortBook:
    ports = PortBook(path)
    if options.port:
        ports.claim("arm", options.port)
    if options.new_ports:
        ports.choose_again()
    ports.check()
    return ports


async def _supervisor(folder: Path, wrong: Faults, timing: Timing) -> Supervisor:
    """Make the supervisor and say what this system cannot do for it."""
    mounting = await can_mount(folder / ".probe")
    if not mounting:
        log.warning(
            "No mount namespaces on this system: mount paths are rewritten in commands, arguments and "
            "environment; a path inside a script (open('/mount/…')) is not found. Use relative paths there."
        )
    if os.name == "nt":
        log.warning("A template whose command is /bin/bash needs bash on PATH on this system.")
    pace = Pace() if timing == "instant" else AS_AZURE
    workshop = Workshop(VirtualEnvironments(), dict(os.environ), mounting, pace, wrong.of_replica)
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
