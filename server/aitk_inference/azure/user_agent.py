"""How we call ourselves to the services."""

from __future__ import annotations

PRODUCT = "aitk-inference"
"""All of it where each millisecond of a start counts: to read the version costs ten."""


def with_version() -> str:
    """Return the product and its version, as Azure's own clients say them."""
    from importlib.metadata import version

    return f"{PRODUCT}/{version(PRODUCT)}"
