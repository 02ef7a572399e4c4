"""Opens file shares: finds the account's endpoint and a credential for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.azure.errors import unreadable
from aitk_inference.azure.files.address import Endpoint
from aitk_inference.azure.files.open_url import open_channel
from aitk_inference.azure.files.rest_share import RestShare
from aitk_inference.azure.files.retry import Retry
from aitk_inference.azure.files.sdk_results import only_the_service
from aitk_inference.azure.files.sdk_share import SdkShare
from aitk_inference.azure.files.signing import SharedKey
from aitk_inference.azure.user_agent import with_version
from aitk_inference.core import api_versions
from aitk_inference.core.errors import Forbidden, KeysForbidden, NotFound, ResourceLocked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from azure.storage.fileshare.aio import ShareClient

    from aitk_inference.azure.clients import Clients
    from aitk_inference.azure.credentials import Credential
    from aitk_inference.core.model import Json, ShareRef
    from aitk_inference.core.ports import Clock
    from aitk_inference.core.share import Share

_KEYS_ALLOWED = "allowSharedKeyAccess"
_PROBED = ".aitk-manifest.json"
"""A name to look for: whether it is there does not matter, the answer says whether the key works."""


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
        """Open a share with the account's key, or the person's token where keys are forbidden.

        Raises:
            ResourceLocked: a lock keeps the key away, and the person's own rights do not reach.
        """
        account = await self._account(ref)
        address = _file_endpoint(account, ref)
        takes_tokens = Endpoint.of(address).scheme == "https"
        key = await self._key(ref, account, needed=not takes_tokens)
        share = await self._with_key(ref, address, key, takes_tokens) if isinstance(key, str) else None
        share = share or await self._with_token(ref, address, key)
        try:
            yield share
        finally:
            await share.close()

    async def _with_key(
        self, ref: ShareRef, address: str, key: str, takes_tokens: bool
    ) -> RestShare | SdkShare | None:
        """Return the share, opened with the account's key; None where the service wants a token.

        One request finds out: a policy may forbid what the account's own description allows.
        """
        endpoint = Endpoint.of(address)
        share = self._sdk(address, ref, key) if endpoint.has_proxy else self._rest(endpoint, ref, key)
        try:
            await share.entry(_PROBED)
        except BaseException as error:
            await share.close()
            if isinstance(error, KeysForbidden) and takes_tokens:
                return None
            raise
        return share

    async def _with_token(self, ref: ShareRef, address: str, key: object) -> SdkShare:
        """Return the share, opened with the person's token; a lock is why, where the token is refused, too."""
        share = self._sdk(address, ref, None)
        if isinstance(key, ResourceLocked):
            try:
                await share.entry(_PROBED)
            except Forbidden:
                await share.close()
                raise key from None
        return share

    def _rest(self, endpoint: Endpoint, ref: ShareRef, key: str) -> RestShare:
        signer = SharedKey.of(ref.account, key)
        tls = self._clients.endpoint.tls if endpoint.scheme == "https" else None
        timeout = self._clients.request_timeout
        return RestShare(
            open_channel(endpoint, ref.share, signer, clock=self._clock, timeout=timeout, tls=tls)
        )

    def _sdk(self, address: str, ref: ShareRef, key: str | None) -> SdkShare:
        return SdkShare(self._client(address, ref, key), Retry(self._clock))

    async def _account(self, ref: ShareRef) -> dict[str, Json]:
        found = await self._clients.get(ref.account_id, api_versions.STORAGE)
        if found is None:
            raise NotFound(
                f"There is no storage account {ref.account} in the resource group {ref.resource_group}.",
                suggestion="Check STORAGE_ACCOUNT_NAME in infra/inference.config.json, or run Provision.",
            )
        return found

    async def _key(self, ref: ShareRef, account: dict[str, Json], *, needed: bool) -> str | Forbidden | None:
        """Return the account's first key; where there is none for this person, why, and None for no key at all."""
        properties = account.get("properties")
        if isinstance(properties, dict) and properties.get(_KEYS_ALLOWED) is False and not needed:
            return None
        try:
            answer = await self._clients.post(f"{ref.account_id}/listKeys", api_versions.STORAGE)
        except ResourceLocked as error:
            locked = _no_key_behind_a_lock(ref, error)
            if needed:
                raise locked from error
            return locked
        except Forbidden as error:
            if needed:
                raise
            return error
        keys = answer.get("keys")
        first = keys[0] if isinstance(keys, list) and keys else None
        value = first.get("value") if isinstance(first, dict) else None
        if needed and not isinstance(value, str):
            raise unreadable("No key is among the keys.", f"reading the keys of {ref.account}")
        return value if isinstance(value, str) else None

    def _client(self, endpoint: str, ref: ShareRef, key: str | None) -> ShareClient:
        """Return a client of the share; without a key it shows the person's token.

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
            user_agent=with_version(),
            allow_trailing_dot=True,
            allow_source_trailing_dot=True,
            raw_response_hook=only_the_service,
        )


def _no_key_behind_a_lock(ref: ShareRef, error: ResourceLocked) -> ResourceLocked:
    return ResourceLocked(
        f"A lock keeps the keys of the storage account {ref.account} from being read, and your own account may not"
        " read and write its file share.",
        suggestion="Ask an owner to remove the read-only lock, or for the role Storage File Data Privileged"
        " Contributor on the storage account.",
        link=error.link,
        detail=error.detail,
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
