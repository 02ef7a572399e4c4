"""What a request must look like to be passed on, and what of it reaches a replica.

Only a path of this app is passed on: whatever else a request line may hold (an authority for CONNECT, an
absolute address, ``1@host:port``) would let a client choose another host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from aca_local.ingress import words
from aca_local.port_book import HOST
from aca_local.security import PAGE_COOKIE, is_local_host

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

HEADER_LIMIT = 64 * 1024  # bytes of line and headers: Envoy takes 60 KiB, and counts a little less of them
HOP_BY_HOP = frozenset(
    (
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
FORWARDED = frozenset(
    (
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-client-cert",
    )
)


class Target(NamedTuple):
    """The host that a client named, and the path with its query as it came."""

    host: str
    path: str

    def url(self, port: int) -> URL:
        """Return the address of a replica for it."""
        return URL(f"http://{HOST}:{port}{self.path}", encoded=True)


def read_target(request: web.BaseRequest) -> Target | web.Response:
    """Return what is asked for, or the refusal of a request that an ingress doesn't pass on."""
    if request.method == "CONNECT":
        return web.Response(status=405, text=words.NO_TUNNEL)
    if len(request.headers.getall("Host", ())) > 1:
        return web.Response(status=400, text=words.BAD_HOST)
    line = len(request.method) + len(request.raw_path) + len("  HTTP/1.1\r\n")
    if line + sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > HEADER_LIMIT:
        return web.Response(status=431, text=words.TOO_LARGE)
    target = _split(request.raw_path, request.host)
    if target is None:
        return web.Response(status=400, text=words.BAD_TARGET)
    if not is_local_host(target.host):
        return web.Response(status=421, text=words.OTHER_NAME)
    return target


def _split(raw: str, host: str) -> Target | None:
    """Read a request target in origin form, or in absolute form: its authority stands for the host then."""
    if raw.startswith("/"):
        return Target(host, raw)
    scheme, separator, rest = raw.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        return None
    end = min((rest.find(one) for one in "/?#" if one in rest), default=len(rest))
    authority, path = rest[:end], rest[end:]
    if "@" in authority:
        return None
    return Target(authority, path if path.startswith("/") else f"/{path}")


def without_hops(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Leave out the headers that belong to one connection, and those that ``Connection`` names."""
    named = {one.strip().lower() for one in headers.get("Connection", "").split(",")}
    kept = ((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP | named)
    return CIMultiDict(kept)


def towards_replica(request: web.BaseRequest, host: str, secrets: Collection[str]) -> CIMultiDict[str]:
    """Pass the client's headers on; an edge proxy sets X-Forwarded-* itself and believes nobody's.

    A browser sends the cookies of 127.0.0.1 to all of its ports, so that of aca-local's page is taken out,
    and every header that holds one of this aca-local's own ``secrets``.
    """
    headers = without_hops(request.headers)
    for name in FORWARDED:
        headers.popall(name, None)
    cookies = headers.popall("Cookie", [])
    if kept := [one for one in map(_without_page_cookie, cookies) if one]:
        headers["Cookie"] = "; ".join(kept)
    for name in {name for name, value in headers.items() if any(secret in value for secret in secrets)}:
        del headers[name]
    headers["Host"] = host
    headers["X-Forwarded-For"] = request.remote or HOST
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = host
    return headers


def towards_client(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Pass a replica's headers on; the cookie of aca-local's page is not for it to set."""
    kept = without_hops(headers)
    cookies = kept.popall("Set-Cookie", [])
    for one in cookies:
        if not one.lstrip().startswith(PAGE_COOKIE):
            kept.add("Set-Cookie", one)
    return kept


def _without_page_cookie(header: str) -> str:
    pairs = (pair.strip() for pair in header.split(";"))
    return "; ".join(pair for pair in pairs if pair and not pair.startswith(PAGE_COOKIE))


def is_websocket(request: web.BaseRequest) -> bool:
    """Return True if a request is a handshake that a WebSocket can answer; else it is plain HTTP."""
    tokens = {one.strip().lower() for one in request.headers.get("Connection", "").split(",")}
    upgrade = request.headers.get("Upgrade", "").strip().lower()
    return (
        request.method == "GET"
        and upgrade == "websocket"
        and "upgrade" in tokens
        and web.WebSocketResponse().can_prepare(request).ok
    )
