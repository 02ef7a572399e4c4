"""The SDKs' management clients for one Azure (the public one, or aca-local), loaded and made on first use."""

from __future__ import annotations

import json
import re
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.request import getproxies

import aiohttp
from azure.core.exceptions import DecodeError
from azure.core.pipeline.policies import AsyncRetryPolicy, SansIOHTTPPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

from aitk_inference.azure.errors import answer_error, map_azure_errors, unreadable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from azure.core.pipeline import PipelineRequest, PipelineResponse
    from azure.core.rest import AsyncHttpResponse
    from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient
    from azure.mgmt.resource.deployments.aio import DeploymentsMgmtClient
    from azure.mgmt.resource.resources.aio import ResourceManagementClient
    from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

    from aitk_inference.azure.credentials import Credential
    from aitk_inference.core.model import Json

_Client = TypeVar("_Client")
_AUTHORITY = re.compile(r'authorization_uri="?https://[^/"]+/([0-9A-Za-z.-]+)')
_CONNECT_TIMEOUT = 15.0
_CONNECTIONS = 128
_RETRIES = 5
_LONGEST_BACKOFF = 30.0
_POLLING = 2

USER_AGENT = f"aitk-inference/{version('aitk-inference')}"
"""How we call ourselves to the services."""


@dataclass(frozen=True)
class Endpoint:
    """Where an Azure is.

    Attributes:
        arm: Address of Azure Resource Manager.
        audience: Whom its tokens are for.
        portal: Address of the portal; None where there is none.
        ca_file: The authority that signed its certificate, when the computer's own do not know it.
        is_local: True for aca-local: no proxy is asked to reach it.
    """

    arm: str = "https://management.azure.com"
    audience: str = "https://management.azure.com"
    portal: str | None = "https://portal.azure.com"
    ca_file: Path | None = None
    is_local: bool = False

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What its certificate is checked with."""
        return ssl.create_default_context(cafile=self.ca_file)


class FreshTokens(AsyncARMChallengeAuthenticationPolicy):
    """Answers a refused token with a new one, once: of the directory that the service names, if it names one.

    Resource Manager refuses a token of another tenant with 401 InvalidAuthenticationTokenTenant and names the
    right one: ``WWW-Authenticate: Bearer authorization_uri="https://login.windows.net/TENANT", …``. The SDK
    itself answers only claims challenges.

    Args:
        credential: Gives the tokens.
        scope: What for.
        forget: Called before a new token is asked for, so that a kept one is not given again.
    """

    def __init__(self, credential: Credential, scope: str, forget: Callable[[], None]) -> None:
        super().__init__(credential, scope)
        self._forget = forget

    async def on_challenge(
        self,
        request: PipelineRequest[HttpRequest],
        response: PipelineResponse[HttpRequest, AsyncHttpResponse],
    ) -> bool:
        """Get the token that the service asks for; False when there is nothing to try."""
        if await super().on_challenge(request, response):
            return True
        self._forget()
        tenant = challenged_tenant(response.http_response.headers.get("WWW-Authenticate", ""))
        await self.authorize_request(request, *self._scopes, **({"tenant_id": tenant} if tenant else {}))
        return True


class NoPages(SansIOHTTPPolicy[HttpRequest, "AsyncHttpResponse"]):
    """Refuses a web page with a good status, a proxy's: the SDKs would take its text for a resource."""

    def on_response(
        self,
        request: PipelineRequest[HttpRequest],
        response: PipelineResponse[HttpRequest, AsyncHttpResponse],
    ) -> None:
        """Look at what kind of answer it is.

        Raises:
            DecodeError: it is a page.
        """
        del request
        answer = response.http_response
        kind = answer.headers.get("Content-Type", "")
        if answer.status_code < HTTPStatus.MULTIPLE_CHOICES and kind.lower().startswith("text/html"):
            raise DecodeError(f"{kind} instead of JSON")


def challenged_tenant(header: str) -> str | None:
    """The tenant that a challenge names in its ``authorization_uri``."""
    found = _AUTHORITY.search(header)
    return found.group(1) if found else None


class Clients:
    """The clients of one endpoint, and generic requests to Resource Manager.

    Args:
        endpoint: Which Azure.
        credential: Who asks.
        session: The connections of all clients; the caller closes it.
        timeout: Seconds to wait for an answer.
    """

    def __init__(
        self, endpoint: Endpoint, credential: Credential, session: aiohttp.ClientSession, timeout: float
    ) -> None:
        self.endpoint = endpoint
        self.credential = credential
        self._session = session
        self._timeout = timeout
        self._made: dict[str, object] = {}

    def subscriptions(self) -> SubscriptionClient:
        """Subscriptions and locations."""
        from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

        return self._once("subscriptions", lambda: SubscriptionClient(self.credential, **self._options()))

    def resources(self, subscription_id: str) -> ResourceManagementClient:
        """Resource groups, providers, and whatever has no client of its own."""
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return self._once(
            f"resources/{subscription_id}",
            lambda: ResourceManagementClient(self.credential, subscription_id, **self._options()),
        )

    def deployments(self, subscription_id: str) -> DeploymentsMgmtClient:
        """Deployments."""
        from azure.mgmt.resource.deployments.aio import DeploymentsMgmtClient

        return self._once(
            f"deployments/{subscription_id}",
            lambda: DeploymentsMgmtClient(self.credential, subscription_id, **self._options()),
        )

    def apps(self, subscription_id: str) -> ContainerAppsAPIClient:
        """Container apps and their environments."""
        from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient

        return self._once(
            f"apps/{subscription_id}",
            lambda: ContainerAppsAPIClient(self.credential, subscription_id, **self._options()),
        )

    async def get(self, resource_id: str, api_version: str) -> dict[str, Json] | None:
        """GET a resource by its ARM id (or any path below Resource Manager); None when it is not there."""
        return await self._send("GET", resource_id, api_version, missing_is_none=True)

    async def post(self, path: str, api_version: str) -> dict[str, Json]:
        """POST an action without a body, ``listKeys`` for example."""
        return await self._send("POST", path, api_version) or {}

    async def _send(
        self, method: str, path: str, api_version: str, *, missing_is_none: bool = False
    ) -> dict[str, Json] | None:
        doing = f"asking for {path.rpartition('/providers/')[2] or path}"
        client = self.resources(path.split("/")[2])
        with map_azure_errors(doing):
            response = await client.send_request(
                HttpRequest(method, path, params={"api-version": api_version})
            )
            if response.status_code == HTTPStatus.NOT_FOUND and missing_is_none:
                return None
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                raise answer_error(response.status_code, response.text(), "", doing)
            return _object(response.text(), doing)

    @property
    def request_timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self._timeout

    def transport(self) -> AioHttpTransport:
        """A transport over the shared session, for clients that are made elsewhere (file shares)."""
        return AioHttpTransport(
            session=self._session,
            session_owner=False,
            use_env_settings=False,
            connection_timeout=_CONNECT_TIMEOUT,
            read_timeout=self._timeout,
        )

    def _once(self, key: str, make: Callable[[], _Client]) -> _Client:
        if key not in self._made:
            self._made[key] = make()
        return cast("_Client", self._made[key])

    def _options(self) -> dict[str, Any]:
        scope = f"{self.endpoint.audience}/.default"
        return {
            "base_url": self.endpoint.arm,
            "credential_scopes": [scope],
            "authentication_policy": FreshTokens(self.credential, scope, self.credential.forget),
            "retry_policy": AsyncRetryPolicy(retry_total=_RETRIES, retry_backoff_max=_LONGEST_BACKOFF),
            "per_call_policies": [NoPages()],
            "transport": self.transport(),
            "user_agent": USER_AGENT,
            "polling_interval": _POLLING,
        }


def _object(text: str, doing: str) -> dict[str, Json]:
    try:
        value: Json = json.loads(text or "{}")
    except ValueError as error:
        raise unreadable(text, doing) from error
    if not isinstance(value, dict):
        raise unreadable(text, doing)
    return value


@asynccontextmanager
async def connect(endpoint: Endpoint, credential: Credential, *, timeout: float) -> AsyncIterator[Clients]:
    """Clients that live as long as the block; nothing is sent before the first call.

    Args:
        endpoint: Which Azure.
        credential: Who asks.
        timeout: Seconds to wait for an answer.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=endpoint.tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=not endpoint.is_local and bool(getproxies()),
    )
    async with session:
        yield Clients(endpoint, credential, session, timeout)
