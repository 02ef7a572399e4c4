"""Opens a share by its URL, with a signature (SAS) or the account's key: no Resource Manager, no sign-in.

Azure's SDK is loaded only where a proxy is in the way.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.azure.files.address import Endpoint, parse_share_url
from aitk_inference.azure.files.concurrency_limiter import ConcurrencyLimiter
from aitk_inference.azure.files.http import Pool
from aitk_inference.azure.files.rest_share import Channel, RestShare
from aitk_inference.azure.files.retry import Backoff, Retry
from aitk_inference.azure.files.signing import Sas, SharedKey
from aitk_inference.azure.user_agent import PRODUCT
from aitk_inference.core.errors import AppError, NotAuthenticated
from aitk_inference.core.share import OpenedShare

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from aitk_inference.azure.files.address import ShareUrl
    from aitk_inference.azure.files.sdk_share import SdkShare
    from aitk_inference.azure.files.signing import Signer
    from aitk_inference.core.ports import Clock


def open_channel(
    endpoint: Endpoint,
    share: str,
    signer: Signer,
    *,
    clock: Clock,
    timeout: float,
    folder: str = "",
    tls: ssl.SSLContext | None = None,
) -> Channel:
    """Return how a share's requests get to an endpoint; its pool is the caller's to close."""
    return Channel(
        origin=endpoint.url,
        host=endpoint.authority,
        path=f"{endpoint.path}/{share}",
        folder=folder,
        signer=signer,
        agent=PRODUCT,
        pool=Pool(endpoint.origin(tls), timeout),
        limiter=ConcurrencyLimiter(clock.monotonic),
        backoff=Backoff(),
        clock=clock,
    )


@asynccontextmanager
async def open_url(
    url: str, *, connection_string: str | None, clock: Clock, timeout: float
) -> AsyncIterator[OpenedShare]:
    """Open the share, or the folder of one, that a URL names.

    Args:
        url: With a signature in its query, or without one.
        connection_string: An account's; its key or signature is used where the URL has none.
        clock: To wait before a request is sent again.
        timeout: Seconds of silence after which a connection is given up.

    Raises:
        AppError: the URL or the connection string can't be read.
        NotAuthenticated: neither has a key or a signature.
    """
    named = parse_share_url(url)
    signer = _sas(named.sas) if named.sas else _signer(named, connection_string)
    share: SdkShare | RestShare
    if named.endpoint.has_proxy:
        share = _sdk_share(named, signer, clock, timeout)
    else:
        share = RestShare(
            open_channel(
                named.endpoint, named.share, signer, clock=clock, timeout=timeout, folder=named.folder
            )
        )
    try:
        yield OpenedShare(share, named.name, _read_only(signer))
    finally:
        await share.close()


def _read_only(signer: Signer) -> AppError | None:
    """Return why a signature allows no sync, as far as it says so itself."""
    if not isinstance(signer, Sas) or signer.allows("rwdl"):
        return None
    from aitk_inference.azure.files.sas_advice import missing_permissions

    return missing_permissions(signer.query)


def _sas(query: str) -> Sas:
    if "sig" not in {field.partition("=")[0] for field in query.split("&")}:
        raise NotAuthenticated(
            "The URL has no whole signature (SAS): the part sig=… is missing.",
            suggestion="Put the whole URL in quotes: without them a shell ends it at the first &.",
        )
    return Sas(query)


def _signer(named: ShareUrl, connection_string: str | None) -> Signer:
    if not connection_string:
        raise NotAuthenticated(
            "The URL has no signature (SAS), and no connection string is set.",
            suggestion="Add ?SAS to the URL, or set AZURE_STORAGE_CONNECTION_STRING.",
        )
    values = dict(part.partition("=")[::2] for part in connection_string.strip().split(";") if part)
    if sas := values.get("SharedAccessSignature"):
        return _sas(sas.removeprefix("?"))
    key, account = values.get("AccountKey", ""), values.get("AccountName", named.account)
    if account != named.account:
        raise NotAuthenticated(
            f"The connection string is of the account {account}, the URL of {named.account}.",
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


def _sdk_share(named: ShareUrl, signer: Signer, clock: Clock, timeout: float) -> SdkShare:
    import base64

    from azure.storage.fileshare.aio import ShareClient

    from aitk_inference.azure.files.sdk_results import only_the_service
    from aitk_inference.azure.files.sdk_share import SdkShare
    from aitk_inference.azure.transport import ProxiedTransport

    credential: dict[str, str] | str = signer.query
    if isinstance(signer, SharedKey):
        credential = {"account_name": signer.account, "account_key": base64.b64encode(signer.key).decode()}
    client = ShareClient(
        named.endpoint.address,
        named.share,
        credential=credential,
        transport=ProxiedTransport(use_env_settings=False, read_timeout=timeout),
        retry_total=0,
        user_agent=PRODUCT,
        allow_trailing_dot=True,
        allow_source_trailing_dot=True,
        raw_response_hook=only_the_service,
    )
    return SdkShare(client, Retry(clock), folder=named.folder, sas=signer.query)
