"""Where tokens come from: the editor's account, what a pipeline's variables announce, the command lines, a browser."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from azure.core.credentials import AccessToken
from azure.identity import (
    CredentialUnavailableError,
    DeviceCodeCredential,
    EnvironmentCredential,
    InteractiveBrowserCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.identity.aio import AzureCliCredential, AzureDeveloperCliCredential

from aitk_inference.azure.certificates import thread_transport
from aitk_inference.azure.credentials import AZURE_CLI, SignIn, Source, TokenRequest
from aitk_inference.core.daemon_thread import in_daemon_thread
from aitk_inference.core.errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aitk_inference.azure.credentials import GetToken
    from aitk_inference.core.ports import EditorTokens

_PROCESS_TIMEOUT = 30
_ANY_TENANT = ["*"]


class _Getter(Protocol):
    def get_token(self, *scopes: str, claims: str | None, tenant_id: str | None) -> AccessToken: ...


def sign_in(
    tokens: EditorTokens | None, *, tenant_id: str | None, timeout: float, show: Callable[[str], None]
) -> SignIn:
    """Return the chain: the editor's account, a pipeline's variables, Azure CLI, azd, a browser.

    Args:
        tokens: The editor's account, when there is an editor.
        tenant_id: The directory that was set by hand; None: the account's own.
        timeout: Seconds that a person has for a sign-in in the browser.
        show: Shows a person the device code.
    """
    options: dict[str, Any] = {
        "process_timeout": _PROCESS_TIMEOUT,
        "additionally_allowed_tenants": _ANY_TENANT,
    }
    pipeline = [
        Source("pipeline", "this machine's variables", threaded(one)) for one in unattended(os.environ)
    ]
    sources = [
        *([Source("editor", "the editor's account", editor_source(tokens))] if tokens else []),
        *pipeline,
        Source(AZURE_CLI, "Azure CLI", _command_line(AzureCliCredential(**options))),
        Source("azd", "Azure Developer CLI", _command_line(AzureDeveloperCliCredential(**options))),
        Source("browser", "a browser", _browser(tenant_id, timeout, show)),
    ]
    return SignIn(sources, tenant_id)


def editor_source(tokens: EditorTokens) -> GetToken:
    """Return the editor's account as a source."""

    async def get(request: TokenRequest) -> AccessToken:
        try:
            token, expires_on = await tokens.token(
                request.scopes,
                tenant_id=request.tenant_id,
                claims=request.claims,
                www_authenticate=request.challenge,
                interactive=request.interactive,
            )
        except NotAuthenticated as error:
            raise CredentialUnavailableError(message=f"Editor: {error.message}") from error
        return AccessToken(token, expires_on)

    return get


def unattended(environ: Mapping[str, str]) -> list[_Getter]:
    """Return the credentials of a pipeline or a machine of Azure, where variables announce them.

    They stand before the command lines, as in azure-identity's own default chain. A managed identity without
    a variable (a plain virtual machine) is not looked for: elsewhere that costs seconds of silence.
    """
    principal, transport = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID"), thread_transport
    identity = environ.get("AZURE_CLIENT_ID")
    kinds: list[tuple[tuple[str, ...], Callable[[], _Getter]]] = [
        (
            (*principal, "AZURE_FEDERATED_TOKEN_FILE"),
            lambda: WorkloadIdentityCredential(transport=transport()),
        ),
        ((*principal, "AZURE_CLIENT_SECRET"), lambda: EnvironmentCredential(transport=transport())),
        ((*principal, "AZURE_CLIENT_CERTIFICATE_PATH"), lambda: EnvironmentCredential(transport=transport())),
        (
            ("IDENTITY_ENDPOINT",),
            lambda: ManagedIdentityCredential(client_id=identity, transport=transport()),
        ),
    ]
    return [make() for variables, make in kinds if all(map(environ.get, variables))]


def threaded(credential: _Getter) -> GetToken:
    """Return a blocking credential as a source."""

    async def get(request: TokenRequest) -> AccessToken:
        return await in_daemon_thread(
            lambda: credential.get_token(*request.scopes, claims=request.claims, tenant_id=request.tenant_id),
            "sign-in",
        )

    return get


def _command_line(credential: AzureCliCredential | AzureDeveloperCliCredential) -> GetToken:
    async def get(request: TokenRequest) -> AccessToken:
        token: AccessToken = await credential.get_token(
            *request.scopes, claims=request.claims, tenant_id=request.tenant_id
        )
        return token

    return get


def _browser(tenant_id: str | None, timeout: float, show: Callable[[str], None]) -> GetToken:
    made: list[GetToken] = []

    async def get(request: TokenRequest) -> AccessToken:
        if not request.interactive:
            raise CredentialUnavailableError(message="Browser: not asked, since nobody may be disturbed.")
        if not made:
            made.append(threaded(_interactive_credential(tenant_id or request.tenant_id, timeout, show)))
        return await made[0](request)

    return get


def _interactive_credential(tenant_id: str | None, timeout: float, show: Callable[[str], None]) -> _Getter:
    options: dict[str, Any] = {
        "tenant_id": tenant_id,
        "timeout": int(timeout),
        "additionally_allowed_tenants": _ANY_TENANT,
        "transport": thread_transport(),
    }
    if has_display():
        return InteractiveBrowserCredential(**options)

    def prompt(address: str, code: str, expires: datetime) -> None:
        show(f"To sign in, open {address} and enter the code {code} (until {expires:%H:%M} UTC).")

    return DeviceCodeCredential(prompt_callback=prompt, **options)


def has_display() -> bool:
    """Return True if a browser can open where this runs."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
