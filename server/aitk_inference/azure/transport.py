"""How the SDKs' requests get to a service: through which proxy, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.core.pipeline.transport import AioHttpTransport

from aitk_inference.azure.proxies import proxy_for

if TYPE_CHECKING:
    from azure.core.rest import AsyncHttpResponse, HttpRequest

_REPEATABLE = frozenset({"HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE", "POST", "PATCH"})
"""Every POST and PATCH of ours may be sent twice: it reads (``listKeys``, ``getAuthToken``), or asks for a
state (``restart``, ``stop``, ``register``, ``cancel``, a profile) that is the same the second time."""


class ProxiedTransport(AioHttpTransport):  # type: ignore[misc]  # the SDK loads it lazily, so that its type is lost
    """Sends each request through the proxy that is meant for it, or through none."""

    async def send(self, request: HttpRequest, **config: Any) -> AsyncHttpResponse:
        """Send it."""
        proxy = proxy_for(request.url)
        answer: AsyncHttpResponse = await super().send(
            request, **config, **({"proxy": proxy} if proxy else {})
        )
        return answer


class Retries(AsyncRetryPolicy["HttpRequest", "AsyncHttpResponse"]):
    """The SDK's policy; a lost connection does not end a POST either, since each of ours may be repeated."""

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the settings of one request."""
        options.setdefault("retry_on_methods", _REPEATABLE)
        return super().configure_retries(options)
