"""One application on one port: the guard before all, then the limit of bodies, then the API or the page."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from openai_api.routes import make_api
from starlette.applications import Starlette
from starlette.routing import Mount
from web.body_limit import BodyLimit
from web.discreet_errors import DiscreetErrors
from web.gradio_page import GradioPage
from web.guard import Guard
from web.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from service import Service
    from starlette.types import ASGIApp, Receive, Scope, Send
    from web.key_file import KeyFile

API_PATHS = ("/v1/", "/livez", "/ready", "/health")


def make_app(service: Service, key_file: KeyFile, on_failure: Callable[[], None]) -> ASGIApp:
    """Return the whole application; ``on_failure`` is called when the engine ends by itself."""
    page = GradioPage(service)
    api = make_api(service)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(service.stop)
            tasks = [asyncio.create_task(service.run(on_failure)), asyncio.create_task(page.load(stack))]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(API_PATHS)
        await (api if is_api else page)(scope, receive, send)

    limited = BodyLimit(choose, service.settings.max_body_bytes)
    guarded = Guard(limited, key_file, service.settings.name, Throttle())
    return Starlette(routes=[Mount("/", app=DiscreetErrors(guarded, service.log))], lifespan=lifespan)
