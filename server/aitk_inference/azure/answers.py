"""Answers with a good status that are none of Azure's: a proxy's page, half an answer, other JSON."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from azure.core.exceptions import DecodeError
from azure.core.pipeline.policies import AsyncHTTPPolicy
from azure.core.rest import HttpRequest

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest, PipelineResponse
    from azure.core.rest import AsyncHttpResponse

    from aitk_inference.core.model import Json

_GOOD = (HTTPStatus.OK, HTTPStatus.CREATED)
_READING_ACTIONS = {"listkeys": "keys", "listsecrets": "value", "getauthtoken": "properties"}
"""What each answers with: without it, nothing would pass for an empty list."""
_WAITING = re.compile(r"/operation(results|status(es)?)/|/asyncoperations/", re.IGNORECASE)
"""Answers about work under way may be empty."""
_SHAPES: dict[str, type] = {
    "id": str,
    "name": str,
    "status": str,
    "properties": dict,
    "value": list,
    "keys": list,
}
"""One of these is in each answer; lists hold objects."""


class OnlyAzure(AsyncHTTPPolicy[HttpRequest, "AsyncHttpResponse"]):
    """Refuses what can't be Resource Manager's: the SDKs would take it for a resource, or fail inside."""

    async def send(
        self, request: PipelineRequest[HttpRequest]
    ) -> PipelineResponse[HttpRequest, AsyncHttpResponse]:
        """Look at an answer.

        Raises:
            DecodeError: it is something else.
        """
        response = await self.next.send(request)
        answer = response.http_response
        is_doubtful = _is_page(answer) or answer.status_code == HTTPStatus.NOT_FOUND
        if (
            is_doubtful and not answer.is_stream_consumed
        ):  # the start of a long operation is read by the SDK, later
            await answer.read()
        _look(request.http_request, answer)
        return response


def _look(asked: HttpRequest, answer: AsyncHttpResponse) -> None:
    path = asked.url.partition("?")[0].rstrip("/").lower()
    action = path.rpartition("/")[2]
    if _is_page(answer) or (answer.status_code == HTTPStatus.NOT_FOUND and not _is_missing(answer.text())):
        raise _other(answer)
    if answer.status_code not in _GOOD or not (asked.method == "GET" or action in _READING_ACTIONS):
        return
    waiting = bool(_WAITING.search(path))
    below = path.partition("://")[2].rpartition("/providers/")[2]  # it begins with a host, or a provider
    is_list = below.count("/") % 2 == 1  # names follow types, and a list's address ends with a type
    needed = _READING_ACTIONS.get(action) or ("value" if is_list and not waiting else "")
    if not is_answer(answer.text(), waiting=waiting, needed=needed):
        raise _other(answer)


def _other(answer: AsyncHttpResponse) -> DecodeError:
    kind = answer.headers.get("Content-Type", "")
    return DecodeError(f"{answer.status_code} {kind}, not Azure's: {answer.text()[:200]}")


def _is_page(answer: AsyncHttpResponse) -> bool:
    """Return True for a page whose status would pass for more than it is: "not there", "not allowed", "done"."""
    status = answer.status_code
    says_itself = (
        status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
    return not says_itself and answer.headers.get("Content-Type", "").lower().startswith("text/html")


def _is_missing(text: str) -> bool:
    """Return True for the body of a 404 that Resource Manager may send: an error, or nothing at all."""
    document = _read(text)
    keys = {key.lower() for key in document} if isinstance(document, dict) else set()
    return text.strip() in ("", "null", "{}") or bool(keys & {"error", "code", "message"})


def _read(text: str) -> Json:
    try:
        document: Json = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return document


def is_answer(text: str, *, waiting: bool = False, needed: str = "") -> bool:
    """Return True for what Resource Manager may answer: an object that names or lists something.

    Args:
        text: The body.
        needed: What has to be in it.
        waiting: It answers for work under way, of which there may be nothing to say yet.
    """
    if not text.strip():
        return waiting
    try:
        document: Json = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    known = {key: document[key] for key in _SHAPES if document.get(key) is not None}
    lists = [item for value in known.values() if isinstance(value, list) for item in value]
    fits = all(isinstance(value, _SHAPES[key]) for key, value in known.items())
    return waiting or (
        bool(known)
        and (not needed or needed in known)
        and fits
        and all(isinstance(item, dict) for item in lists)
    )
