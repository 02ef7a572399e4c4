"""Functions of objects, and of what objects and arrays have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.dotnet.utf16 import folded
from arm_template.errors import TemplateError, Unsupported, fault
from arm_template.evaluator import apply, call_function, check_last_kind, property_name
from arm_template.functions.arrays import merged_arrays
from arm_template.functions.strings import check_elements
from arm_template.messages import NO_LITERAL, wrong_kind
from arm_template.scope import Function, Special, value_of
from arm_template.syntax import OpenObjectCall, as_node, call
from arm_template.unparser import expression
from arm_template.values import (
    MISSING,
    Expression,
    Node,
    OpenObject,
    Value,
    has_open_key,
    identity,
    is_open,
    same,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arm_template.scope import Env, Routine
    from arm_template.syntax import Call


def run_create_object(call: Call, env: Env) -> Routine:
    """`createObject(key, value, …)`: counted before anything is evaluated."""
    if len(call.args) % 2:
        raise fault(
            f"The template language function 'createObject' expects an even number of parameters. The number of provided parameters was '{len(call.args)}'."
        )
    if not isinstance(call, OpenObjectCall):
        return (yield from call_function(CREATE_OBJECT, call, env))
    args: list[Value] = []
    for at, arg in enumerate(call.args):
        args.append((yield from value_of(arg, env)))
        if at % 2 == 0:
            property_name(args[-1])
    return apply(CREATE_OBJECT, call, args, env)


def create_object(*args: Value) -> Value:
    """Make the object of keys and values that take turns."""
    keys = [expression(key) if isinstance(key, Node) else key for key in args[::2]]
    if len({key for key in keys if isinstance(key, Expression)}) < sum(
        isinstance(k, Expression) for k in keys
    ):
        return MISSING
    wrong = [(str(at * 2 + 1), type_name(key)) for at, key in enumerate(keys) if not isinstance(key, str)]
    if wrong:
        raise fault(
            f"The template language function 'createObject' expects the parameters at an odd-numbered position to be of type 'string'. The specified parameters at positions '{', '.join(at for at, _ in wrong)}' are of types '{', '.join(kind for _, kind in wrong)}', respectively."
        )
    names = [key for key in keys if isinstance(key, str)]
    made = dict(zip(names, args[1::2], strict=True))
    if len(made) < len(keys):
        twice = dict.fromkeys(str(key) for at, key in enumerate(keys) if key in keys[:at])
        raise fault(
            f"The template language function 'createObject' expects all property names to be unique. The following property names were duplicated: {', '.join(twice)}."
        )
    return OpenObject(made) if has_open_key(made) else made


def in_order(value: dict[str, Value]) -> list[str]:
    """Return the keys as the engine sorts them: without regard to case."""
    return sorted(value, key=folded)


def items(value: dict[str, Value]) -> Value:
    """`items(object)`."""
    return [{"key": key, "value": value[key]} for key in in_order(value)]


def object_keys(value: dict[str, Value]) -> Value:
    """`objectKeys(object)`."""
    return list(in_order(value))


def shallow_merge(parts: list[Value]) -> Value:
    """`shallowMerge(objects)`: later ones win, nothing is merged below."""
    check_elements("shallowMerge", parts, ("Object",))
    if any(isinstance(part, Node) or has_open_key(part) for part in parts):
        return MISSING
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
    if any(isinstance(part, Node) or has_open_key(part) for part in parts):
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
    if old is None:
        return new
    if isinstance(old, Node) or isinstance(new, Node):
        return _joined_later(old, new)
    if isinstance(old, dict) and isinstance(new, dict):
        return _merged(old, new)
    if type_name(old) != type_name(new) and isinstance(old, (dict, list)) | isinstance(new, (dict, list)):
        raise fault(
            f"The template language function 'union' failed to evaluate due to a type mismatch between '{type_name(old)}' and '{type_name(new)}'.",
            "https://aka.ms/arm-function-union",
        )
    return new


def _joined_later(old: Value, new: Value) -> Value:
    """Join two members one of which is known only at run time, where null gives way to what is there."""
    if isinstance(old, Node) and not isinstance(new, (Node, dict)):
        if isinstance(new, list):
            raise Unsupported(NO_LITERAL)
        return new
    one, two = as_node(old), as_node(new)
    merged = call("union", one, two) if isinstance(old, dict) or isinstance(new, dict) else two
    waiting, other = (two, one) if isinstance(new, Node) else (one, two)
    return call("if", call("equals", waiting, call("null")), other, merged)


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
            made = {key: item for key, item in made.items() if key in part and same(part[key], item)}
    return made


def _one_kind(name: str, parts: Sequence[Value]) -> None:
    kinds = [type_name(part) for part in parts if not isinstance(part, Node)]
    for at, part in enumerate(parts):
        if not isinstance(part, (list, dict, Node)):
            raise wrong_kind(name, ("Array, Object",), part, at, alone=False)
    if len(set(kinds)) > 1:
        raise TemplateError(
            f"Template language function '{name}' expects parameters of the same type, but found multiple types."
        )


def _check_container(name: str, args: list[Value]) -> None:
    check_last_kind(name, args, ("Array", "Object"))


OBJECT = ("Object",)
CREATE_OBJECT = Function(create_object, 0, None, waits="never")
TABLE: dict[str, Function | Special] = {
    "createobject": Special(run_create_object, 0, None),
    "items": Function(items, 1, 1, (OBJECT,), waits="shallow", by_keys=True),
    "objectkeys": Function(object_keys, 1, 1, (OBJECT,), waits="shallow", by_keys=True),
    "shallowmerge": Function(shallow_merge, 1, 1, (("Array",),), waits="shallow"),
    "union": Function(union, 2, None, waits="never", eager=_check_container),
    "intersection": Function(intersection, 2, None, waits="never", eager=_check_container),
}
