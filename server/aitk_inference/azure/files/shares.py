"""Opens file shares: finds the account's endpoint and a credential for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.azure.clients import USER_AGENT
from aitk_inference.azure.files.address import Endpoint
from aitk_inference.azure.files.by_url import wire
from aitk_inference.azure.files.fast_share import FastShare
from aitk_inference.azure.files.retry import Backoff
from aitk_inference.azure.files.sdk_share import SdkShare
from aitk_inference.azure.files.signing import SharedKey
from aitk_inference.core.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azure.storage.fileshare.aio import ShareClient

    from aitk_inference.azure.clients import Clients
    from aitk_inference.azure.credentials import Credential
    from aitk_inference.core.model import Json, ShareRef
    from aitk_inference.core.ports import Clock, Share

_API = "2023-05-01"
_KEYS_FORBIDDEN = "allowSharedKeyAccess"


class ArmShares:
    """The :class:`~aitk_inference.core.ports.Shares` port.

    The account's key is tried first; where the account, its policy or the person's role forbids it, the
    person's own token does (role Storage File Data Privileged Contributor).
    """

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    @asynccontextmanager
    async def open(self, ref: ShareRef) -> AsyncIterator[Share]:
        """Open a share with the account's key, or the person's token where keys are forbidden."""
        account = await self._account(ref)
        address = _file_endpoint(account, ref)
        endpoint = Endpoint.of(address)
        takes_tokens = endpoint.scheme == "https"
        key = await self._key(ref, account, needed=not takes_tokens)
        sdk = self._sdk(address, ref, key, takes_tokens=takes_tokens)
        share = sdk if key is None or endpoint.has_proxy else self._fast(endpoint, ref, key, sdk)
        try:
            yield share
        finally:
            await share.close()

    def _fast(self, endpoint: Endpoint, ref: ShareRef, key: str, sdk: SdkShare) -> FastShare:
        signer = SharedKey.of(ref.account, key)
        tls = self._clients.endpoint.tls if endpoint.scheme == "https" else None
        made = wire(
            endpoint, ref.share, signer, clock=self._clock, timeout=self._clients.request_timeout, tls=tls
        )
        return FastShare(made, lambda: sdk)

    def _sdk(self, address: str, ref: ShareRef, key: str | None, *, takes_tokens: bool) -> SdkShare:
        with_token = (lambda: self._client(address, ref, None)) if takes_tokens else None
        return SdkShare(self._client(address, ref, key), with_token, clock=self._clock, backoff=Backoff())

    async def _account(self, ref: ShareRef) -> dict[str, Json]:
        found = await self._clients.get(_account_id(ref), _API)
        if found is None:
            raise NotFound(
                f"There is no storage account {ref.account} in the resource group {ref.resource_group}.",
                suggestion="Check STORAGE_ACCOUNT_NAME in infra/inference.config.json, or run Provision.",
            )
        return found

    async def _key(self, ref: ShareRef, account: dict[str, Json], *, needed: bool) -> str | None:
        """The account's first key; None where keys are forbidden, to it or to this person, and not needed."""
        properties = account.get("properties")
        if isinstance(properties, dict) and properties.get(_KEYS_FORBIDDEN) is False and not needed:
            return None
        try:
            answer = await self._clients.post(f"{_account_id(ref)}/listKeys", _API)
        except Forbidden:
            if needed:
                raise
            return None
        keys = answer.get("keys")
        first = keys[0] if isinstance(keys, list) and keys else None
        value = first.get("value") if isinstance(first, dict) else None
        return value if isinstance(value, str) else None

    def _client(self, endpoint: str, ref: ShareRef, key: str | None) -> ShareClient:
        """A client of the share; without a key it shows the person's token.

        Trailing dots are kept: without the header the service strips them, and ``a.`` would overwrite ``a``.
        """
        from azure.storage.fileshare.aio import ShareClient

        if key is None:
            credential: dict[str, str] | Credential = self._clients.credential
        else:
            credential = {"account_name": ref.account, "account_key": key}
        return ShareClient(
            endpoint,
            ref.share,
            credential=credential,
            token_intent="backup" if key is None else None,
            transport=self._clients.transport(),
            retry_total=0,
            user_agent=USER_AGENT,
            allow_trailing_dot=True,
            allow_source_trailing_dot=True,
        )


def _account_id(ref: ShareRef) -> str:
    return (
        f"/subscriptions/{ref.subscription_id}/resourceGroups/{ref.resource_group}"
        f"/providers/Microsoft.Storage/storageAccounts/{ref.account}"
    )


def _file_endpoint(account: dict[str, Json], ref: ShareRef) -> str:
    properties = account.get("properties")
    endpoints = properties.get("primaryEndpoints") if isinstance(properties, dict) else None
    address = endpoints.get("file") if isinstance(endpoints, dict) else None
    if not isinstance(address, str):
        raise NotFound(
            f"The storage account {ref.account} has no file shares.",
            suggestion="Choose a StorageV2 or FileStorage account.",
        )
    return address.rstrip("/")
