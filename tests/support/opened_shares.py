"""Opens a share both ways: with requests of our own, and over the official SDK."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
from aitk_inference.azure.files.address import Endpoint
from aitk_inference.azure.files.open_url import open_channel
from aitk_inference.azure.files.rest_share import RestShare
from aitk_inference.azure.files.retry import Backoff, Retry
from aitk_inference.azure.files.sdk_share import SdkShare
from aitk_inference.azure.files.signing import SharedKey
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.fileshare.aio import ShareClient
from support.files_server import KEY
from support.scripted import FakeClock


class Opened(Protocol):
    """Opens a share of an account."""

    def __call__(
        self, url: str, *, clock: FakeClock | None = None, share: str = "models"
    ) -> AbstractAsyncContextManager[RestShare | SdkShare]: ...


def opened_with(kind: str) -> Opened:
    """Return one of the two ways to a share: requests of our own ("rest") or the SDK's ("sdk")."""

    @asynccontextmanager
    async def open_share(
        url: str, *, clock: FakeClock | None = None, share: str = "models"
    ) -> AsyncIterator[RestShare | SdkShare]:
        time = clock or FakeClock()
        backoff = Backoff(lambda: 1.0)
        if kind == "sdk":
            async with _client(url, share) as client:
                yield SdkShare(client, Retry(time, backoff))
            return
        made = open_channel(Endpoint.of(url), share, SharedKey.of("acct", KEY), clock=time, timeout=20)
        rest = RestShare(made._replace(backoff=backoff))
        yield rest
        await rest.close()

    return open_share


@asynccontextmanager
async def _client(url: str, share: str) -> AsyncIterator[ShareClient]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session:
        yield ShareClient(
            url,
            share,
            credential={"account_name": "acct", "account_key": KEY},
            transport=AioHttpTransport(session=session, session_owner=False, use_env_settings=False),
            retry_total=0,
            allow_trailing_dot=True,
            allow_source_trailing_dot=True,
        )
