"""Holds a request's body against the tables made from Microsoft's API documents, before anything is stored.
 Names are read without case, as the services do, and come out in the documents' own; what a table does not
know is left out, and what is read only, too. A null is "not there" (in a JSON merge patch: "remove it"),
never an item.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aca_local.kernel import api_tables, errors

if TYPE_CHECKING:
    from aca_local.kernel.api_tables import Node
    from aca_local.state import JsonObject

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_DOTNET = {
    "string": "System.String",
    "integer": "System.Int32",
    "number": "System.Double",
    "boolean": "System.Boolean",
    "array": "System.Collections.Generic.List",
    "object": "System.Object",
}
_BITS = {"int32": 31, "int64": 63}


def read(name: str, body: JsonObject, *, keep_nulls: bool = False) -> JsonObject:
    """Return the body of ``Microsoft.App/containerApps`` (or of a type and an action) as it is read.
     ``keep_nulls``: it is a JSON merge patch, in which a null removes. Raise InvalidRequestContent with the
    path.
    """
    node = api_tables.find(name)
    if node is None:
        return body
    return _object(node, body, "", keep_nulls)


def _value(node: Node, value: Any, path: str, keep_nulls: bool) -> Any:
    kind = node.get("type")
    if not isinstance(value, str | int | float | list | dict):
        return value  # an expression of a template, which is known later
    if kind is None:
        _check_free(value, path)
        return value
    text = value if node.get("fromText") and isinstance(value, str) else ""
    value = int(text[:10]) if text.isascii() and text.isdigit() else value
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise invalid(path, f"The JSON value could not be converted to {_DOTNET[kind]}.")
    if isinstance(value, dict):
        return _object(node, value, path, keep_nulls)
    if isinstance(value, list):
        return _items(node.get("items", {}), value, path)
    if isinstance(value, str):
        return _text(node, value, path)
    if isinstance(value, int | float):
        _check_number(node, value, path)
    return value


def _object(node: Node, value: JsonObject, path: str, keep_nulls: bool) -> JsonObject:
    known, free = node.get("properties", {}), node.get("values")
    if free is not None or not known:
        return _dictionary(free or {}, value, path)
    spelled = {name.lower(): name for name in known}
    found: JsonObject = {}
    for given, held in value.items():
        name = spelled.get(given.lower())
        if name is None or known[name].get("readOnly"):
            continue
        if held is not None:
            found[name] = _value(known[name], held, f"{path}.{name}", keep_nulls)
        elif keep_nulls:
            found[name] = None
    return found


def _dictionary(node: Node, value: JsonObject, path: str) -> JsonObject:
    _check_free(list(value), path)
    if not node:
        _check_free(value, path)
        return value
    for name, held in value.items():
        if held is None and node.get("type") != "object":
            raise invalid(
                f"{path}.{name}", "The JSON value could not be converted: null is not allowed here."
            )
    return {
        name: None if held is None else _value(node, held, f"{path}.{name}", keep_nulls=False)
        for name, held in value.items()
    }


def _items(node: Node, value: list[Any], path: str) -> list[Any]:
    found = []
    for index, held in enumerate(value):
        if held is None:
            raise invalid(f"{path}[{index}]", "The JSON value could not be converted: null is not an item.")
        found.append(_value(node, held, f"{path}[{index}]", keep_nulls=False))
    return found


def _text(node: Node, value: str, path: str) -> str:
    _check_free(value, path)
    spelled = {one.lower(): one for one in node.get("enum", ())}
    if spelled and value.lower() not in spelled:
        allowed = ", ".join(node["enum"])
        raise invalid(path, f"The value '{value}' is not one of the allowed values: {allowed}.")
    shortest, longest = node.get("minLength", 0), node.get("maxLength", math.inf)
    if not shortest <= len(value) <= longest:
        raise invalid(path, f"The value must have {shortest} to {longest} characters.")
    return spelled.get(value.lower(), value)


def _check_number(node: Node, value: float, path: str) -> None:
    bits = _BITS.get(node.get("format", "int32"))
    if bits is not None and isinstance(value, int) and not -(2**bits) <= value < 2**bits:
        raise invalid(path, f"The JSON value could not be converted to System.Int{bits + 1}.")
    low, high = node.get("minimum", -math.inf), node.get("maximum", math.inf)
    if not low <= value <= high:
        raise invalid(path, f"The value {value} must be between {low} and {high}.")


def _check_free(value: Any, path: str) -> None:
    """Refuse what no client can mean and no process can take: a text with a null character."""
    if isinstance(value, str) and "\0" in value:
        raise invalid(path, "The text has a null character.")
    if isinstance(value, list | dict):
        for held in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_free(held, path)


def invalid(path: str, why: str) -> errors.ArmError:
    """Return the error about a value; its path starts with a dot."""
    return errors.INVALID_BODY.error(why=f"{why} Path: ${path}")
