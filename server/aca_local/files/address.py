"""Where a request is addressed: path style (`/account/share/…`) or host style (`account.file.<suffix>`)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from aca_local.files.errors import FilesError
from aca_local.files.request import Call, ms_headers, parse_query, split_target

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
ACCOUNT = re.compile(r"[a-z0-9]{3,24}")


class Addresses:
    """Splits requests; a `Host` that is no name of this computer's is refused (DNS rebinding)."""

    def __init__(self, suffix: str) -> None:
        self._suffixes = (f".file.{suffix}", ".file.localhost")
        self._account_of = lru_cache(maxsize=256)(self._read_host)

    def read(self, request: web.BaseRequest, request_id: str) -> Call:
        """Return the request, split; raises InvalidUri, InvalidHeaderValue."""
        raw_path, raw_query = split_target(request.raw_path)
        host = request.headers.get("Host", "")
        owner = self._account_of(host) or _rootless_owner(request.headers, raw_path)
        account, share, entry = self._split(owner, raw_path)
        base = f"{request.scheme}://{host}/" + ("" if owner else f"{account}/")
        return Call(
            request, request.method, raw_path, parse_query(raw_query),
            request.headers, ms_headers(request.headers), account, share, entry, base, request_id,
        )  # fmt: skip

    def source(self, call: Call, url: str) -> Call:
        """Return the request for the URL that a header names, as if that were asked for by itself.

        Raises CannotVerifyCopySource for a URL that is not served here.
        """
        try:
            parts = urlsplit(url)
            account, share, entry = self._split(self._account_of(parts.netloc), parts.path)
        except (FilesError, ValueError):  # "http://[/"
            raise FilesError("CannotVerifyCopySource") from None
        headers: CIMultiDict[str] = CIMultiDict()
        for name in ("x-ms-source-allow-trailing-dot", "x-ms-version"):
            if name in call.ms:
                headers[name.replace("source-", "")] = call.ms[name]
        return replace(
            call, method="GET", path=parts.path, query=parse_query(parts.query),
            headers=CIMultiDictProxy(headers), ms=dict(headers), account=account, share=share, entry=entry,
        )  # fmt: skip

    def _split(self, account: str, raw_path: str) -> tuple[str, str, str]:
        """Return account, share and path below it; an account that the host names is not in the path."""
        try:
            path = unquote(raw_path, errors="strict").lstrip("/")
        except UnicodeDecodeError:
            raise FilesError("InvalidUri") from None
        if not account:
            account, _, path = path.partition("/")
        if not ACCOUNT.fullmatch(account):
            raise FilesError("InvalidUri")
        share, _, entry = path.partition("/")
        return account, share, entry

    def _read_host(self, host: str) -> str:
        """Return the account that a host names; empty for this computer's own names."""
        name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        name = name.lower()
        for suffix in self._suffixes:
            if name.endswith(suffix):
                return name.removesuffix(suffix)
        if name in LOOPBACK or name.endswith(".localhost"):
            return ""
        raise FilesError(
            "InvalidHeaderValue", "The host is not served here.", HeaderName="Host", HeaderValue=host
        )


def _rootless_owner(headers: Mapping[str, str], raw_path: str) -> str:
    """Return the account that signed a path-style request whose path does not begin with it; else "".

    The JavaScript SDK's ``rename`` leaves the account out of the destination's path (``/share/new``).
    """
    scheme, _, value = headers.get("Authorization", "").partition(" ")
    signer = value.partition(":")[0]
    if scheme != "SharedKey" or raw_path.startswith(f"/{signer}/") or raw_path == f"/{signer}":
        return ""
    return signer
