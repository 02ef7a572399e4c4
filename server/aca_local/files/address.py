"""Where a request is addressed: path style (`/account/share/…`) or host style (`account.file.<suffix>`)."""

import re
from functools import lru_cache
from urllib.parse import unquote

from aiohttp import web

from aca_local.files.call import Call, parse_query, split_target
from aca_local.files.errors import FilesError

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
        account = self._account_of(host)
        path = _decode(raw_path).lstrip("/")
        base = f"{request.scheme}://{host}/"
        if not account:
            account, _, path = path.partition("/")
            base = f"{base}{account}/"
        if not ACCOUNT.fullmatch(account):
            raise FilesError("InvalidUri")
        share, _, entry = path.partition("/")
        return Call(
            request, request.method, raw_path, parse_query(raw_query), request.headers,
            account, share, entry, base, request_id,
        )  # fmt: skip

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


def _decode(raw: str) -> str:
    try:
        return unquote(raw, errors="strict")
    except UnicodeDecodeError:
        raise FilesError("InvalidUri") from None
