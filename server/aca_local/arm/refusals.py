"""Requests that were refused because aca-local does not know them: noted, so that ``coverage`` can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_local.arm.errors import ArmError
    from aca_local.state import JsonObject, Store

REFUSED = "refused"
_CODES = frozenset(
    {
        "UnsupportedPath",
        "MethodNotAllowed",
        "UnsupportedQueryOption",
        "UnsupportedHeader",
        "InvalidApiVersionParameter",
        "NoRegisteredProviderFound",
        "InvalidResourceType",
        "InvalidResourceNamespace",
        "InvalidFilterInQueryString",
        "UnsupportedQuery",
    }
)


def note(store: Store, method: str, path: str, error: ArmError) -> None:
    """Remember a request that had to be refused because aca-local does not know it."""
    if error.code in _CODES:
        count(store, method, path, error.code)


def count(store: Store, method: str, path: str, code: str) -> None:
    """Count a request that is not served; ``path`` says of which service it is, where it is not ARM's."""
    key = f"{method} {path} {code}"
    before = (store.get(REFUSED, key) or {"count": 0})["count"]
    store.put(REFUSED, key, {"method": method, "path": path, "code": code, "count": before + 1})


def refused(store: Store) -> list[JsonObject]:
    """The requests that were refused so far, each with its count."""
    return store.list(REFUSED)
