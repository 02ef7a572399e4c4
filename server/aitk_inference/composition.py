"""The composition root: which adapter stands behind which port, for which target. Nothing else wires.

Nothing of Azure's SDKs, httpx or aiohttp is imported before a target is opened: they take more than a second.
A sync to a URL loads as little as it can: it takes less time than they do.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from aitk_inference.core.clock import SystemClock
from aitk_inference.core.errors import AppError
from aitk_inference.core.user_interface import Level

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from aitk_inference.azure.clients import Clients, Endpoint
    from aitk_inference.azure.credentials import Credential, SignIn
    from aitk_inference.core.accounts import Account, Directory
    from aitk_inference.core.model import Subscription
    from aitk_inference.core.ports import Cloud, Clouds, EditorTokens, TemplateCompiler
    from aitk_inference.core.settings import Settings
    from aitk_inference.core.share import OpenedShare
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.local_target import LocalAzure, LocalTargets

LOCAL_ID = "aca10ca1-0000-4000-8000-000000000001"
"""The local target's one subscription: the same on every computer, so that configurations can hold it."""
LOCAL_TENANT_ID = "aca10ca1-0000-4000-8000-000000000002"

_LOCAL_WORD = "local"
_SCOPE = "https://management.azure.com/.default"
_SIGN_IN_TIMEOUT = 300.0
_ADAPTERS = "aitk_inference.opened_cloud"


def clouds(
    settings: Settings,
    *,
    tokens: EditorTokens | None = None,
    log: logging.Logger | None = None,
    local: LocalTargets | None = None,
) -> Clouds:
    """Return the targets; nothing is opened, started or imported yet.

    Args:
        settings: What a person set.
        tokens: The editor's account, when there is an editor.
        log: Where adapters tell what they do.
        local: The local targets that this process has used before.
    """
    from aitk_inference.local_target import LocalTargets

    logging.getLogger("azure").setLevel(logging.ERROR)  # its warnings reach people in our own words
    return _Clouds(settings, tokens, log or logging.getLogger("aitk_inference"), local or LocalTargets())


def share_at(
    url: str, environment: Mapping[str, str], settings: Settings
) -> AbstractAsyncContextManager[OpenedShare]:
    """Return the share that a URL names; nothing of Azure's SDKs is imported for it."""
    from aitk_inference.azure.files.open_url import open_url

    return open_url(
        url,
        connection_string=environment.get("AZURE_STORAGE_CONNECTION_STRING"),
        clock=SystemClock(),
        timeout=settings.request_timeout,
    )


class _Clouds:
    """Azure and the local target."""

    def __init__(
        self, settings: Settings, tokens: EditorTokens | None, log: logging.Logger, targets: LocalTargets
    ) -> None:
        self._settings = settings
        self._targets = targets
        self._tokens = tokens
        self._log = log
        self._ui: UserInterface | None = None
        self._signed_in: SignIn | None = None

    @property
    def local(self) -> Subscription:
        """The local target as a subscription to choose."""
        from aitk_inference.core.model import Subscription

        return Subscription(LOCAL_ID, "Local (this computer)", LOCAL_TENANT_ID, is_local=True)

    def attend(self, ui: UserInterface) -> None:
        """Take the person that sign-ins may ask; where nobody can be asked, none is started."""
        self._ui = ui

    # --- accounts --------------------------------------------------------------------------------------

    async def subscriptions(self, *, interactive: bool) -> Sequence[Subscription]:
        """Return the Azure subscriptions of the signed-in person, of all directories."""
        from aitk_inference.azure.directories import list_everywhere
        from aitk_inference.azure.errors import map_azure_errors

        sign_in = self._sign_in()
        with map_azure_errors("signing in"):
            home = (await sign_in.account(_SCOPE, silent=not interactive)).tenant_id
        if tenant := self._settings.command_tenant or self._settings.tenant:
            async with self._connect(tenant) as clients:
                from aitk_inference.azure.subscriptions import list_subscriptions

                return await list_subscriptions(clients)
        listing = await list_everywhere(self._connect, home)
        for warning in listing.warnings:
            self._say(warning)
        return listing.subscriptions

    async def subscription(self, subscription_id: str) -> Subscription | None:
        """Return the Azure subscription of that id; None when nobody here sees it."""
        from aitk_inference.azure.subscriptions import get_subscription

        async with self._connect(None, silent=False) as clients:
            return await get_subscription(clients, subscription_id)

    async def account(self, tenant_id: str | None = None, *, interactive: bool = False) -> Account:
        """Return who is signed in to Azure."""
        from aitk_inference.azure.errors import map_azure_errors

        with map_azure_errors("signing in"):
            tenant = self._settings.command_tenant or tenant_id
            return await self._sign_in().account(_SCOPE, tenant, silent=not interactive)

    async def directories(self) -> Sequence[Directory]:
        """Return the directories that the account is in; asks nobody."""
        from aitk_inference.azure.directories import list_directories

        async with self._connect(None) as clients:
            return await list_directories(clients)

    def sign_ins(self) -> Sequence[tuple[str, str]]:
        """Return the ways to sign in, in their order."""
        return [(source.name, source.label) for source in self._sign_in().sources]

    def prefer(self, sign_in: str) -> None:
        """Sign in this way first, from now on."""
        self._sign_in().prefer(sign_in)

    # --- targets ---------------------------------------------------------------------------------------

    async def local_running(self) -> bool:
        """Return True when the local target runs already."""
        from aitk_inference import local_target

        return await local_target.find(self._settings) is not None

    async def stop_local(self) -> None:
        """End the local target; its state stays on disk."""
        from aitk_inference import local_target

        await local_target.stop(self._settings)

    @asynccontextmanager
    async def open(self, subscription_id: str, tenant_id: str | None = None) -> AsyncIterator[Cloud]:
        """Return the target that a subscription id belongs to (``local`` is understood)."""
        is_local = subscription_id.lower() in (_LOCAL_WORD, LOCAL_ID)
        running, _ = await asyncio.gather(
            self._local_target() if is_local else asyncio.sleep(0, None),
            asyncio.to_thread(import_module, _ADAPTERS),  # a quarter of a second, as aca-local's program
        )
        endpoint, credential = self._local(running) if running else self._azure(tenant_id)
        from aitk_inference.opened_cloud import opened_cloud

        async with opened_cloud(endpoint, credential, self._settings) as cloud:
            yield cloud

    def compiler(self) -> AbstractAsyncContextManager[TemplateCompiler]:
        """Return the compiler by itself, for what needs no target."""
        from aitk_inference.bicep import BicepCompiler

        return BicepCompiler(self._settings.bicep_path)

    async def _local_target(self) -> LocalAzure:
        running = await self._targets.start(self._settings)
        if running.subscription_id != LOCAL_ID:
            raise AppError(
                "Another version of aca-local runs on this computer.",
                suggestion="Stop it with `aca-local stop` and run the command again.",
            )
        self._log.debug("The local Azure answers at %s.", running.arm)
        return running

    def _local(self, running: LocalAzure) -> tuple[Endpoint, Credential]:
        from aitk_inference.azure.clients import Endpoint
        from aitk_inference.azure.credentials import StaticCredential

        endpoint = Endpoint(arm=running.arm, ca_file=running.ca_file, is_local=True)
        return endpoint, StaticCredential(running.token)

    def _azure(self, tenant_id: str | None) -> tuple[Endpoint, Credential]:
        from aitk_inference.azure.clients import Endpoint

        return Endpoint(), self._sign_in().of(self._settings.command_tenant or tenant_id)

    @asynccontextmanager
    async def _connect(self, tenant_id: str | None, *, silent: bool = True) -> AsyncIterator[Clients]:
        from aitk_inference.azure.clients import Endpoint, connect

        credential = self._sign_in().of(tenant_id, silent=silent)
        async with connect(Endpoint(), credential, timeout=self._settings.request_timeout) as clients:
            yield clients

    def _sign_in(self) -> SignIn:
        """Return one sign-in for all that is opened, so that a person is asked once."""
        from aitk_inference.azure.sign_in_sources import sign_in

        if self._signed_in is None:
            tenant = self._settings.command_tenant or self._settings.tenant
            self._signed_in = sign_in(
                self._tokens, tenant_id=tenant, timeout=_SIGN_IN_TIMEOUT, show=self._say
            )
        if self._ui is not None and self._ui.can_ask:
            self._signed_in.allow_interaction(self._use_command_line)
        return self._signed_in

    def _say(self, text: str) -> None:
        if self._ui is None:
            self._log.warning("%s", text)
        else:
            self._ui.say(Level.WARNING, text)

    async def _use_command_line(self, command: str) -> bool:
        """Offer Azure CLI where a policy asks for more than this sign-in can give."""
        from aitk_inference.azure.challenges import UNMET
        from aitk_inference.core.user_interface import Confirm

        if self._ui is None:
            return False
        question = Confirm(
            "useAzureCli",
            f"{UNMET} Use Azure CLI?",
            "",
            "Use Azure CLI",
            f"Run this in a terminal first: {command}",
        )
        return (await self._ui.ask([question]))[question.name] == "yes"
