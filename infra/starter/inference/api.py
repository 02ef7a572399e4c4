"""The web API: OpenAI-compatible chat completions, and what probes and people ask for."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from engine import BadPrompt, Options
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from service import Answer, NotReady, Service, UnknownModel
from starlette.exceptions import HTTPException
from wire import DONE, ChatRequest, Reply, error_body, event, usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVENT_STREAM = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def make_api(service: Service) -> FastAPI:
    """The API of a service."""
    api = FastAPI(title=service.settings.name, docs_url=None, redoc_url=None, openapi_url=None)
    _add_state(api, service)
    _add_chat(api, service)
    _add_errors(api)
    return api


def _add_state(api: FastAPI, service: Service) -> None:
    @api.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/ready")
    def ready() -> JSONResponse:
        if service.problem:
            return JSONResponse({"ready": False, "reason": service.problem}, HTTPStatus.SERVICE_UNAVAILABLE)
        return JSONResponse({"ready": True, "models": list(service.models)})

    @api.get("/v1/models")
    def models() -> dict[str, object]:
        data = [{"id": n, "object": "model", "created": 0, "owned_by": "you"} for n in service.models]
        return {"object": "list", "data": data}


def _add_chat(api: FastAPI, service: Service) -> None:
    @api.post("/v1/chat/completions", response_model=None)
    async def chat(request: ChatRequest) -> JSONResponse | StreamingResponse:
        model = service.pick(request.model)
        answer = service.start(model, [m.plain() for m in request.messages], _options(request, service))
        if request.stream:
            body = _stream(answer, Reply(model), request)
            return StreamingResponse(body, media_type="text/event-stream", headers=EVENT_STREAM)
        return JSONResponse(Reply(model).whole(await answer.text(), *_ending(answer)))


def _options(request: ChatRequest, service: Service) -> Options:
    return Options(
        max_tokens=request.limit(service.settings.max_new_tokens),
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        stop=request.stops(),
    )


async def _stream(answer: Answer, reply: Reply, request: ChatRequest) -> AsyncIterator[bytes]:
    yield reply.chunk({"role": "assistant", "content": ""})
    try:
        async for piece in answer:
            yield reply.chunk({"content": piece})
    except RuntimeError:  # the status line is gone already: the stream itself must say it
        yield event(
            error_body("The model stopped with an error; the console log tells more.", "server_error")
        )
        raise
    reason, spent = _ending(answer)
    yield reply.chunk({}, reason)
    if request.stream_options and request.stream_options.include_usage:
        yield reply.usage(spent)
    yield DONE


def _ending(answer: Answer) -> tuple[str, dict[str, int]]:
    outcome = answer.outcome
    if outcome is None:
        return "stop", usage(0, 0)
    return outcome.finish_reason, usage(outcome.prompt_tokens, outcome.completion_tokens)


def _add_errors(api: FastAPI) -> None:
    api.exception_handler(RequestValidationError)(_malformed)
    api.exception_handler(BadPrompt)(_bad_prompt)
    api.exception_handler(UnknownModel)(_unknown_model)
    api.exception_handler(NotReady)(_not_ready)
    api.exception_handler(HTTPException)(_http_error)
    api.exception_handler(Exception)(_unexpected)


def _refuse(
    status: HTTPStatus, message: str, param: str | None = None, code: str | None = None
) -> JSONResponse:
    kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
    return JSONResponse(error_body(message, kind, param, code), status)


def _malformed(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return _refuse(HTTPStatus.BAD_REQUEST, "The body is not valid JSON.")
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    said = f"{where}: {first['msg']}." if where else "The body must be a JSON object."
    return _refuse(HTTPStatus.BAD_REQUEST, said, where or None)


def _bad_prompt(_: Request, error: BadPrompt) -> JSONResponse:
    return _refuse(HTTPStatus.BAD_REQUEST, str(error), "messages")


def _unknown_model(_: Request, error: UnknownModel) -> JSONResponse:
    return _refuse(HTTPStatus.NOT_FOUND, str(error), "model", "model_not_found")


def _not_ready(_: Request, error: NotReady) -> JSONResponse:
    return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error), code="not_ready")


def _http_error(_: Request, error: HTTPException) -> JSONResponse:
    return _refuse(HTTPStatus(error.status_code), str(error.detail))


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    said = f"The model stopped with an error ({type(error).__name__}); the console log tells more."
    return _refuse(HTTPStatus.INTERNAL_SERVER_ERROR, said)
