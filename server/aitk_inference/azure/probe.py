"""Asks the web API whether it answers."""

from __future__ import annotations

import asyncio
import socket
import ssl

import httpx

from aitk_inference.core.model import ProbeResult

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
            return ProbeResult(None, _why(error, url))

    async def _ask(self, url: str) -> ProbeResult:
        """The status and the first line of the body; a body without an end (a stream of events) is cut."""
        async with self._http.stream("GET", url, follow_redirects=True) as response:
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) >= _ENOUGH or b"\n" in body:
                    break
            return ProbeResult(response.status_code, _first_line(body.decode("utf-8", "replace")))


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


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:_LINE]
