"""Functions of objects, and of what objects and arrays have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.functions.arrays import merged_arrays
from aca_local.templates.functions.strings import check_elements
from aca_local.templates.machine import Function, Special, call_function, wrong_kind
from aca_local.templates.syntax import Call, Node
from aca_local.templates.utf16 import folded
from aca_local.templates.values import MISSING, Value, identity, is_open, same, type_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.templates.environment import Env
    from aca_local.templates.machine import Routine


def run_create_object(call: Call, env: Env) -> Routine:
    """`createObject(key, value, …)`: counted before anything is evaluated."""
    if len(call.args) % 2:
        raise fault(
            "The template language function 'createObject' expects an even number of parameters. "
            f"The number of provided parameters was '{len(call.args)}'."
        )
    return (yield from call_function(CREATE_OBJECT, call, env))


def create_object(*args: Value) -> Value:
    """Make the object of keys and values that take turns."""
    keys = args[::2]
    if any(isinstance(key, Node) for key in keys):
        return MISSING
    wrong = [
        (str(at * 2 + 1), type_name(key)) for at, key in enumerate(keys) if not isinstance(key, (str, Node))
    ]
    if wrong:
        raise fault(
            "The template language function 'createObject' expects the parameters at an odd-numbered "
            "position to be of "
            f"type 'string'. The specified parameters at positions '{', '.join(at for at, _ in wrong)}' are "
            "of types "
            f"'{', '.join(kind for _, kind in wrong)}', respectively."
        )
    made = dict(zip((str(key) for key in keys), args[1::2], strict=True))
    if len(made) < len(keys):
        twice = dict.fromkeys(str(key) for at, key in enumerate(keys) if key in keys[:at])
        raise fault(
            "The template language function 'createObject' expects all property names to be unique. "
            f"The following property names were duplicated: {', '.join(twice)}."
        )
    return made


def in_order(value: dict[str, Value]) -> list[str]:
    """Give the keys as the engine sorts them: without regard to case."""
    return sorted(value, key=folded)


def items(value: dict[str, Value]) -> Value:
    """`items(object)`."""
    return [{"key": key, "value": value[key]} for key in in_order(value)]


def object_keys(value: dict[str, Value]) -> Value:
    """`objectKeys(object)`."""
    return list(in_order(value))


def shallow_merge(parts: list[Value]) -> Value:
    """`shallowMerge(objects)`: later ones win, nothing is merged below."""
    if any(isinstance(part, Node) for part in parts):
        return MISSING
    check_elements("shallowMerge", parts, ("Object",))
    made: dict[str, Value] = {}
    known: dict[str, str] = {}
    for part in parts:
        assert isinstance(part, dict)
        for key, item in part.items():
            made[known.setdefault(key.lower(), key)] = item
    return made


def union(*parts: Value) -> Value:
    """`union(…)` of arrays or of objects."""
    _one_kind("union", parts)
    if any(isinstance(part, Node) for part in parts):
        return MISSING
    if isinstance(parts[0], list):
        return (
            MISSING
            if is_open(list(parts))
            else merged_arrays([part for part in parts if isinstance(part, list)])
        )
    made: dict[str, Value] = {}
    for part in parts:
        assert isinstance(part, dict)
        made = _merged(made, part)
    return made


def _merged(one: dict[str, Value], two: dict[str, Value]) -> dict[str, Value]:
    made = dict(one)
    names = {key.lower(): key for key in one}
    for key, item in two.items():
        known = key if key in made else names.get(key.lower())
        if known is None:
            made[key] = item
        else:
            made[key] = _joined(made.pop(known) if known != key else made[key], item)
        names[key.lower()] = key
    return made


def _joined(old: Value, new: Value) -> Value:
    if new is None:
        return old
    if old is None or isinstance(old, Node) or isinstance(new, Node):
        return new
    if isinstance(old, dict) and isinstance(new, dict):
        return _merged(old, new)
    if type_name(old) != type_name(new) and isinstance(old, (dict, list)) | isinstance(new, (dict, list)):
        raise fault(
            "The template language function 'union' failed to evaluate due to a type mismatch between "
            f"'{type_name(old)}' and '{type_name(new)}'.",
            "https://aka.ms/arm-function-union",
        )
    return new


def intersection(*parts: Value) -> Value:
    """`intersection(…)` of arrays or of objects."""
    _one_kind("intersection", parts)
    if is_open(list(parts)):
        return MISSING
    made = parts[0]
    for part in parts[1:]:
        if isinstance(made, list) and isinstance(part, list):
            others = {identity(item) for item in part}
            made = [item for item in merged_arrays([made]) if identity(item) in others]
        elif isinstance(made, dict) and isinstance(part, dict):
            made = {key: item for key, item in made.items() if _shared(part, key, item)}
    return made


def _shared(other: dict[str, Value], key: str, item: Value) -> bool:
    return key in other and same(other[key], item)


def _one_kind(name: str, parts: Sequence[Value]) -> None:
    kinds = [type_name(part) for part in parts if not isinstance(part, Node)]
    for at, part in enumerate(parts):
        if not isinstance(part, (list, dict, Node)):
            raise wrong_kind(name, ("Array, Object",), part, at, alone=False)
    if len(set(kinds)) > 1:
        raise TemplateError(
            f"Template language function '{name}' expects parameters of the same type, but found multiple "
            "types."
        )


OBJECT = ("Object",)
CREATE_OBJECT = Function(create_object, 0, None, waits="never")
TABLE: dict[str, Function | Special] = {
    "createobject": Special(run_create_object, 0, None),
    "items": Function(items, 1, 1, (OBJECT,), waits="shallow"),
    "objectkeys": Function(object_keys, 1, 1, (OBJECT,), waits="shallow"),
    "shallowmerge": Function(shallow_merge, 1, 1, (("Array",),), waits="shallow"),
    "union": Function(union, 2, None, waits="never"),
    "intersection": Function(intersection, 2, None, waits="never"),
}
