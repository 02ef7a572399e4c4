"""Lets in who has the key: a header for programs, a cookie from the sign-in page for browsers.

Everything is guarded, websockets too, except the two paths that probes ask. The key never stands in a URL.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus, cookies
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from openai_api.errors import ApiError
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response

from web.key_file import is_key, is_session, session_of
from web.sign_in_page import sign_in_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from web.key_file import KeyFile
    from web.throttle import Throttle

OPEN_PATHS = ("/livez", "/ready")
SIGN_IN = "/sign-in"
COOKIE = "inference_session"
COOKIE_SECONDS = 7 * 24 * 3600
LONGEST_FORM = 4096
FORM_SECONDS = 10
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Guard:
    """The app behind its key; without a key the app as it is."""

    def __init__(self, app: ASGIApp, key_file: KeyFile, name: str, throttle: Throttle) -> None:
        self._app = app
        self._key_file = key_file
        self._name = name
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        is_open = scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS
        response = None if is_open else await self._response(scope, receive)
        if response is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive) -> Response | None:
        """Return the guard's own answer; None lets the request pass."""
        key = self._key_file.read()
        if key is None or _has_session(key, scope):
            return _to_page() if scope["path"] == SIGN_IN else None
        return await self._examine(key, scope, receive)

    async def _examine(self, key: bytes, scope: Scope, receive: Receive) -> Response | None:
        """Return a refusal, the sign-in page or what it leads to; None lets the request pass."""
        address = _address(scope)
        is_form = scope["type"] == "http" and scope["path"] == SIGN_IN and scope["method"] == "POST"
        given = await _form_key(receive) if is_form else _header_key(Headers(scope=scope))
        if given is None:
            return self._sign_in() if _is_browser(scope) else _unauthorized("An API key is wanted here.")
        if self._throttle.is_full(address):
            return _too_many()
        if is_key(key, given):
            return _signed_in(key, scope) if is_form else None
        await self._throttle.wrong(address)
        return self._sign_in(wrong=True) if is_form else _unauthorized("The API key is wrong.")

    def _sign_in(self, *, wrong: bool = False) -> Response:
        page = sign_in_page(self._name, wrong=wrong)
        return HTMLResponse(page, HTTPStatus.UNAUTHORIZED, {"cache-control": "no-store"})


def _has_session(key: bytes, scope: Scope) -> bool:
    """Return True for a browser that has signed in. Other sites can't make it act here: a request that
    changes something, and a websocket, must come from a page of ours.
    """
    headers = Headers(scope=scope)
    jar: cookies.SimpleCookie = cookies.SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except cookies.CookieError:
        return False
    if COOKIE not in jar or not is_session(key, jar[COOKIE].value):
        return False
    is_safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
    return is_safe or _is_same_origin(headers)


def _is_same_origin(headers: Headers) -> bool:
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc in (headers.get("host"), headers.get("x-forwarded-host"))


def _header_key(headers: Headers) -> bytes | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else headers.get("api-key", "")
    return given.encode("latin-1") if given else None


async def _form_key(receive: Receive) -> bytes:
    """Return the key of the sign-in form; a form that is too long or too slow holds none."""
    body, more = b"", True
    try:
        async with asyncio.timeout(FORM_SECONDS):
            while more and len(body) <= LONGEST_FORM:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
    except TimeoutError:
        return b""
    fields = parse_qs(body[:LONGEST_FORM].decode("latin-1"), encoding="utf-8")
    return fields.get("key", [""])[0].strip().encode()


def _signed_in(key: bytes, scope: Scope) -> Response:
    """Return the way to the page, with the cookie. The cookie's path is the page's own, which only the
    browser knows behind a proxy that strips a prefix: so none is named.
    """
    headers = Headers(scope=scope)
    is_secure = "https" in (scope.get("scheme"), headers.get("x-forwarded-proto"))
    response = _to_page()
    response.set_cookie(
        COOKIE, session_of(key), COOKIE_SECONDS, path=None, secure=is_secure, httponly=True, samesite="lax"
    )
    return response


def _to_page() -> Response:
    return RedirectResponse("./", HTTPStatus.SEE_OTHER, {"cache-control": "no-store"})


def _is_browser(scope: Scope) -> bool:
    """Return True for a request whose answer a person sees: the page, or the form's own address."""
    is_page = scope["type"] == "http" and scope["path"] in ("/", SIGN_IN) and scope["method"] == "GET"
    return is_page and "text/html" in Headers(scope=scope).get("accept", "")


def _address(scope: Scope) -> str:
    """Return the client's address: what the ingress, the nearest proxy, says."""
    forwarded = Headers(scope=scope).get("x-forwarded-for", "")
    client = scope.get("client")
    return forwarded.rpartition(",")[2].strip() or (client[0] if client else "")


def _unauthorized(message: str) -> Response:
    words = f"{message} Send it as the header Authorization: Bearer KEY, or api-key: KEY."
    headers = {"www-authenticate": "Bearer"}
    return ApiError(HTTPStatus.UNAUTHORIZED, words, code="invalid_api_key", headers=headers).response()


def _too_many() -> Response:
    message = "Too many wrong keys came from this address. Wait some seconds."
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS, message, code="too_many_wrong_keys", headers={"retry-after": "5"}
    ).response()
