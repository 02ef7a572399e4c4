"""Requests that were refused because aca-local does not know them: noted, so that ``coverage`` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.kernel.records import UNSUPPORTED

if TYPE_CHECKING:
    from aca_local.kernel.errors import ArmError
    from aca_local.kernel.records import UnsupportedRecord
    from aca_local.state import Store

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
    before = store.get(UNSUPPORTED, key)
    times = 1 + (before["count"] if before else 0)
    noted: UnsupportedRecord = {"method": method, "path": path, "code": code, "count": times}
    store.put(UNSUPPORTED, key, noted)


def refused(store: Store) -> list[UnsupportedRecord]:
    """Return the requests that were refused so far, each with its count."""
    return store.list(UNSUPPORTED)
