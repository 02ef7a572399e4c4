"""Opens a share by its URL, with a signature (SAS) or the account's key: no Resource Manager, no sign-in.

Azure's SDK is loaded only for what ``fast_share`` leaves to it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.azure.files.address import Endpoint, place_of
from aitk_inference.azure.files.fast_share import FastShare, Wire
from aitk_inference.azure.files.http import Pool
from aitk_inference.azure.files.pace import Pace
from aitk_inference.azure.files.retry import Backoff
from aitk_inference.azure.files.signing import Sas, SharedKey
from aitk_inference.core.errors import AppError, NotAuthenticated
from aitk_inference.core.share import OpenedShare

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from aitk_inference.azure.files.address import Place
    from aitk_inference.azure.files.sdk_share import SdkShare
    from aitk_inference.azure.files.signing import Signer
    from aitk_inference.core.ports import Clock

AGENT = "aitk-inference"


def wire(
    endpoint: Endpoint,
    share: str,
    signer: Signer,
    *,
    clock: Clock,
    timeout: float,
    tls: ssl.SSLContext | None = None,
) -> Wire:
    """How a share's requests get to an endpoint; its pool is the caller's to close."""
    return Wire(
        host=endpoint.authority,
        path=f"{endpoint.path}/{share}",
        signer=signer,
        agent=AGENT,
        pool=Pool(endpoint.origin(tls), timeout),
        pace=Pace(clock.monotonic),
        backoff=Backoff(),
        clock=clock,
    )


@asynccontextmanager
async def open_url(
    url: str, *, connection_string: str | None, clock: Clock, timeout: float
) -> AsyncIterator[OpenedShare]:
    """Open the share that a URL names.

    Args:
        url: With a signature in its query, or without one.
        connection_string: An account's; its key or signature is used where the URL has none.
        clock: To wait before a request is sent again.
        timeout: Seconds of silence after which a connection is given up.

    Raises:
        AppError: the URL or the connection string can't be read.
        NotAuthenticated: neither has a key or a signature.
    """
    place = place_of(url)
    signer = Sas(place.sas) if place.sas else _signer(place, connection_string)
    if place.endpoint.has_proxy:
        async with _sdk(place, signer, clock, timeout) as sdk:
            yield OpenedShare(sdk, place.folder, place.name)
        return
    made = wire(place.endpoint, place.share, signer, clock=clock, timeout=timeout)
    share = FastShare(made, lambda: _sdk(place, signer, clock, timeout))
    try:
        yield OpenedShare(share, place.folder, place.name)
    finally:
        await share.close()


def _signer(place: Place, connection_string: str | None) -> Signer:
    if not connection_string:
        raise NotAuthenticated(
            "The URL has no signature (SAS), and no connection string is set.",
            suggestion="Add ?SAS to the URL, or set AZURE_STORAGE_CONNECTION_STRING.",
        )
    values = dict(part.partition("=")[::2] for part in connection_string.strip().split(";") if part)
    if sas := values.get("SharedAccessSignature"):
        return Sas(sas.removeprefix("?"))
    key, account = values.get("AccountKey", ""), values.get("AccountName", place.account)
    if account != place.account:
        raise NotAuthenticated(
            f"The connection string is of the account {account}, the URL of {place.account}.",
            suggestion="Set AZURE_STORAGE_CONNECTION_STRING to that account's, or add ?SAS to the URL.",
        )
    try:
        return SharedKey.of(account, key) if key else _unusable()
    except ValueError:
        return _unusable()


def _unusable() -> Signer:
    raise AppError(
        "AZURE_STORAGE_CONNECTION_STRING has no key that can be used.",
        suggestion="Copy it again from the portal: Storage account, Access keys.",
    )


def _sdk(place: Place, signer: Signer, clock: Clock, timeout: float) -> SdkShare:
    import base64

    from azure.core.pipeline.transport import AioHttpTransport
    from azure.storage.fileshare.aio import ShareClient

    from aitk_inference.azure.files.sdk_share import SdkShare

    credential: dict[str, str] | str = signer.query
    if isinstance(signer, SharedKey):
        credential = {"account_name": signer.account, "account_key": base64.b64encode(signer.key).decode()}
    client = ShareClient(
        place.endpoint.address,
        place.share,
        credential=credential,
        transport=AioHttpTransport(use_env_settings=place.endpoint.has_proxy, read_timeout=timeout),
        retry_total=0,
        user_agent=AGENT,
        allow_trailing_dot=True,
        allow_source_trailing_dot=True,
    )
    return SdkShare(client, None, clock=clock, backoff=Backoff())
