"""One request of the Files wire, read and split, before anything is decided about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote

from aiohttp import web
from multidict import CIMultiDictProxy

from aca_local.files.errors import FilesError
from aca_local.files.names import check_metadata, split_path
from aca_local.files.numbers import whole_number

META = "x-ms-meta-"


@dataclass(slots=True)
class Call:
    """A request. `path` is as sent; `account`, `share` and `entry` (the path in the share) are decoded.

    `query` holds decoded values by lower-case name, `ms` the `x-ms-` headers by lower-case name. `version` is
    the service version asked for; `owner` says that the caller may do anything (not only what a signature
    grants).
    """

    request: web.BaseRequest
    method: str
    path: str
    query: Mapping[str, str]
    headers: CIMultiDictProxy[str]
    ms: Mapping[str, str]
    account: str
    share: str
    entry: str
    service_url: str
    request_id: str
    version: str = ""
    owner: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The components of the path in the share."""
        keep = self.flag("x-ms-allow-trailing-dot")
        return split_path(self.entry, keep_trailing_dots=bool(keep))

    @property
    def metadata(self) -> dict[str, str]:
        """The `x-ms-meta-*` headers, checked; names keep the case of the wire."""
        found = {n[len(META) :]: v for n, v in self.headers.items() if n[: len(META)].lower() == META}
        return check_metadata(found) if found else found

    def flag(self, header: str) -> bool | None:
        """Return a true/false header; None where it is absent."""
        text = self.ms.get(header)
        if text is None:
            return None
        if text.lower() not in ("true", "false"):
            raise bad_header(header, text)
        return text.lower() == "true"

    def number(self, header: str, *, least: int = 0) -> int | None:
        """Return a header that holds a whole number; None where it is absent."""
        text = self.ms.get(header)
        if text is None:
            return None
        value = whole_number(text)
        if value is None:
            raise bad_header(header, text)
        if value < least:
            raise FilesError("OutOfRangeInput", HeaderName=header, HeaderValue=text)
        return value

    def required(self, header: str) -> str:
        """Return a header that must be there; raises MissingRequiredHeader."""
        text = self.ms.get(header)
        if not text:
            raise FilesError("MissingRequiredHeader", HeaderName=header)
        return text


def bad_header(name: str, value: str) -> FilesError:
    """Return the error for a header whose value can't be understood."""
    return FilesError("InvalidHeaderValue", HeaderName=name, HeaderValue=value)


def ms_headers(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Return the headers of the service's own by lower-case name."""
    return {low: value for name, value in headers.items() if (low := name.lower())[:5] == "x-ms-"}


@lru_cache(maxsize=1024)
def parse_query(text: str) -> Mapping[str, str]:
    """Return the decoded parameters of a query string by lower-case name; the last of a name wins.

    A client's requests have few different ones: often a signature alone.
    """
    query: dict[str, str] = {}
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            query[unquote(name).lower()] = unquote(value)
    return MappingProxyType(query)


def split_target(target: str) -> tuple[str, str]:
    """Return the raw path and the raw query of a request target, absolute ones included."""
    if "://" in target[:8]:
        target = "/" + target.split("/", 3)[3] if target.count("/") > 2 else "/"  # noqa: PLR2004 - scheme://host/
    path, _, query = target.partition("?")
    return path, query
