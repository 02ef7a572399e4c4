"""Requests of the Files service as bytes, with what lets them in: the account's key, or a signature (SAS).

"Authorize with Shared Key", learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key.
"""

from __future__ import annotations

import base64
import hmac
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2026-10-06"
"""The service version of the SDK in ``requirements/``; it knows create-with-data."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Request(NamedTuple):
    """One request, before it is signed.

    Attributes:
        path: Encoded, from the root of the host.
        query: Names in lower case, values as they are.
        headers: The ``x-ms-`` headers, names in lower case; ASCII.
        length: Bytes of the body.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    length: int = 0


class Signer(Protocol):
    """What lets a request in."""

    @property
    def query(self) -> str:
        """The part that is added to the query."""
        ...

    def authorization(self, request: Request, headers: Mapping[str, str]) -> str | None:
        """Return the Authorization header for a request with these headers."""
        ...


class SharedKey(NamedTuple):
    """The account's key."""

    account: str
    key: bytes
    query: str = ""

    def __repr__(self) -> str:
        """Leave the key out."""
        return f"SharedKey({self.account!r})"

    @classmethod
    def of(cls, account: str, key: str) -> SharedKey:
        """Read the key as Azure shows it (base64).

        Raises:
            ValueError: it is no base64.
        """
        return cls(account, base64.b64decode(key, validate=True))

    def authorization(self, request: Request, headers: Mapping[str, str]) -> str:
        """Sign the method, the length, the headers, the path and the query."""
        length = request.length or ""
        text = [f"{request.method}\n\n\n{length}\n\n\n\n\n\n\n\n\n"]
        text += [f"{name}:{headers[name]}\n" for name in sorted(headers, key=_service_order)]
        text.append(f"/{self.account}{request.path}")
        text += [f"\n{name}:{request.query[name]}" for name in sorted(request.query)]
        digest = hmac.digest(self.key, "".join(text).encode(), "sha256")
        return f"SharedKey {self.account}:{base64.b64encode(digest).decode()}"


class Sas(NamedTuple):
    """A shared access signature: the query of its URL, as it is."""

    query: str

    def __repr__(self) -> str:
        """Leave the signature out."""
        return "Sas()"

    def allows(self, letters: str) -> bool:
        """Return True if it has these permissions, or does not say (a stored access policy does)."""
        fields = dict(field.partition("=")[::2] for field in self.query.split("&"))
        return set(letters) <= set(fields.get("sp", letters))

    def authorization(self, request: Request, headers: Mapping[str, str]) -> None:
        """Return none: the signature is in the query."""
        del request, headers


def compose(request: Request, signer: Signer, host: str, agent: str) -> bytes:
    """Return the head of a request: request line, headers, blank line.

    Args:
        request: What is asked.
        signer: Who asks.
        host: For the Host header.
        agent: For the User-Agent header.
    """
    headers = {"x-ms-version": VERSION, "x-ms-date": _http_date(int(time.time())), **request.headers}
    authorization = signer.authorization(request, headers)
    query = "&".join([f"{name}={quote(value, safe='')}" for name, value in request.query.items()])
    query = f"{query}&{signer.query}" if query and signer.query else query or signer.query
    target = f"{request.path}?{query}" if query else request.path
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {host}", f"User-Agent: {agent}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    if request.method == "PUT":
        lines.append(f"Content-Length: {request.length}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _service_order(name: str) -> str:
    """Return a header's name as the service sorts it: its culture does not see hyphens."""
    return name.replace("-", "")


@lru_cache(maxsize=1)
def _http_date(seconds: int) -> str:
    t = time.gmtime(seconds)
    day, month = _DAYS[t.tm_wday], MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
