"""What the Files service serves and what it had to refuse, in the words of `aca-local coverage`."""

from collections.abc import Mapping
from typing import NamedTuple

from aca_local.files.operations import FROM_URL, Key, operations
from aca_local.files.versions import VERSIONS

PLACES: Mapping[str, str] = {"service": "/", "share": "/{share}", "entry": "/{share}/{path}"}


class Served(NamedTuple):
    """One operation: method, place (below the account), and the service versions, newest first."""

    method: str
    path: str
    api_versions: tuple[str, ...]


def served() -> list[Served]:
    """Return all operations."""
    versions = tuple(sorted(VERSIONS, reverse=True))
    return [Served(key[1], place(key), versions) for key in operations()]


def place(key: Key, what: str = "") -> str:
    """Write where an operation is asked for, with `what` of the request was not understood."""
    level, _, restype, comp = key
    asked = {"restype": restype, "comp": comp.removesuffix(FROM_URL)}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value)
    note = " with x-ms-copy-source" if comp.endswith(FROM_URL) else ""
    path = f"files:{PLACES[level]}{'?' if query else ''}{query}{note}"
    return f"{path} ({what})" if what else path
