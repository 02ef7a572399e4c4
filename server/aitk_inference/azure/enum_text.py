"""The SDKs' enumerations as plain words."""

from __future__ import annotations


def word(value: object) -> str:
    """Return an enumeration's value, or a plain text as it is; ``Unknown`` for nothing."""
    return str(getattr(value, "value", value) or "Unknown")
