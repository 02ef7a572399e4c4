"""Answers on their way to a client: whole or as a stream, until they end, the client leaves or time is up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from openai_api.errors import ApiError, out_of_time

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from engines.base import Engine
    from starlette.types import Receive, Scope, Send

    from openai_api.requests import Call

DONE = b"data: [DONE]\n\n"
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class AnswerResponse(Response):
    """The answer of an engine to a request; ``deadline`` is a time of the event loop's clock."""

    def __init__(self, engine: Engine, call: Call, deadline: float, seconds: float) -> None:
        self._engine = engine
        self._call = call
        self._deadline = deadline
        self._seconds = seconds
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; a client that leaves ends it."""
        write = self._stream if self._call.stream else self._whole
        await unless_gone(write(scope, receive, send), receive)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout_at(self._deadline):
                response = Response(await self._engine.whole(self._call), media_type="application/json")
        except (TimeoutError, ApiError) as problem:
            response = self._error(problem).response()
        await response(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, error = False, None
        try:
            async with asyncio.timeout_at(self._deadline), self._engine.stream(self._call) as events:
                await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
                started = True
                async for event in events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
            ending = DONE
        except (TimeoutError, ApiError) as problem:
            error = self._error(problem)
            ending = error.event() + DONE
        if started:
            await send({"type": "http.response.body", "body": ending})
        elif error:
            await error.response()(scope, receive, send)

    def _error(self, problem: TimeoutError | ApiError) -> ApiError:
        return problem if isinstance(problem, ApiError) else out_of_time(self._seconds)


async def unless_gone(work: Coroutine[None, None, None], receive: Receive) -> None:
    """Do the work; cancel it as soon as the client has left.

    It is done in this task: one of its own would begin only after all requests that came in the same moment have been read.
    """
    gone = asyncio.timeout(None)
    leaving = asyncio.ensure_future(_left(receive, gone))
    try:
        async with gone:
            await work
    except TimeoutError:
        if not gone.expired():
            raise
    finally:
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)


async def _left(receive: Receive, gone: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.reschedule(0)
