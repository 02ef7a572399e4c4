"""The web API's paths: models, answers, and what probes and people ask for."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from openai_api.answers import AnswerResponse
from openai_api.errors import ApiError
from openai_api.requests import Call, ChatOrText, unknown_model

if TYPE_CHECKING:
    from service import Service
    from starlette.requests import Request

SHORT_BODY = 32 << 10
"""Bytes that are read in less time than a thread takes to begin: of many at once, each would wait for Python's lock."""


def make_api(service: Service) -> Starlette:
    """Return the API of a service."""
    state, models, answers = StatePaths(service), ModelPaths(service), AnswerPaths(service)
    routes = [
        Route("/livez", state.live),
        Route("/ready", state.ready),
        Route("/health", state.health),
        Route("/v1/models", models.all),
        Route("/v1/models/{model:path}", models.one),
        Route("/v1/chat/completions", answers.chat, methods=["POST"]),
        Route("/v1/completions", answers.text, methods=["POST"]),
    ]
    handlers = {ApiError: _api_error, HTTPException: _http_error}
    return Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]  # each takes its own


class StatePaths:
    """What probes and people ask for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def live(self, _: Request) -> JSONResponse:
        """Answer as long as the process is up."""
        return JSONResponse({"status": "up"})

    async def ready(self, _: Request) -> JSONResponse:
        """Answer 200 once a token was generated, else 503 with the reason."""
        state = self._service.state()
        return JSONResponse(state, HTTPStatus.OK if state["ready"] else HTTPStatus.SERVICE_UNAVAILABLE)

    async def health(self, _: Request) -> JSONResponse:
        """Say the same of the engine, with its name and whether a key is wanted."""
        state = self._service.health()
        return JSONResponse(state, HTTPStatus.OK if state["ready"] else HTTPStatus.SERVICE_UNAVAILABLE)


class ModelPaths:
    """The models that answer."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def all(self, _: Request) -> JSONResponse:
        """List them."""
        self._service.ready_engine()
        return JSONResponse({"object": "list", "data": [self._model(name) for name in self._names()]})

    async def one(self, request: Request) -> JSONResponse:
        """Show one."""
        self._service.ready_engine()
        name = request.path_params["model"]
        if name not in self._names():
            raise unknown_model(name, self._names())
        return JSONResponse(self._model(name))

    def _names(self) -> tuple[str, ...]:
        return self._service.settings.models

    def _model(self, name: str) -> dict[str, object]:
        created = int(self._service.created)
        return {"id": name, "object": "model", "created": created, "owned_by": "you"}


class AnswerPaths:
    """The answers."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def chat(self, request: Request) -> Response:
        """Answer a conversation."""
        return await self._answer("chat", request)

    async def text(self, request: Request) -> Response:
        """Go on with a text."""
        return await self._answer("text", request)

    async def _answer(self, kind: ChatOrText, request: Request) -> Response:
        seconds = self._service.settings.answer_seconds
        deadline = asyncio.get_running_loop().time() + seconds
        raw = await request.body()
        engine = self._service.ready_engine()
        call = await self._read(kind, raw)
        return AnswerResponse(engine, call, deadline, seconds)

    async def _read(self, kind: ChatOrText, raw: bytes) -> Call:
        """Return the checked request. A long one is read in a thread, so that others go on meanwhile."""
        read = self._service.rules.read
        return read(kind, raw) if len(raw) <= SHORT_BODY else await asyncio.to_thread(read, kind, raw)


def _api_error(_: Request, error: ApiError) -> Response:
    return error.response()


def _http_error(_: Request, error: HTTPException) -> Response:
    return ApiError(error.status_code, str(error.detail), headers=error.headers).response()
