"""When and how long to wait before a request to a file share is sent again.

The SDK's own retry waits 19 s on the first 503, ignores ``Retry-After`` and never repeats 409 or 429; it is
turned off (``retry_total=0``) and this stands in its place.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import ClientConnectorError
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS: Final = 8
"""How often a request is sent in all."""

_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_ASKED = 0.2, 15.0, 60.0
_STATUSES = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_CODES = frozenset(
    {
        "SharingViolation",
        "FileLockConflict",
        "DeletePending",
        "ServerBusy",
        "OperationTimedOut",
        "InternalError",
        "ClientCacheFlushDelay",
    }
)


@dataclass(frozen=True)
class Backoff:
    """Doubling waits with jitter; ``spread`` gives a number from 0 to 1."""

    spread: Callable[[], float] = random.random

    def wait(self, attempt: int, error: AzureError, *, idempotent: bool) -> float | None:
        """Seconds to wait before attempt number ``attempt`` + 1; None: the error is final.

        Args:
            attempt: How often the request was sent, from 1.
            error: What came back.
            idempotent: Whether the request may be repeated when the first may have been carried out.
        """
        if attempt >= ATTEMPTS or not _passes(error, idempotent=idempotent):
            return None
        asked = retry_after(error)
        own: float = min(_FIRST_WAIT * 2 ** (attempt - 1), _LONGEST_WAIT)
        return own * (0.5 + self.spread() / 2) if asked is None else asked + own * self.spread()


def error_code(error: AzureError) -> str:
    """The service's code of an error: ``ShareNotFound``, ``SharingViolation`` …"""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or _header(error, "x-ms-error-code"))


def retry_after(error: AzureError) -> float | None:
    """The seconds that the service asks for, bounded so that a wrong clock can't hang a run."""
    value = _header(error, "Retry-After")
    try:
        return min(max(float(value), 0.0), _LONGEST_ASKED) if value else None
    except ValueError:
        return None


def _header(error: AzureError, name: str) -> str:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return str(headers.get(name) or "") if headers is not None else ""


def _passes(error: AzureError, *, idempotent: bool) -> bool:
    """Whether the error is likely to pass by itself."""
    if isinstance(error, ClientAuthenticationError):
        return False
    if isinstance(error, HttpResponseError):
        return error.status_code in _STATUSES or error_code(error) in _CODES
    if isinstance(error, ServiceRequestTimeoutError) or isinstance(
        error.inner_exception, ClientConnectorError
    ):
        return True  # no connection: it was surely not carried out
    return idempotent and isinstance(error, ServiceRequestError | ServiceResponseError)
