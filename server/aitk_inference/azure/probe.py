"""Asks the web API whether it answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from aitk_inference.core.model import ProbeResult

if TYPE_CHECKING:
    import ssl

_ENOUGH = 2048
_LINE = 200


def http_client(tls: ssl.SSLContext, *, read_timeout: float, is_local: bool) -> httpx.AsyncClient:
    """A client that follows no redirect (``read_timeout`` in seconds; no proxy for the local target)."""
    return httpx.AsyncClient(
        verify=tls, timeout=httpx.Timeout(15.0, read=read_timeout), trust_env=not is_local
    )


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
            return ProbeResult(None, _first_line(str(error)) or type(error).__name__)

    async def _ask(self, url: str) -> ProbeResult:
        """The status and the first line of the body; a body without an end (a stream of events) is cut."""
        async with self._http.stream("GET", url, follow_redirects=True) as response:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) >= _ENOUGH or b"\n" in body:
                    break
            return ProbeResult(response.status_code, _first_line(body.decode("utf-8", "replace")))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:_LINE]
