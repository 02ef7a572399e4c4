"""Messages to JSON values and back, strictly: a wrong field is named, its content is never quoted."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

if TYPE_CHECKING:
    from collections.abc import Callable

    from aitk_inference.core.model import Json

T = TypeVar("T")


class WireError(Exception):
    """A message that does not have its shape; says which field, never what stood in it."""


def to_json(message: object) -> Json:
    """A message as it goes over the wire."""
    return cast("Json", _converter().unstructure(message))


def from_json(shape: type[T], value: object) -> T:
    """Read a message.

    Raises:
        WireError: a field is missing or of another type.
    """
    try:
        return _converter().structure(value, shape)
    except Exception as error:
        reasons = cattrs.transform_error(error, format_exception=_reason)
        raise WireError("; ".join(reasons)) from None


def camel(name: str) -> str:
    """``project_uri`` as the wire writes it: ``projectUri``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook_factory(attrs.has, lambda cls: _structure(cls, converter))
    converter.register_unstructure_hook_factory(attrs.has, lambda cls: _unstructure(cls, converter))
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _strict)
    return converter


def _structure(cls: Any, converter: cattrs.Converter) -> Callable[..., object]:
    names = {field.name: override(rename=camel(field.name)) for field in attrs.fields(cls)}
    read = make_dict_structure_fn(cls, converter, **names)  # type: ignore[arg-type]  # cattrs types the options, not the names

    def structure(value: object, shape: object) -> object:
        if not isinstance(value, dict):
            raise TypeError("expected an object")
        return read({key: item for key, item in value.items() if item is not None}, shape)

    return structure


def _unstructure(cls: Any, converter: cattrs.Converter) -> Callable[[object], object]:
    names = {field.name: override(rename=camel(field.name)) for field in attrs.fields(cls)}
    write = make_dict_unstructure_fn(cls, converter, **names)  # type: ignore[arg-type]  # as above

    def unstructure(message: object) -> object:
        return {key: item for key, item in write(message).items() if item is not None}

    return unstructure


def _strict(value: object, shape: type[object]) -> object:
    if type(value) is not shape:
        raise TypeError(f"expected {_WORDS[shape]}")
    return value


_WORDS: Final[dict[type[object], str]] = {str: "text", int: "a whole number", bool: "true or false"}


def _reason(error: BaseException, _: type[object] | None) -> str:
    """What is wrong, in words that quote nothing of the message: it may hold a secret."""
    if isinstance(error, KeyError) and isinstance(error.args[0], str):
        return f"{camel(error.args[0])} is missing"
    return str(error) if isinstance(error, TypeError) else "expected another kind of value"
