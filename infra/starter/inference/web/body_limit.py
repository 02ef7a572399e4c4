"""Bounds the bodies of requests before anything reads them."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from openai_api.errors import ApiError
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_SECONDS = 60


class BodyLimit:
    """The app behind a limit of bytes and time for each body."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then pass it on whole; one that is too long is refused at once."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif (body := await self._read_or_refuse(scope, receive, send)) is not None:
            await self._app(scope, _replayed(body, receive), send)

    async def _read_or_refuse(self, scope: Scope, receive: Receive, send: Send) -> bytes | None:
        try:
            return await self._read(scope, receive)
        except ApiError as error:
            await error.response()(scope, receive, send)
            return None

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._limit:
            raise self._too_long()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._collect(receive)
        except TimeoutError:
            raise ApiError(HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly.") from None

    async def _collect(self, receive: Receive) -> bytes | None:
        """Return the body; None if the client left."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._limit:
                raise self._too_long()
            more = message.get("more_body", False)
        return b"".join(parts)

    def _too_long(self) -> ApiError:
        words = f"The body is longer than {self._limit:,} bytes, which is the most that is read here."
        headers = {"connection": "close"}
        return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words, code="body_too_long", headers=headers)


def _replayed(body: bytes, receive: Receive) -> Receive:
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay
