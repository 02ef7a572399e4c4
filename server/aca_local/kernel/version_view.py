"""What an answer has in an api-version of Microsoft.App: a property that a later version brought is left out.
 From the same tables as ``body_schema``. A preview has what the next stable version has, and what only
previews have since theirs; a property that no table knows is in every version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_local.kernel import api_tables

if TYPE_CHECKING:
    from aca_local.kernel.api_tables import Node
    from aca_local.state import JsonObject

_PREVIEW = "-preview"
# Those that brought a property, and so are named in the tables.
_STABLE = (
    "2022-03-01", "2022-10-01", "2023-05-01", "2024-03-01",
    "2025-01-01", "2025-07-01", "2026-01-01", "2026-07-01",
)  # fmt: skip


def at_version(resource_type: str, shown: JsonObject, api_version: str) -> JsonObject:
    """Return a resource as this api-version of its type shows it."""
    node = api_tables.find(resource_type)
    if node is None or not api_version:
        return shown
    found: JsonObject = _view(node, shown, api_version.lower())
    return found


def _view(node: Node, value: Any, version: str) -> Any:
    if isinstance(value, list) and "items" in node:
        return [_view(node["items"], one, version) for one in value]
    if not isinstance(value, dict) or "properties" not in node:
        return value
    known = node["properties"]
    return {
        name: _view(known.get(name, {}), held, version)
        for name, held in value.items()
        if _is_there(known.get(name, {}).get("since", ""), version)
    }


def _is_there(since: str, version: str) -> bool:
    if since.endswith(_PREVIEW):
        return version.endswith(_PREVIEW) and since <= version
    day = version.removesuffix(_PREVIEW)
    if day != version:
        version = next((one for one in _STABLE if one >= day), day)
    return since <= version
