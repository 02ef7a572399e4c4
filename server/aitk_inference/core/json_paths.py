"""Looks into JSON documents whose shape nobody vouches for: what is not there is empty, never an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json


def find(document: Json | Mapping[str, Json], *path: str) -> Json:
    """Return the value at a path of keys, or None."""
    value: object = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value  # type: ignore[return-value]  # members of a JSON object are JSON


def text(document: Json | Mapping[str, Json], *path: str) -> str:
    """Return the text at a path, empty where there is none."""
    value = find(document, *path)
    return value if isinstance(value, str) else ""


def objects(document: Json | Mapping[str, Json], *path: str) -> tuple[dict[str, Json], ...]:
    """Return the objects of the list at a path."""
    value = find(document, *path)
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
