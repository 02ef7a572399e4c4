"""Tells the Files service's answers from those of whatever stands before it: a proxy's page may say 200, too."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aitk_inference.azure.files.retry import PUSHED_BACK

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGNS = ("x-ms-request-id", "x-ms-error-code")
"""The service gives each answer a number, and each refusal a code (learn.microsoft.com/rest/api/storageservices/status-and-error-codes2)."""
_DONE = {
    "GET": frozenset((200, 206)),
    "HEAD": frozenset((200,)),
    "PUT": frozenset((200, 201, 202)),
    "DELETE": frozenset((202,)),
}
_OF_THE_WAY = PUSHED_BACK | {HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.REQUEST_TIMEOUT}


def is_of_the_service(method: str, status: int, headers: Mapping[str, str]) -> bool:
    """Return False for an answer that only something else can have given: believed, it would be a file that isn't there.

    A status that says by itself what is wrong on the way there is none of these.

    Args:
        method: Of the request.
        status: Of the answer.
        headers: Of the answer; names in lower case, or without regard to it.
    """
    if status in _OF_THE_WAY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return True
    done = status >= HTTPStatus.BAD_REQUEST or status in _DONE[method]
    return done and any(headers.get(sign) for sign in _SIGNS)
