"""Errors in the one shape that OpenAI's clients read."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_RETRY = {"x-should-retry": "false"}
"""Tells OpenAI's clients that the same request would fail in the same way."""


class ApiError(Exception):
    """A request that can't be answered: an HTTP status, words, the parameter and a code."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers

    def body(self) -> dict[str, object]:
        """Return the error as OpenAI's API writes it."""
        kind = "invalid_request_error" if self.status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return {"error": error}

    def response(self) -> JSONResponse:
        """Return the error as a response."""
        return JSONResponse(self.body(), self.status, self.headers)

    def event(self) -> bytes:
        """Return the error as an event of a stream whose status line is gone."""
        return b"data: " + json.dumps(self.body(), ensure_ascii=False).encode() + b"\n\n"


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """Return the refusal of a wrong request."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, param, code)


def out_of_time(seconds: float) -> ApiError:
    """Return the end of an answer that the ingress would have cut off."""
    return ApiError(
        HTTPStatus.GATEWAY_TIMEOUT,
        f"The answer was ended after {seconds:.0f} s, before the ingress cuts it off (240 s). Ask for fewer"
        ' tokens (max_tokens), or set "stream": true and use what has come.',
        code="answer_time_limit",
        headers=NO_RETRY,
    )


def engine_failed() -> ApiError:
    """Return the end of an answer whose engine broke."""
    return ApiError(
        HTTPStatus.BAD_GATEWAY,
        "The engine stopped in the middle of the answer. The console log says more; the app starts again.",
        code="engine_failed",
    )
