"""A Files service of its own for a test: in this process, on a thread with its own loop, on a free port."""

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from aca_local.fault_middleware import Faults
from aca_local.files import FileShares, FilesOptions, build_handler
from aiohttp import web

KEY = "c2VjcmV0LWtleS1mb3ItdGVzdHMtb25seS0wMTIzNDU2Nzg5MDEyMzQ1Njc4OQ=="
T = TypeVar("T")


@dataclass
class FixedKeys:
    """Every account that is named here has its keys."""

    accounts: dict[str, Sequence[str]] = field(default_factory=lambda: {"acct": [KEY], "other": [KEY]})

    def keys(self, account: str) -> Sequence[str]:
        return self.accounts.get(account, ())


@dataclass
class FilesServer:
    """A running service: where it listens, and its shares (they live on its thread: use `call`)."""

    url: str
    shares: FileShares
    loop: asyncio.AbstractEventLoop

    def call(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    @property
    def account_url(self) -> str:
        return f"{self.url}/acct"

    @property
    def connection_string(self) -> str:
        return f"AccountName=acct;AccountKey={KEY};FileEndpoint={self.account_url}"


def tls(certificate: Path) -> ssl.SSLContext:
    """Return the server's side of https with this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@contextmanager
def files_server(
    root: Path,
    *,
    options: FilesOptions | None = None,
    keys: FixedKeys | None = None,
    token_is_valid: Callable[[str], bool] = lambda token: False,
    certificate: Path | None = None,
    refused: Callable[[str, str, str], None] = lambda method, place, code: None,
    faults: Faults | None = None,
    takes_keys: Callable[[str], bool] = lambda account: True,
) -> Iterator[FilesServer]:
    """Serve the shares below `root` while the context lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(work: Coroutine[None, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    async def start() -> tuple[FilesServer, web.ServerRunner]:
        shares = FileShares(root)
        for account in (keys or FixedKeys()).accounts:
            shares.create_account(account)
        handler = build_handler(
            shares,
            keys or FixedKeys(),
            token_is_valid=token_is_valid,
            options=options,
            refused=refused,
            takes_keys=takes_keys,
        )
        if faults is not None:
            handler = faults.around(handler, "files")
        runner = web.ServerRunner(
            web.Server(handler, auto_decompress=False, access_log=None), shutdown_timeout=1
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate and tls(certificate)).start()
        scheme, port = "https" if certificate else "http", runner.addresses[0][1]
        return FilesServer(f"{scheme}://127.0.0.1:{port}", shares, loop), runner

    server, runner = wait(start())
    try:
        yield server
    finally:
        wait(runner.cleanup())
        server.call(server.shares.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
