"""The composition root: which adapter stands behind which port, for which target. Nothing else wires.

Nothing of Azure's SDKs, httpx or aiohttp is imported before a target is opened: they take more than a second.
A sync to a URL loads as little as it can: it takes less time than they do.
"""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.core.clock import SystemClock
from aitk_inference.core.errors import AppError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from aitk_inference.azure.clients import Endpoint
    from aitk_inference.azure.credentials import Credential, SignIn
    from aitk_inference.core.model import Subscription
    from aitk_inference.core.ports import Cloud, Clouds, EditorTokens
    from aitk_inference.core.settings import Settings
    from aitk_inference.core.share import OpenedShare

LOCAL_ID = "aca10ca1-0000-4000-8000-000000000001"
"""The local target's one subscription: the same on every computer, so that configurations can hold it."""
LOCAL_TENANT_ID = "aca10ca1-0000-4000-8000-000000000002"

_LOCAL_WORD = "local"
_SIGN_IN_TIMEOUT = 300.0
_LOG_SILENCE = 600.0


def clouds(
    settings: Settings, *, tokens: EditorTokens | None = None, log: logging.Logger | None = None
) -> Clouds:
    """The targets; nothing is opened, started or imported yet.

    Args:
        settings: What a person set.
        tokens: The editor's account, when there is an editor.
        log: Where adapters tell what they do.
    """
    logging.getLogger("azure").setLevel(logging.ERROR)  # its warnings reach people in our own words
    return _Clouds(settings, tokens, log or logging.getLogger("aitk_inference"))


def share_at(
    url: str, environment: Mapping[str, str], settings: Settings
) -> AbstractAsyncContextManager[OpenedShare]:
    """The share that a URL names; nothing of Azure's SDKs is imported for it."""
    from aitk_inference.azure.files.by_url import open_url

    return open_url(
        url,
        connection_string=environment.get("AZURE_STORAGE_CONNECTION_STRING"),
        clock=SystemClock(),
        timeout=settings.request_timeout,
    )


class _Clouds:
    """Azure and the local target."""

    def __init__(self, settings: Settings, tokens: EditorTokens | None, log: logging.Logger) -> None:
        self._settings = settings
        self._tokens = tokens
        self._log = log
        self._signed_in: SignIn | None = None

    @property
    def local(self) -> Subscription:
        """The local target as a subscription to choose."""
        from aitk_inference.core.model import Subscription

        return Subscription(LOCAL_ID, "Local (this computer)", LOCAL_TENANT_ID, is_local=True)

    async def subscriptions(self, *, interactive: bool) -> Sequence[Subscription]:
        """Azure subscriptions of the signed-in person; once interactive, later sign-ins may ask, too."""
        from aitk_inference.azure.clients import Endpoint, connect
        from aitk_inference.azure.subscriptions import list_subscriptions

        sign_in = self._sign_in()
        if interactive:
            sign_in.allow_interaction()
        async with connect(Endpoint(), sign_in, timeout=self._settings.request_timeout) as clients:
            return await list_subscriptions(clients)

    async def local_running(self) -> bool:
        """True when the local target runs already."""
        from aitk_inference import local

        return await local.find(self._settings) is not None

    async def stop_local(self) -> None:
        """End the local target; its state stays on disk."""
        from aitk_inference import local

        await local.stop(self._settings)

    @asynccontextmanager
    async def open(self, subscription_id: str) -> AsyncIterator[Cloud]:
        """The target that a subscription id belongs to (``local`` is understood)."""
        is_local = subscription_id.lower() in (_LOCAL_WORD, LOCAL_ID)
        endpoint, credential = await self._local() if is_local else self._azure()
        async with _opened(endpoint, credential, self._settings) as cloud:
            yield cloud

    async def _local(self) -> tuple[Endpoint, Credential]:
        from aitk_inference import local
        from aitk_inference.azure.clients import Endpoint
        from aitk_inference.azure.credentials import StaticCredential

        running = await local.start(self._settings)
        if running.subscription_id != LOCAL_ID:
            raise AppError(
                "Another version of aca-local runs on this computer.",
                suggestion="Stop it with `aca-local stop` and run the command again.",
            )
        self._log.debug("The local Azure answers at %s.", running.arm)
        endpoint = Endpoint(arm=running.arm, portal=None, ca_file=running.ca_file, is_local=True)
        return endpoint, StaticCredential(running.token)

    def _azure(self) -> tuple[Endpoint, Credential]:
        from aitk_inference.azure.clients import Endpoint

        sign_in = self._sign_in()
        if self._tokens is not None:
            sign_in.allow_interaction()  # an editor asks in its own way; a terminal may have nobody before it
        return Endpoint(), sign_in

    def _sign_in(self) -> SignIn:
        """One sign-in for all that is opened, so that a person is asked once."""
        from aitk_inference.azure.credentials import sign_in

        if self._signed_in is None:
            tenant = os.environ.get("AZURE_TENANT_ID") or None
            self._signed_in = sign_in(self._tokens, tenant_id=tenant, timeout=_SIGN_IN_TIMEOUT, log=self._log)
        return self._signed_in


@asynccontextmanager
async def _opened(endpoint: Endpoint, credential: Credential, settings: Settings) -> AsyncIterator[Cloud]:
    from aitk_inference.azure.clients import connect
    from aitk_inference.azure.container_apps import ArmContainerApps
    from aitk_inference.azure.deployments import ArmDeployments
    from aitk_inference.azure.files.shares import ArmShares
    from aitk_inference.azure.log_streams import LogStreams
    from aitk_inference.azure.probe import HttpProbe, http_client
    from aitk_inference.azure.subscriptions import ArmSubscriptions
    from aitk_inference.bicep import BicepCompiler
    from aitk_inference.core.ports import Cloud

    clock = SystemClock()
    async with (
        connect(endpoint, credential, timeout=settings.request_timeout) as clients,
        http_client(endpoint.tls, read_timeout=_LOG_SILENCE, is_local=endpoint.is_local) as http,
        BicepCompiler(settings.bicep_path) as compiler,
    ):
        yield Cloud(
            subscriptions=ArmSubscriptions(clients, clock),
            deployments=ArmDeployments(clients),
            apps=ArmContainerApps(clients, LogStreams(clients, http, clock), clock),
            shares=ArmShares(clients, clock),
            probe=HttpProbe(http),
            compiler=compiler,
            clock=clock,
            is_local=endpoint.is_local,
        )
