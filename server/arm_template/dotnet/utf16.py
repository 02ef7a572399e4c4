"""Text as .NET counts it: in units of UTF-16, two for what lies beyond the basic plane."""

from __future__ import annotations

import sys


def units(text: str) -> str:
    """Split the characters beyond the basic plane into halves, so that one character is one unit."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    data = text.encode("utf-16-le", "surrogatepass")
    if sys.byteorder == "little":
        return "".join(map(chr, memoryview(data).cast("H")))
    return "".join(chr(data[at] | data[at + 1] << 8) for at in range(0, len(data), 2))


def joined(text: str) -> str:
    """Put halves together again; one without its other half stays as it is."""
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return (
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if _paired(text)
        else text
    )


def _paired(text: str) -> bool:
    try:
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return False
    return True


def length(text: str) -> int:
    """Count the units."""
    return len(text) if text.isascii() else len(units(text))


def utf8(text: str) -> bytes:
    """Encode as .NET does: half a surrogate pair becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def ordinal(text: str) -> bytes:
    """Return what sorts as .NET's ordinal comparison does."""
    return text.encode("utf-16-be", "surrogatepass")


def lower(text: str) -> str:
    """Lower each character by itself, as .NET's invariant culture does."""
    return text.lower() if text.isascii() else "".join(_mapped(char, char.lower()) for char in text)


def upper(text: str) -> str:
    """Raise each character by itself, as .NET's invariant culture does."""
    return text.upper() if text.isascii() else "".join(_mapped(char, char.upper()) for char in text)


def _mapped(char: str, changed: str) -> str:
    """Refuse what changes the length, or takes a foreign letter into ASCII."""
    return char if len(changed) != 1 or (changed.isascii() and not char.isascii()) else changed


def folded(text: str) -> bytes:
    """Return what sorts as .NET's ordinal comparison without case does."""
    return ordinal(upper(text))
