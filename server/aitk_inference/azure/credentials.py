"""Who asks: the editor's account, what a pipeline's variables announce, the command lines, then the browser.

Two rounds: first every source is asked for a sign-in that exists, then, only when a person may be disturbed,
those that can start one. Tokens are kept in memory until shortly before they end, since the CLIs start a
process for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CredentialUnavailableError,
    DeviceCodeCredential,
    EnvironmentCredential,
    InteractiveBrowserCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.identity.aio import AzureCliCredential, AzureDeveloperCliCredential

from aitk_inference.core.errors import NotAuthenticated

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from aitk_inference.core.ports import EditorTokens

_PROCESS_TIMEOUT = 30
_FRESH_FOR = 300.0
_ANY_TENANT = ["*"]
_FOREVER = 86_400


@dataclass(frozen=True)
class TokenRequest:
    """What token is wanted.

    Attributes:
        scopes: For example ``https://management.azure.com/.default``.
        tenant_id: The directory that it must be of; None: the account's own.
        claims: A claims challenge of the service.
        interactive: Whether a person may be asked.
    """

    scopes: tuple[str, ...]
    tenant_id: str | None = None
    claims: str | None = None
    interactive: bool = False


Source: TypeAlias = Callable[[TokenRequest], Awaitable[AccessToken]]
"""Gives a token, or raises ClientAuthenticationError (CredentialUnavailableError among them)."""


class _Getter(Protocol):
    def get_token(self, *scopes: str, claims: str | None, tenant_id: str | None) -> AccessToken: ...


class Credential:
    """What the SDKs' clients take (an ``AsyncTokenCredential``)."""

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_: Any,
    ) -> AccessToken:
        """A token for the scopes.

        Raises:
            ClientAuthenticationError: nobody is signed in.
        """
        return await self._token(TokenRequest(scopes, tenant_id, claims))

    async def _token(self, request: TokenRequest) -> AccessToken:
        raise NotImplementedError

    def forget(self) -> None:
        """Drop kept tokens: the service refused one."""

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()


class StaticCredential(Credential):
    """One token that never ends: the local target's."""

    def __init__(self, token: str) -> None:
        self._value = token

    async def _token(self, request: TokenRequest) -> AccessToken:
        del request
        return AccessToken(self._value, int(time.time()) + _FOREVER)


class SignIn(Credential):
    """The sources in their order, and the tokens that they gave.

    Args:
        sources: Asked in this order.
        tenant_id: The directory to ask for when the service names none.
    """

    def __init__(self, sources: Sequence[Source], tenant_id: str | None = None) -> None:
        self._sources = tuple(sources)
        self._tenant_id = tenant_id
        self._interactive = False
        self._tokens: dict[tuple[tuple[str, ...], str | None], AccessToken] = {}
        self._lock = asyncio.Lock()

    def allow_interaction(self) -> None:
        """From now on a person may be asked to sign in."""
        self._interactive = True

    def forget(self) -> None:
        """Drop kept tokens: the service refused one."""
        self._tokens.clear()

    async def _token(self, request: TokenRequest) -> AccessToken:
        wanted = replace(request, tenant_id=request.tenant_id or self._tenant_id)
        key = (wanted.scopes, wanted.tenant_id)
        async with self._lock:
            kept = self._tokens.get(key)
            if kept is None or wanted.claims or kept.expires_on - time.time() < _FRESH_FOR:
                self._tokens[key] = await self._ask(wanted)
            return self._tokens[key]

    async def _ask(self, request: TokenRequest) -> AccessToken:
        rounds = (False, True) if self._interactive else (False,)
        reasons = []
        for interactive in rounds:
            for source in self._sources:
                try:
                    return await source(replace(request, interactive=interactive))
                except ClientAuthenticationError as error:
                    reasons.append(str(error.message))
        raise ClientAuthenticationError(message="\n".join(reasons))


def sign_in(
    tokens: EditorTokens | None, *, tenant_id: str | None, timeout: float, log: logging.Logger
) -> SignIn:
    """The chain as design.md draws it.

    Args:
        tokens: The editor's account, when there is an editor.
        tenant_id: The directory that was set by hand; None: the account's own.
        timeout: Seconds that a person has for a sign-in in the browser.
        log: Where a device code is told.
    """
    options: dict[str, Any] = {
        "process_timeout": _PROCESS_TIMEOUT,
        "additionally_allowed_tenants": _ANY_TENANT,
    }
    sources = [
        *([editor_source(tokens)] if tokens else []),
        *(_threaded(credential) for credential in unattended(os.environ)),
        _command_line(AzureCliCredential(**options)),
        _command_line(AzureDeveloperCliCredential(**options)),
        _browser(tenant_id, timeout, log),
    ]
    return SignIn(sources, tenant_id)


def editor_source(tokens: EditorTokens) -> Source:
    """The editor's account as a source."""

    async def ask(request: TokenRequest) -> AccessToken:
        try:
            token, expires_on = await tokens.token(
                request.scopes,
                tenant_id=request.tenant_id,
                claims=request.claims,
                interactive=request.interactive,
            )
        except NotAuthenticated as error:
            raise CredentialUnavailableError(message=f"Editor: {error.message}") from error
        return AccessToken(token, expires_on)

    return ask


def unattended(environ: Mapping[str, str]) -> list[_Getter]:
    """The credentials of a pipeline or a machine of Azure, where variables announce them.

    They stand before the command lines, as in azure-identity's own default chain. A managed identity without
    a variable (a plain virtual machine) is not looked for: elsewhere that costs seconds of silence.
    """
    principal = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")
    kinds: list[tuple[tuple[str, ...], Callable[[], _Getter]]] = [
        ((*principal, "AZURE_FEDERATED_TOKEN_FILE"), WorkloadIdentityCredential),
        ((*principal, "AZURE_CLIENT_SECRET"), EnvironmentCredential),
        ((*principal, "AZURE_CLIENT_CERTIFICATE_PATH"), EnvironmentCredential),
        (("IDENTITY_ENDPOINT",), lambda: ManagedIdentityCredential(client_id=environ.get("AZURE_CLIENT_ID"))),
    ]
    return [make() for variables, make in kinds if all(map(environ.get, variables))]


def _threaded(credential: _Getter) -> Source:
    async def ask(request: TokenRequest) -> AccessToken:
        return await _in_thread(
            lambda: credential.get_token(*request.scopes, claims=request.claims, tenant_id=request.tenant_id)
        )

    return ask


def _command_line(credential: AzureCliCredential | AzureDeveloperCliCredential) -> Source:
    async def ask(request: TokenRequest) -> AccessToken:
        token: AccessToken = await credential.get_token(
            *request.scopes, claims=request.claims, tenant_id=request.tenant_id
        )
        return token

    return ask


def _browser(tenant_id: str | None, timeout: float, log: logging.Logger) -> Source:
    made: list[_Getter] = []

    async def ask(request: TokenRequest) -> AccessToken:
        if not request.interactive:
            raise CredentialUnavailableError(message="Browser: not asked, since nobody may be disturbed.")
        if not made:
            made.append(_interactive_credential(tenant_id, timeout, log))
        return await _in_thread(
            lambda: made[0].get_token(*request.scopes, claims=request.claims, tenant_id=request.tenant_id)
        )

    return ask


def _interactive_credential(tenant_id: str | None, timeout: float, log: logging.Logger) -> _Getter:
    if has_display():
        return InteractiveBrowserCredential(
            tenant_id=tenant_id, timeout=int(timeout), additionally_allowed_tenants=_ANY_TENANT
        )

    def tell(address: str, code: str, expires: datetime) -> None:
        log.warning(
            "To sign in, open %s and enter the code %s (until %s).", address, code, f"{expires:%H:%M} UTC"
        )

    return DeviceCodeCredential(
        tenant_id=tenant_id,
        timeout=int(timeout),
        prompt_callback=tell,
        additionally_allowed_tenants=_ANY_TENANT,
    )


def has_display() -> bool:
    """Whether a browser can open where this runs."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


async def _in_thread(work: Callable[[], AccessToken]) -> AccessToken:
    """Run blocking work in a daemon thread: unlike the executor's, it does not hold up the program's end."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[AccessToken] = loop.create_future()

    def settle(finish: Callable[[], None]) -> None:
        if not result.done():
            finish()

    def tell(finish: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits for the answer any more
            loop.call_soon_threadsafe(settle, finish)

    def run() -> None:
        try:
            token = work()
        except Exception as error:
            failure = error
            tell(lambda: result.set_exception(failure))
        else:
            tell(lambda: result.set_result(token))

    threading.Thread(target=run, name="sign-in", daemon=True).start()
    return await result
