"""The values of the template language: JSON, in which an expression may stand for what is not known yet.

Azure's engine works on JSON whose numbers are whole (64 bits) or floating, whose keys are found without
regard to case, and in which a call that only the running cloud can answer stays as it is. Such a call is a
`Node` inside a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, Union, cast

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping


class Node:
    """Something to evaluate, or what stands for a value that is not known yet."""

    __slots__ = ()


class Expression(str):
    """The text of an expression, brackets included, that can be finished only when resources exist.

    It is a `str`, so that it can be printed and written as JSON; a plain text that happens to start with a
    bracket is not one. `resolve` finishes it. `node` is its tree, where the evaluator made it.
    """

    __slots__ = ("node",)
    node: Node


JSON: TypeAlias = Union[bool, int, float, str, "list[JSON]", "dict[str, JSON]", None]
Value: TypeAlias = Union[bool, int, float, str, "list[Value]", "dict[str, Value]", Node, None]

MISSING = Node()
TYPE_NAMES: Mapping[type, str] = {
    bool: "Boolean",
    int: "Integer",
    float: "Float",
    str: "String",
    list: "Array",
    dict: "Object",
    type(None): "Null",
}


class Known(dict[str, "Value"]):
    """What a template says of a resource that it refers to; what it does not say stays a question to `call`."""

    __slots__ = ("call",)

    def __init__(self, members: Mapping[str, Value], call: Node) -> None:
        super().__init__(members)
        self.call = call


class OpenObject(dict[str, "Value"]):
    """What createObject() makes of names that are not all known yet."""

    __slots__ = ()


class KnownList(list["Value"]):
    """An array inside what a template says of a resource."""

    __slots__ = ("call",)

    def __init__(self, items: Iterable[Value], call: Node) -> None:
        super().__init__(items)
        self.call = call


def taken(value: JSON) -> Value:
    """Take JSON as a value: it is one without expressions, and values are never changed in place."""
    return cast("Value", value)


def type_name(value: Value) -> str:
    """Return the engine's name of a value's type."""
    subtype = "Object" if isinstance(value, dict) else "Array" if isinstance(value, list) else "Expression"
    return TYPE_NAMES.get(type(value), subtype)


def find_key(obj: Mapping[str, object], name: str) -> str | None:
    """Find a key without regard to case; an exact one wins."""
    if name in obj:
        return name
    lowered = name.lower()
    return next((key for key in obj if key.lower() == lowered), None)


def get(obj: Mapping[str, Value], name: str) -> Value:
    """Return a property found without regard to case, or `MISSING`."""
    key = find_key(obj, name)
    return MISSING if key is None else obj[key]


def is_open(value: Value) -> bool:
    """Return True if something in the value is not known before run time."""
    pending: list[Value] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Node):
            return True
        if isinstance(item, dict):
            if has_open_key(item):
                return True
            pending.extend(_containers(item.values()))
        elif isinstance(item, list):
            pending.extend(_containers(item))
    return False


def has_open_key(value: Value) -> bool:
    """Return True if a property of an object has a name that is not known yet."""
    return isinstance(value, dict) and any(isinstance(key, Expression) for key in value)


def _containers(items: Iterable[Value]) -> Iterable[Value]:
    return (item for item in items if isinstance(item, (dict, list, Node)))


def identity(value: Value) -> Hashable:
    """Return a key that two values share when they are the `same`. Values are bounded in depth."""
    if isinstance(value, dict):
        return "Object", frozenset((key, identity(item)) for key, item in value.items())
    if isinstance(value, list):
        return "Array", tuple(identity(item) for item in value)
    return type_name(value), id(value) if isinstance(value, Node) else value


def same(left: Value, right: Value) -> bool:
    """Compare as the engine does: numbers by kind and value, objects without order, all else exactly."""
    pending = [(left, right)]
    while pending:
        one, two = pending.pop()
        if type_name(one) != type_name(two):
            return False
        if isinstance(one, dict) and isinstance(two, dict):
            if one.keys() != two.keys():
                return False
            pending.extend((item, two[key]) for key, item in one.items())
        elif isinstance(one, list) and isinstance(two, list):
            if len(one) != len(two):
                return False
            pending.extend(zip(one, two, strict=True))
        elif one != two:
            return False
    return True
