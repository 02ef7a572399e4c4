"""SharedKey: "Authorize with Shared Key" of the Azure documents, checked against what the clients sign."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from functools import lru_cache

from aca_local.files.request import Call

SIGNED = (
    "Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
    "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
)  # fmt: skip
LENGTH = SIGNED.index("Content-Length")  # 0 is signed as empty


def is_signed(call: Call, account: str, signature: str, keys: Sequence[str]) -> bool:
    """Return True if `signature` is one of the account's keys' signatures of the request."""
    given = signature.encode(errors="replace")
    for text in _strings_to_sign(call, account):
        for key in keys:
            if hmac.compare_digest(sign(key, text), given):
                return True
    return False


def sign(key: str, text: str) -> bytes:
    """Return the base64 HMAC-SHA256 of a text under a base64 key."""
    digest = hmac.digest(_secret(key), text.encode(errors="surrogateescape"), "sha256")
    return binascii.b2a_base64(digest, newline=False)


@lru_cache(maxsize=256)
def _secret(key: str) -> bytes:
    return base64.b64decode(key)


def _strings_to_sign(call: Call, account: str) -> Iterable[str]:
    """Yield the text as the SDKs sign it and, where it differs, with the headers sorted as plain text."""
    names = tuple(call.ms)
    values = [call.headers.get(name, "") for name in SIGNED]
    if values[LENGTH] == "0":
        values[LENGTH] = ""
    head = "\n".join([call.method, *values, ""])
    query = "".join([f"\n{name}:{call.query[name]}" for name in sorted(call.query)])
    tail = f"/{account}{call.path}{query}"
    order = service_order(names)
    yield head + _canonical_headers(call, order) + tail
    if (plain := tuple(sorted(names))) != order:
        yield head + _canonical_headers(call, plain) + tail


def _canonical_headers(call: Call, names: Iterable[str]) -> str:
    return "".join([f"{name}:{call.ms[name]}\n" for name in names])


@lru_cache(maxsize=512)
def service_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Sort header names as the service's culture does: without `-`; `_`, then digits, then letters.

    The weights are those of the tables in the Azure SDKs' signing policies.
    """
    return tuple(sorted(names, key=_weights))


def _weights(name: str) -> list[tuple[int, str]]:
    return [(1 + c.isalpha() - (c == "_"), c) for c in name if c.isalnum() or c == "_"]
