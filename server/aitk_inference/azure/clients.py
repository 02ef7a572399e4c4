"""The SDKs' management clients for one Azure (the public one, or aca-local), loaded and made on first use."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar, cast

import aiohttp
from azure.core.rest import HttpRequest

from aitk_inference.azure.answers import OnlyAzure
from aitk_inference.azure.authentication_policy import FreshTokens
from aitk_inference.azure.certificates import tls_context
from aitk_inference.azure.errors import answer_error, map_azure_errors, unmet_claims, unreadable
from aitk_inference.azure.proxies import CONNECT_TIMEOUT
from aitk_inference.azure.transport import ProxiedTransport, Retries
from aitk_inference.azure.user_agent import with_version
from aitk_inference.core.errors import UNREGISTERED
from aitk_inference.core.portal import resource_page

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient
    from azure.mgmt.resource.deployments.aio import DeploymentsMgmtClient
    from azure.mgmt.resource.resources.aio import ResourceManagementClient
    from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

    from aitk_inference.azure.credentials import Credential
    from aitk_inference.core.model import Json

_Client = TypeVar("_Client")
_CONNECTIONS = 128
_RETRIES = 5
_LONGEST_BACKOFF = 30.0
_POLLING = 2


@dataclass(frozen=True)
class Endpoint:
    """Where an Azure is.

    Attributes:
        arm: Address of Azure Resource Manager.
        audience: Whom its tokens are for.
        ca_file: The authority that signed its certificate, when the computer's own do not know it.
        is_local: True for aca-local.
    """

    arm: str = "https://management.azure.com"
    audience: str = "https://management.azure.com"
    ca_file: Path | None = None
    is_local: bool = False

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Return what its certificate is checked with."""
        return tls_context(self.ca_file)


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
        """Return the client of subscriptions, directories and locations."""
        from azure.mgmt.resource.subscriptions.aio import SubscriptionClient

        return self._once("subscriptions", lambda: SubscriptionClient(self.credential, **self._options()))

    def resources(self, subscription_id: str) -> ResourceManagementClient:
        """Return the client of groups, providers, and whatever has no client of its own."""
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return self._once(
            f"resources/{subscription_id}",
            lambda: ResourceManagementClient(self.credential, subscription_id, **self._options()),
        )

    def deployments(self, subscription_id: str) -> DeploymentsMgmtClient:
        """Return the client of deployments."""
        from azure.mgmt.resource.deployments.aio import DeploymentsMgmtClient

        return self._once(
            f"deployments/{subscription_id}",
            lambda: DeploymentsMgmtClient(self.credential, subscription_id, **self._options()),
        )

    def apps(self, subscription_id: str) -> ContainerAppsAPIClient:
        """Return the client of container apps and their environments."""
        from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient

        return self._once(
            f"apps/{subscription_id}",
            lambda: ContainerAppsAPIClient(self.credential, subscription_id, **self._options()),
        )

    async def get(self, resource_id: str, api_version: str) -> dict[str, Json] | None:
        """GET a resource by its ARM id (or any path below Resource Manager); None when it is not there."""
        return await self._send("GET", resource_id, api_version, missing_is_none=True)

    async def post(
        self, path: str, api_version: str, body: Mapping[str, Json] | None = None
    ) -> dict[str, Json]:
        """POST an action, ``listKeys`` for example."""
        return await self._send("POST", path, api_version, body) or {}

    async def patch(self, resource_id: str, api_version: str, changes: Mapping[str, Json]) -> None:
        """PATCH a resource and wait until it is done."""
        with map_azure_errors(f"changing {resource_id.rpartition('/providers/')[2]}"):
            resources = self.resources(resource_id.split("/")[2]).resources
            poller = await resources.begin_update_by_id(resource_id, dict(changes), api_version=api_version)
            await poller.result()

    async def _send(
        self,
        method: str,
        path: str,
        api_version: str,
        body: Mapping[str, Json] | None = None,
        *,
        missing_is_none: bool = False,
    ) -> dict[str, Json] | None:
        doing = f"asking for {path.rpartition('/providers/')[2] or path}"
        with map_azure_errors(doing):
            client = self.resources(path.split("/")[2])  # an id that an answer gave may be none
            response = await client.send_request(
                HttpRequest(method, path, params={"api-version": api_version}, json=body)
            )
            if response.status_code == HTTPStatus.NOT_FOUND and missing_is_none:
                return None
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                challenge = response.headers.get("WWW-Authenticate", "")
                unmet = unmet_claims(response.status_code, challenge)
                error = unmet or answer_error(response.status_code, response.text(), "", doing)
                if missing_is_none and error.cloud_code in UNREGISTERED:
                    return None  # nothing of an unregistered provider exists
                raise error
            if response.status_code not in (HTTPStatus.OK, HTTPStatus.CREATED):
                raise unreadable(f"HTTP {response.status_code}: {response.text()}", doing)
            return _object(response.text(), doing)

    def portal_page(self, resource_id: str) -> str | None:
        """Return a resource's page in the portal; None on the local target."""
        return None if self.endpoint.is_local else resource_page(resource_id, self.credential.tenant_id)

    @property
    def request_timeout(self) -> float:
        """Return the seconds to wait for an answer."""
        return self._timeout

    def transport(self) -> ProxiedTransport:
        """Return a transport over the shared session, for clients that are made elsewhere (file shares)."""
        return ProxiedTransport(
            session=self._session,
            session_owner=False,
            use_env_settings=False,
            connection_timeout=CONNECT_TIMEOUT,
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
            "authentication_policy": FreshTokens(self.credential, scope),
            "retry_policy": Retries(retry_total=_RETRIES, retry_backoff_max=_LONGEST_BACKOFF),
            "per_call_policies": [OnlyAzure()],
            "permit_redirects": False,  # Resource Manager has none: it would be a proxy's, with our token
            "transport": self.transport(),
            "user_agent": with_version(),
            "polling_interval": _POLLING,
        }


def _object(text: str, doing: str) -> dict[str, Json]:
    try:
        value: Json = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise unreadable(text, doing) from error
    if not isinstance(value, dict):
        raise unreadable(text, doing)
    return value


@asynccontextmanager
async def connect(endpoint: Endpoint, credential: Credential, *, timeout: float) -> AsyncIterator[Clients]:
    """Yield clients that live as long as the block; nothing is sent before the first call.

    Args:
        endpoint: Which Azure.
        credential: Who asks.
        timeout: Seconds to wait for an answer.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=endpoint.tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )
    async with session:
        yield Clients(endpoint, credential, session, timeout)
