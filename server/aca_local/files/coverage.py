"""What the Files service serves and what it had to refuse, in the words of `aca-local coverage`."""

from collections.abc import Mapping
from typing import NamedTuple

from aca_local.files.operations import FROM_URL, Key, operations
from aca_local.files.versions import VERSIONS

ROUTES: Mapping[str, str] = {"service": "/", "share": "/{share}", "entry": "/{share}/{path}"}


class Served(NamedTuple):
    """One operation: method, route (below the account), and the service versions, newest first."""

    method: str
    path: str
    api_versions: tuple[str, ...]


def served() -> list[Served]:
    """Return all operations."""
    versions = tuple(sorted(VERSIONS, reverse=True))
    return [Served(key[1], route_name(key), versions) for key in operations()]


def route_name(key: Key, what: str = "") -> str:
    """Return the route of an operation, with `what` of a request was not understood."""
    level, _, restype, comp = key
    asked = {"restype": restype, "comp": comp.removesuffix(FROM_URL)}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value)
    note = " with x-ms-copy-source" if comp.endswith(FROM_URL) else ""
    path = f"files:{ROUTES[level]}{'?' if query else ''}{query}{note}"
    return f"{path} ({what})" if what else path
