"""Gradio's page in the app: it joins when Gradio, a big library, and the model are there; of its paths, only
those that a chat needs are open. Uploads, file access, its proxy and its own API stay closed.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import late_packages
from openai_api.errors import ApiError
from starlette.responses import HTMLResponse

from web.status_page import status_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from fastapi import FastAPI
    from service import Service
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

GET_PATHS = frozenset(
    (
        *("/", "/config", "/config/", "/theme.css", "/robots.txt", "/favicon.ico", "/manifest.json"),
        *("/gradio_api/info", "/gradio_api/info/", "/gradio_api/startup-events", "/gradio_api/theme.css"),
        *("/gradio_api/queue/data", "/gradio_api/app_id", "/gradio_api/app_id/"),
    )
)
GET_FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon", "/gradio_api/heartbeat/")
POST_PATHS = frozenset(
    (
        "/gradio_api/queue/join",
        "/gradio_api/run/predict",
        "/gradio_api/cancel",
        "/gradio_api/reset",
        "/gradio_api/reset/",
    )
)
MODEL_FIRST_SECONDS = 10
# Gradio writes the address it believes to have into the page. Behind a proxy that strips a prefix, only the
# browser knows the real one.
FIND_ROOT = (
    b"<script>window.gradio_config.root ="
    b' location.origin + location.pathname.replace(/[/]$/, "");</script></head>'
)


class GradioPage:
    """The page, or the state of the start while it is not there yet."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._page: ASGIApp | None = None

    async def load(self, stack: AsyncExitStack) -> None:
        """Load the page; one that can't be loaded is said, and the API goes on."""
        try:
            await self._load(stack)
        except Exception as error:  # a missing package, a changed Gradio: whatever it is
            self._service.log(f"The page can't be loaded: {type(error).__name__}: {error}")

    async def _load(self, stack: AsyncExitStack) -> None:
        """Import Gradio in a thread, wait for the model, make the page and start it; ``stack`` ends it."""
        with suppress(TimeoutError):  # a small model answers sooner if Gradio does not take its processor
            await asyncio.wait_for(self._service.decided(), MODEL_FIRST_SECONDS)
        await late_packages.arrive()
        make_page = await asyncio.to_thread(_import_page)
        await self._service.decided()
        if not self._service.is_ready:
            return
        page = await asyncio.to_thread(make_page, self._service)
        await stack.enter_async_context(page.router.lifespan_context(page))
        gc.freeze()  # Gradio's objects stay: each search among them would stop all answers for a moment
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is there."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # Gradio's chat needs none
        else:
            await self._responder(scope)(scope, receive, send)

    def _responder(self, scope: Scope) -> ASGIApp:
        if not _is_open(scope["method"], scope["path"]):
            return ApiError(HTTPStatus.NOT_FOUND, "Not Found").response()
        page = self._page if self._service.is_ready else None
        if scope["path"] == "/":
            return self._start_page(page)
        return page or ApiError(HTTPStatus.SERVICE_UNAVAILABLE, self._service.reason()).response()

    def _start_page(self, page: ASGIApp | None) -> ASGIApp:
        if page is None:
            return HTMLResponse(status_page(self._service), headers={"cache-control": "no-store"})

        async def rooted(scope: Scope, receive: Receive, send: Send) -> None:
            await page(_uncompressed(scope), receive, _rooted(send))

        return rooted


def _is_open(method: str, path: str) -> bool:
    if method in ("GET", "HEAD"):
        return path in GET_PATHS or path.startswith(GET_FOLDERS)
    return method == "POST" and path in POST_PATHS


def _import_page() -> Callable[[Service], FastAPI]:
    from web.chat_page import make_page  # noqa: PLC0415  takes seconds, and the API need not wait for it

    return make_page


def _uncompressed(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    return {**scope, "headers": headers}


def _rooted(send: Send) -> Send:
    start: list[Message] = []

    async def rooted(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.append(message)
            return
        body = message.get("body", b"").replace(b"</head>", FIND_ROOT, 1)
        if start:
            await send(
                _sized(start.pop(), len(FIND_ROOT) - len(b"</head>") if body != message["body"] else 0)
            )
        await send({**message, "body": body})

    return rooted


def _sized(start: Message, more: int) -> Message:
    sized = [
        (name, str(int(value) + more).encode() if name == b"content-length" else value)
        for name, value in start["headers"]
    ]
    return {**start, "headers": sized}
