"""Asks the web API whether it answers."""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx

from aitk_inference.azure.proxies import CONNECT_TIMEOUT, proxy_for
from aitk_inference.core.model import ProbeResult

_ENOUGH = 2048
_LINE = 200


def http_client(tls: ssl.SSLContext, *, read_timeout: float) -> httpx.AsyncClient:
    """Return a client that follows no redirect (``read_timeout`` in seconds)."""
    timeout = httpx.Timeout(CONNECT_TIMEOUT, read=read_timeout)
    return httpx.AsyncClient(transport=_Proxied(tls), timeout=timeout, trust_env=False)


class _Proxied(httpx.AsyncBaseTransport):
    """Sends each request through the proxy that is meant for it, or through none."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._ways: dict[str | None, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it."""
        proxy = proxy_for(str(request.url))
        if proxy not in self._ways:
            self._ways[proxy] = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, proxy=proxy)
        return await self._ways[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        for way in self._ways.values():
            await way.aclose()


class HttpProbe:
    """The :class:`~aitk_inference.core.ports.EndpointProbe` port."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, url: str, *, timeout: float) -> ProbeResult:
        """One GET, redirects followed; never raises for a server that does not answer."""
        try:
            async with asyncio.timeout(timeout):
                return await self._ask(url)
        except TimeoutError:
            return ProbeResult(None, f"no answer within {timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return ProbeResult(None, _why(error, url))

    async def _ask(self, url: str) -> ProbeResult:
        """Return the status and the first line of the body; a body without an end (events) is cut."""
        async with self._http.stream("GET", url, follow_redirects=True) as response:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) >= _ENOUGH or b"\n" in body:
                    break
            return ProbeResult(response.status_code, _first_line(body.decode("utf-8", "replace"), _ENOUGH))


def _why(error: Exception, url: str) -> str:
    """Why nothing answers, in words that are the same on every system."""
    if isinstance(error, httpx.ConnectError):
        causes = _causes(error)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return f"there is no host {httpx.URL(url).host}"
        if not any(isinstance(cause, ssl.SSLError) for cause in causes):
            return f"nothing listens at {httpx.URL(url).netloc.decode()}"
    return _first_line(str(error)) or type(error).__name__


def _causes(error: BaseException) -> list[BaseException]:
    causes, waiting = [], [error]
    while waiting:
        cause = waiting.pop()
        causes.append(cause)
        more = [cause.__cause__, cause.__context__]
        nested = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        waiting += [one for one in (*more, *nested) if one is not None and one not in causes]
    return causes


def _first_line(text: str, longest: int = _LINE) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:longest]
