"""The one place where foreign errors become ours."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
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

_SIGN_IN = "Run `az login` (or `azd auth login`), or sign in with the editor's account, then run it again."
_SIGN_IN_LINK = "https://learn.microsoft.com/cli/azure/authenticate-azure-cli"
_BY_STATUS: dict[int, type[AppError]] = {
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: Unreachable,
}
_SERVER_ERROR = 500
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
_FOREIGN = (AzureError, DeserializationError, httpx.HTTPError, aiohttp.ClientError, TimeoutError, OSError)


@contextmanager
def map_azure_errors(doing: str) -> Iterator[None]:
    """Translate every foreign error that leaves the block.

    Args:
        doing: What was tried, to follow "while": ``reading the resource group 'x'``.

    Raises:
        AppError: whichever child tells it best; one that is raised inside passes as it is, and so does a
            cancellation.
    """
    try:
        yield
    except _FOREIGN as error:
        raise translate(error, doing) from error


def translate(error: Exception, doing: str) -> AppError:
    """Our error for a foreign one."""
    if isinstance(error, DecodeError | DeserializationError):
        return unreadable(str(error), doing)
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _of_answer(error, doing)
    if isinstance(error, httpx.HTTPStatusError):
        return answer_error(error.response.status_code, _text(error.response), "", doing)
    if isinstance(error, ClientAuthenticationError):
        return _not_signed_in(error)
    return _unreachable(error, doing)


def answer_error(status: int, body: str, header_code: str, doing: str) -> AppError:
    """Our error for an HTTP answer that is not a good one.

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


def unreadable(text: str, doing: str) -> Unreachable:
    """Our error for an answer that is none of Azure's: a proxy's page, or half of an answer."""
    return Unreachable(
        f"Something other than Azure answered, while {doing}.",
        suggestion="Sign in to the network (a proxy may want that), check the proxy settings, and try again.",
        detail=f"While {doing}: {redact(text)[:_LONGEST]}",
    )


def error_of_tree(tree: ErrorNode, status: int, doing: str, detail: str = "") -> AppError:
    """Our error for an error tree; the first cause that has a rule gives the words."""
    cause = _cause(tree)
    rule = rule_for(cause.code)
    message = rule.tell(cause) if rule else f"{_failed(status, doing)}: {cause.message}"
    kind = (
        rule.raises if rule else _BY_STATUS.get(status, Unreachable if status >= _SERVER_ERROR else AppError)
    )
    if issubclass(kind, ProvisionFailed) or (tree.code in REFUSALS and kind is not QuotaExceeded):
        told = cause if cause.suggestion else tree
        return ProvisionFailed(message, tree, suggestion=told.suggestion, link=told.link, detail=detail)
    return kind(message, suggestion=cause.suggestion or _way_out(kind), link=cause.link, detail=detail)


def codes(tree: ErrorNode) -> frozenset[str]:
    """Every code of a tree."""
    return frozenset({tree.code}).union(*(codes(child) for child in tree.details))


def tree_of_error(error: HttpResponseError) -> ErrorNode:
    """The error tree of an SDK's error."""
    return tree_of_body(_body(error), error.status_code or 0, _header_code(error))


def _of_answer(error: HttpResponseError, doing: str) -> AppError:
    return answer_error(error.status_code or 0, _body(error), _header_code(error), doing)


def _cause(tree: ErrorNode) -> ErrorNode:
    """What to tell: the first leaf with a rule, else the nearest node above it that has one, else a leaf."""
    leaves = tree.root_causes()
    told = next((leaf for leaf in leaves if rule_for(leaf.code)), None)
    if told or rule_for(tree.code) is None or tree.code in REFUSALS:
        return told or leaves[0]
    return tree


def _failed(status: int, doing: str) -> str:
    """``restarting app`` as ``Restarting app failed``; a server's own failure shows its number."""
    number = f" ({status})" if status >= _SERVER_ERROR else ""
    return f"{doing[:1].upper()}{doing[1:]} failed{number}"


def _way_out(kind: type[AppError]) -> str:
    if issubclass(kind, NotAuthenticated):
        return _SIGN_IN
    return "Wait a minute and run the command again." if issubclass(kind, Unreachable) else ""


def _not_signed_in(error: ClientAuthenticationError) -> NotAuthenticated:
    return NotAuthenticated(
        "Nobody is signed in to Azure.",
        suggestion=_SIGN_IN,
        link=_SIGN_IN_LINK,
        detail=redact(str(error.message)),
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
    """The answer's body; a stream that nobody read has none to give, then the SDK's own words stand in."""
    try:
        text = error.response.text() if error.response is not None else ""
    except (AzureError, UnicodeDecodeError, RuntimeError, ValueError):
        text = ""
    return text or _own_words(error)


def _own_words(error: HttpResponseError) -> str:
    return str(error.message or "") if "{" in str(error.message or "") else ""


def _header_code(error: HttpResponseError) -> str:
    headers = getattr(error.response, "headers", None) or {}
    return str(headers.get("x-ms-error-code", "") or "")


def _text(response: httpx.Response) -> str:
    try:
        return response.text
    except httpx.ResponseNotRead:
        return ""
