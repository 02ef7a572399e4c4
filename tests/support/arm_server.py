"""A running Resource Manager for contract tests, in a thread of this process."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aca_local.arm import Cloud, Settings, build_arm, build_registry, resume
from aca_local.files import FileShares
from aca_local.state import Store, Timing
from aiohttp import web
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.pipeline.policies import SansIOHTTPPolicy
from support.arm_fakes import FakeIngress, FakeReplicas

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
TENANT = "22222222-2222-4222-8222-222222222222"
TOKEN = "a-token"
LIMIT = 60.0
T = TypeVar("T")
Refusal = Callable[[str], tuple[int, dict[str, Any]] | None]


@dataclass
class Running:
    """Where it is, and the parts that a test may look into."""

    url: str
    cloud: Cloud
    replicas: FakeReplicas
    ingress: FakeIngress
    loop: asyncio.AbstractEventLoop

    def call(self, work: Callable[[], T]) -> T:
        """Do something in the server's thread, which owns the store."""

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(LIMIT)


class Credential:
    """A credential whose token never expires."""

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(TOKEN, 2**31)

    def get_token_info(self, *_: str, **__: Any) -> AccessTokenInfo:
        return AccessTokenInfo(TOKEN, 2**31)

    def close(self) -> None:
        pass


class Bearer(SansIOHTTPPolicy[Any, Any]):
    """Signs requests over plain http too, which the SDK's own policy refuses."""

    def on_request(self, request: Any) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {TOKEN}"


def client_options(running: Running) -> dict[str, Any]:
    """What an SDK client needs to reach it."""
    return {
        "base_url": running.url,
        "credential_scopes": [f"{running.url}/.default"],
        "authentication_policy": Bearer(),
        "polling_interval": 0.1,
    }


@contextmanager
def run_arm(
    folder: Path,
    *,
    timing: Timing = "instant",
    subscription: str = SUBSCRIPTION,
    refusal: Refusal = lambda path: None,
    tls: ssl.SSLContext | None = None,
    replicas: FakeReplicas | None = None,
) -> Iterator[Running]:
    """Run it on a port of its own, on the state in a folder."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        options = _Options(timing, subscription, refusal, tls, replicas or FakeReplicas())
        running, close = asyncio.run_coroutine_threadsafe(_start(folder, options), loop).result(LIMIT)
        try:
            yield running
        finally:
            asyncio.run_coroutine_threadsafe(close(), loop).result(LIMIT)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LIMIT)
        loop.close()


@dataclass(frozen=True)
class _Options:
    timing: Timing
    subscription: str
    refusal: Refusal
    tls: ssl.SSLContext | None
    replicas: FakeReplicas


async def _start(folder: Path, options: _Options) -> tuple[Running, Any]:
    store, shares = Store(folder / "state.db"), FileShares(folder / "files")
    handlers: list[Any] = []

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        answer: web.StreamResponse = await handlers[0](request)
        return answer

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=options.tls).start()
    url = f"{'https' if options.tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    ingress = FakeIngress()
    settings = Settings(
        options.subscription, TENANT, url, lambda account: f"http://127.0.0.1:1/{account}/", options.timing
    )
    cloud = Cloud(store, shares, options.replicas, ingress, settings, refusal=options.refusal)
    registry = build_registry()
    await resume(cloud, registry)
    handlers.append(build_arm(cloud, registry, check_token=lambda given: given == TOKEN))

    async def close() -> None:
        await cloud.tasks.close()
        await runner.cleanup()
        await asyncio.sleep(
            0.02 if options.tls else 0
        )  # TLS connections end in turns of the loop of their own
        store.close()
        shares.close()

    return Running(url, cloud, options.replicas, ingress, asyncio.get_running_loop()), close
