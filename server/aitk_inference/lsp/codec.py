"""Messages to JSON values and back, strictly: a wrong field is named, its content is never quoted.

A message is an attrs class, or a named tuple of the domain; a path in one is a file URI in the other.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar, cast, get_type_hints

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from pygls.uris import to_fs_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from aitk_inference.core.model import Json

T = TypeVar("T")


class WireError(Exception):
    """A message that does not have its shape; says which field, never what stood in it."""


def to_json(message: object) -> Json:
    """Return a message as it goes over the wire."""
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
    """Return ``project_uri`` as the wire writes it: ``projectUri``."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def field_name(name: str, hint: object) -> str:
    """Return a field of a named tuple as the wire writes it: a path's is ``projectUri``."""
    return f"{camel(name)}Uri" if hint is Path else camel(name)


def is_named_tuple(shape: object) -> TypeGuard[type[tuple[object, ...]]]:
    """Return True for the class of a named tuple."""
    return isinstance(shape, type) and issubclass(shape, tuple) and hasattr(shape, "_fields")


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_structure_hook_factory(is_named_tuple, lambda cls: _structure_tuple(cls, converter))
    converter.register_unstructure_hook_factory(is_named_tuple, lambda cls: _unstructure_tuple(converter))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Path, _path)
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


def _structure_tuple(cls: Any, converter: cattrs.Converter) -> Callable[..., object]:
    fields = get_type_hints(cls)

    def structure(value: object, _: object) -> object:
        if not isinstance(value, dict):
            raise TypeError("expected an object")
        known = dict[str, object]()
        for name, hint in fields.items():
            if (item := value.get(field_name(name, hint))) is not None:
                try:
                    known[name] = converter.structure(item, hint)
                except TypeError as error:
                    raise TypeError(f"{field_name(name, hint)}: {error}") from None
        for name in fields.keys() - known.keys() - cls._field_defaults.keys():
            raise TypeError(f"{field_name(name, fields[name])} is missing")
        return cls(**known)

    return structure


def _unstructure_tuple(converter: cattrs.Converter) -> Callable[[Any], object]:
    def unstructure(message: Any) -> object:
        fields = message._asdict().items()
        return {camel(name): converter.unstructure(item) for name, item in fields if item is not None}

    return unstructure


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("expected a number")
    return float(value)


def _path(value: object, _: object) -> Path:
    path = to_fs_path(value) if isinstance(value, str) and value.startswith("file:") else None
    if path is None:
        raise TypeError("expected a file: URI of a folder on this computer")
    return Path(path)


def _strict(value: object, shape: type[object]) -> object:
    if type(value) is not shape:
        raise TypeError(f"expected {_WORDS[shape]}")
    return value


_WORDS: Final[dict[type[object], str]] = {str: "text", int: "a whole number", bool: "true or false"}


def _reason(error: BaseException, _: type[object] | None) -> str:
    """Return what is wrong, in words that quote nothing of the message: it may hold a secret."""
    if isinstance(error, KeyError) and isinstance(error.args[0], str):
        return f"{camel(error.args[0])} is missing"
    return str(error) if isinstance(error, TypeError) else "expected another kind of value"
