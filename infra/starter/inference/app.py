"""One application from two: the API answers at once; the page joins when Gradio, a big library, is there."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from api import make_api
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Mount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI
    from service import Service
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_PATHS = ("/v1/", "/health", "/ready")
WAITING = HTMLResponse(
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1">'
    '<title>Starting</title><p style="font:16px system-ui;margin:2em">The page is starting …</p>'
)
# Gradio writes the address it believes to have into the page. Behind a proxy that strips a prefix, only the
# browser knows the real one.
FIND_ROOT = (
    b"<script>window.gradio_config.root ="
    b' location.origin + location.pathname.replace(/[/]$/, "");</script></head>'
)


def make_app(service: Service) -> ASGIApp:
    """The whole application."""
    page = LatePage()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            loading = asyncio.create_task(page.load(service, stack))
            yield
            loading.cancel()

    api = make_api(service)

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = api if scope["path"].startswith(API_PATHS) else page
        await chosen(scope, receive, send)

    return Starlette(routes=[Mount("/", app=choose)], lifespan=lifespan)


class LatePage:
    """The page, or a few words while it is not there yet."""

    def __init__(self) -> None:
        self._page: ASGIApp = WAITING

    async def load(self, service: Service, stack: AsyncExitStack) -> None:
        """Import Gradio in a thread, make the page and start it; ``stack`` ends it."""
        page = await asyncio.to_thread(_import_page, service)
        await stack.enter_async_context(page.router.lifespan_context(page))
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is there."""
        if scope["path"] == "/" and scope["type"] == "http" and self._page is not WAITING:
            await self._page(_uncompressed(scope), receive, _rooted(send))
        else:
            await self._page(scope, receive, send)


def _import_page(service: Service) -> FastAPI:
    from page import make_page  # noqa: PLC0415  takes seconds, and the API need not wait for it

    return make_page(service)


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
