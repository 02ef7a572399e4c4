"""A chat with an app's model: the OpenAI-compatible API of the starter, of vLLM and of others like them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from aitk_inference.core.chat import AnswerPart
from aitk_inference.core.errors import AppError, NotAuthenticated, NotFound, Unreachable
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aitk_inference.core.chat import ChatServer
    from aitk_inference.core.model import Json

_LONGEST = 300
_DATA = "data:"
_END = "[DONE]"
_ABSENT = "PathNotFound"
_STATUS = "See how the app stands with: aitk-inference status"
_NO_API = "ask works with apps that have OpenAI's API, as the starter's has (/v1/chat/completions). Ask this one in its own way at its address."
_NO_KEY = "Give it the key that the app checks, or a new one: aitk-inference protect --api-key"


class OpenAiChat:
    """The :class:`~aitk_inference.core.chat.ChatApi` port.

    Args:
        http: The client that asks.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def models(self, server: ChatServer) -> Sequence[str]:
        """Return the names of the models, the adapted one first; none where the app keeps no list of them."""
        try:
            async with self._opened("GET", server, "/v1/models") as response:
                document = _json(await response.aread())
        except NotFound as error:
            if error.cloud_code != _ABSENT:
                raise
            return ()  # as projects of Microsoft's AI Toolkit, which answer chats alone
        names = [text(one, "id") for one in objects(document, "data")]
        if not any(names):
            raise NotFound(f"{server.address} names no models at /v1/models.", suggestion=_NO_API)
        return [name for name in names if name]

    async def answer(self, server: ChatServer, model: str, question: str) -> AsyncIterator[AnswerPart]:
        """Yield the answer as it comes."""
        body: dict[str, Json] = {
            "model": model,
            "messages": [{"role": "user", "content": question}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        async with self._opened("POST", server, "/v1/chat/completions", body) as response:
            async for line in response.aiter_lines():
                said = line.removeprefix(_DATA).strip() if line.startswith(_DATA) else ""
                if said == _END:
                    return
                if said and (part := _part(_json(said.encode()))) is not None:
                    yield part

    @asynccontextmanager
    async def _opened(
        self, method: str, server: ChatServer, path: str, body: dict[str, Json] | None = None
    ) -> AsyncIterator[httpx.Response]:
        headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        address = f"{server.address.rstrip('/')}{path}"
        try:
            async with self._http.stream(method, address, json=body, headers=headers) as response:
                if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                    raise _refused(response.status_code, await response.aread(), server)
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = f"The app does not answer at {address} ({type(error).__name__})."
            raise Unreachable(words, suggestion=_STATUS) from error


def _part(event: Json) -> AnswerPart | None:
    """Return what an event of the stream says; an error in the middle is raised."""
    if find(event, "error") is not None:
        raise Unreachable(f"The app broke off its answer: {_said(event)}", suggestion=_STATUS)
    tokens = find(event, "usage", "completion_tokens")
    words = "".join(text(one, "delta", "content") for one in objects(event, "choices"))
    known = tokens if isinstance(tokens, int) else None
    return AnswerPart(words, known) if words or known is not None else None


def _refused(status: int, body: bytes, server: ChatServer) -> AppError:
    try:
        said = _said(json.loads(body))
    except ValueError:
        said = ""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        whose = (
            "does not take the key that is its secret" if server.key else "wants a key that is not known here"
        )
        return NotAuthenticated(f"{server.address} {whose} (HTTP {status}).", suggestion=_NO_KEY)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) or status < HTTPStatus.BAD_REQUEST:
        refused = NotFound(f"{server.address} has no OpenAI API (HTTP {status}).", suggestion=_NO_API)
        refused.cloud_code = _ABSENT if status >= HTTPStatus.BAD_REQUEST else ""
        return refused
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Unreachable(f"The app does not answer yet: {said or 'HTTP 503'}", suggestion=_STATUS)
    return AppError(
        f"The app refused the question (HTTP {status}): {said or 'no reason'}", suggestion=_STATUS
    )


def _said(document: Json) -> str:
    """Return the error's own words: OpenAI's form, or FastAPI's."""
    error = find(document, "error")
    words = error if isinstance(error, str) else text(error, "message") or text(document, "detail")
    return redact(words or text(document, "reason"))[:_LONGEST]


def _json(body: bytes) -> Json:
    try:
        value: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise NotFound("What answers is not OpenAI's API: it sends no JSON.", suggestion=_NO_API) from None
    return value
