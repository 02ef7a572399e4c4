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
    if error.code not in _CODES:
        return
    key = f"{method} {path} {error.code}"
    count = (store.get(REFUSED, key) or {"count": 0})["count"]
    store.put(REFUSED, key, {"method": method, "path": path, "code": error.code, "count": count + 1})


def refused(store: Store) -> list[JsonObject]:
    """The requests that were refused so far, each with its count."""
    return store.list(REFUSED)
