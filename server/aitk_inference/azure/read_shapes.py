"""Nouns made from an answer, held against what they say of themselves: the SDKs' models hold whatever came."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

_Noun = TypeVar("_Noun")
_PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "datetime": datetime,
    str(None): type(None),
}
_MANY_TEXTS = "tuple[str, ...]"


def checked(noun: _Noun) -> _Noun:
    """Return a noun whose plain fields are of the types that they are declared with.

    Raises:
        TypeError: a field is something else: what was read is an answer of another shape.
    """
    for name, declared in type(noun).__annotations__.items():
        value = getattr(noun, name)
        values, words = (value, "str") if declared == _MANY_TEXTS else ((value,), declared)
        kinds = tuple(_PLAIN.get(word, object) for word in words.split(" | "))
        if not all(isinstance(item, kinds) for item in values):
            raise TypeError(f"{type(noun).__name__}.{name} is a {type(value).__name__}")
    return noun
