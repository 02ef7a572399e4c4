"""The one place where foreign errors become ours."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import traceback
import zlib
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
import httpx
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from aitk_inference.azure.challenges import claims_unmet, read_challenge
from aitk_inference.azure.error_rules import REFUSALS, rule_for
from aitk_inference.azure.error_tree import tree_of_body
from aitk_inference.core.errors import (
    AppError,
    Conflict,
    ErrorNode,
    Forbidden,
    NotAuthenticated,
    NotFound,
    ProvisionFailed,
    QuotaExceeded,
    Unreachable,
)
from aitk_inference.core.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

_SIGN_IN = "Run `az login`, or sign in with the editor's account. A pipeline sets AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE or AZURE_CLIENT_SECRET."
_WAYS_OUT = ((NotAuthenticated, _SIGN_IN), (Unreachable, "Wait a minute and run the command again."))
_REFUSED = "Sign in again: `az login --tenant DIRECTORY`, with the directory of the subscription, or the account button of the editor."
_SIGN_IN_LINK = "https://learn.microsoft.com/cli/azure/authenticate-azure-cli"
_BY_STATUS: dict[int, type[AppError]] = {
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: Unreachable,
}
_SERVER_ERROR = 500
_AADSTS = r"AADSTS(\d+)"
_LONGEST = 8000
_UNREACHABLE = (
    ServiceRequestError,
    ServiceResponseError,
    httpx.HTTPError,
    aiohttp.ClientError,
    ConnectionError,
    socket.gaierror,
    ssl.SSLError,
)
_OTHER_SHAPES = (AttributeError, LookupError, TypeError, ValueError, RecursionError, zlib.error)
"""What an SDK's model, or our own reading of it, ends in over an answer of a shape that is not Azure's."""
_FOREIGN = (AzureError, DeserializationError, httpx.HTTPError, aiohttp.ClientError, TimeoutError, OSError)


@contextmanager
def map_azure_errors(doing: str) -> Iterator[None]:
    """Translate every foreign error that leaves the block: it asks, and reads what was answered.

    Args:
        doing: What was tried, to follow "while": ``reading the resource group 'x'``.

    Raises:
        AppError: whichever child fits; one that is raised inside passes as it is, and so does a
            cancellation.
    """
    try:
        yield
    except _FOREIGN as error:
        raise translate(error, doing) from error
    except _OTHER_SHAPES as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        names = {frame.f_globals.get("__name__", "") for frame in frames} - {__name__}
        if not any(name.startswith(("azure.", "aitk_inference.azure.")) for name in names):
            raise  # neither an SDK nor this package's own reading stumbled: it is a fault of ours
        log.info("An answer of another shape, while %s.", doing, exc_info=True)  # or a fault of ours
        raise unreadable(f"{type(error).__name__}: {error}", doing) from error


def translate(error: Exception, doing: str) -> AppError:
    """Return our error for a foreign one."""
    if isinstance(error, DecodeError | DeserializationError):
        return unreadable(str(error), doing)
    if isinstance(error, HttpResponseError) and error.response is not None:
        if (error.status_code or 0) < HTTPStatus.BAD_REQUEST:  # a good one that means nothing here
            return unreadable(f"HTTP {error.status_code}: {_body(error)}", doing)
        status, headers = error.status_code or 0, getattr(error.response, "headers", None) or {}
        unmet = unmet_claims(status, headers.get("WWW-Authenticate", ""))
        return unmet or answer_error(status, _body(error), _header_code(error), doing)
    if isinstance(error, httpx.HTTPStatusError):
        body = ""
        with suppress(httpx.ResponseNotRead):
            body = error.response.text
        return answer_error(error.response.status_code, body, "", doing)
    if isinstance(error, ClientAuthenticationError):
        return _not_signed_in(error)
    return _unreachable(error, doing)


def answer_error(status: int, body: str, header_code: str, doing: str) -> AppError:
    """Return our error for an HTTP answer that is not a good one.

    Args:
        status: The HTTP status.
        body: Its body, in whatever form.
        header_code: ``x-ms-error-code``, when there is one.
        doing: What was tried.
    """
    tree = tree_of_body(body, status, header_code)
    return error_of_tree(
        tree, status, doing, detail=f"HTTP {status} while {doing}: {redact(body)[:_LONGEST]}"
    )


def unmet_claims(status: int, header: str) -> NotAuthenticated | None:
    """Return our error for an answer that asks for claims, by its ``WWW-Authenticate``; None for another."""
    challenge = read_challenge(header)
    is_unmet = status == HTTPStatus.UNAUTHORIZED and challenge.claims
    return claims_unmet(challenge) if is_unmet else None


def unreadable(text: str, doing: str) -> Unreachable:
    """Return our error for an answer that is none of Azure's: a proxy's page, or half of an answer."""
    return Unreachable(
        f"Something other than Azure answered, while {doing}.",
        suggestion="Sign in to the network (a proxy may want that), check the proxy settings, and try again.",
        detail=f"While {doing}: {redact(text)[:_LONGEST]}",
    )


def error_of_tree(tree: ErrorNode, status: int, doing: str, detail: str = "") -> AppError:
    """Return our error for an error tree; the first cause that has a rule gives the words."""
    cause = _cause(tree)
    rule = rule_for(cause.code, cause.message)
    number = f" ({status})" if status >= _SERVER_ERROR else ""  # a server's own failure shows it
    failed = f"{doing[:1].upper()}{doing[1:]} failed{number}"
    message = rule.message_for(cause) if rule else f"{failed}: {cause.message}"
    kind = (
        rule.raises if rule else _BY_STATUS.get(status, Unreachable if status >= _SERVER_ERROR else AppError)
    )
    if issubclass(kind, ProvisionFailed) or (tree.code in REFUSALS and kind is not QuotaExceeded):
        advice = cause if cause.suggestion else tree
        return ProvisionFailed(message, tree, suggestion=advice.suggestion, link=advice.link, detail=detail)
    way_out = next((words for other, words in _WAYS_OUT if issubclass(kind, other)), "")
    error = kind(message, suggestion=cause.suggestion or way_out, link=cause.link, detail=detail)
    error.cloud_code = cause.code
    return error


def codes(tree: ErrorNode) -> frozenset[str]:
    """Return every code of a tree."""
    return frozenset({tree.code}).union(*(codes(child) for child in tree.details))


def tree_of_error(error: HttpResponseError) -> ErrorNode:
    """Return the error tree of an SDK's error."""
    return tree_of_body(_body(error), error.status_code or 0, _header_code(error))


def _cause(tree: ErrorNode) -> ErrorNode:
    """Return what to report: the first leaf with a rule, else the nearest node above it that has one, else a leaf."""
    leaves = tree.root_causes()
    known = next((leaf for leaf in leaves if rule_for(leaf.code, leaf.message)), None)
    if known or rule_for(tree.code, tree.message) is None or tree.code in REFUSALS:
        return known or leaves[0]
    return tree


def _not_signed_in(error: ClientAuthenticationError) -> NotAuthenticated:
    """Return our error for a sign-in that does not exist, or that Microsoft Entra refused."""
    detail = redact(str(error.message))
    words = _line(error).removeprefix("ERROR: ")
    code = re.search(_AADSTS, words)
    if not code:  # nothing that Entra said: no sign-in, no connection, a cancel
        return NotAuthenticated(
            "Nobody is signed in to Azure.", suggestion=_SIGN_IN, link=_SIGN_IN_LINK, detail=detail
        )
    link = f"https://login.microsoftonline.com/error?code={code.group(1)}" if code else _SIGN_IN_LINK
    return NotAuthenticated(
        f"Azure did not accept the sign-in: {words}", suggestion=_REFUSED, link=link, detail=detail
    )


def _unreachable(error: Exception, doing: str) -> AppError:
    detail = redact(f"{type(error).__name__} while {doing}: {error}")
    if _is_certificate(error):
        return Unreachable(
            f"The server's certificate is not trusted, while {doing}.",
            suggestion="Where a proxy reads the traffic, name its certificate in the variable SSL_CERT_FILE.",
            detail=detail,
        )
    if isinstance(error, TimeoutError | httpx.TimeoutException) or "Timeout" in type(error).__name__:
        return Unreachable(f"No answer in time, while {doing}.", suggestion=_RETRY, detail=detail)
    if isinstance(error, _UNREACHABLE):
        return Unreachable(f"The server can't be reached, while {doing}.", suggestion=_RETRY, detail=detail)
    return AppError(f"Something failed while {doing}: {_line(error)}", detail=detail)


_RETRY = "Check the network connection and the proxy settings, then run the command again."


def _is_certificate(error: BaseException) -> bool:
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(chain):
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def _line(error: Exception) -> str:
    text = redact(str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _body(error: HttpResponseError) -> str:
    """Return the answer's body; a stream that nobody read has none to give, then the SDK's own words stand in."""
    try:
        text = error.response.text() if error.response is not None else ""
    except (AzureError, UnicodeDecodeError, RuntimeError, ValueError):
        text = ""
    words = str(error.message or "")
    return text or (words if "{" in words else "")


def _header_code(error: HttpResponseError) -> str:
    headers = getattr(error.response, "headers", None) or {}
    return str(headers.get("x-ms-error-code", "") or "")
