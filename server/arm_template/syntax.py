"""The syntax tree of the template language.

Trees are as deep as the template's author likes, so nothing here calls itself: comparing is by identity,
writing goes through a stack of its own (`arm_template.unparser`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arm_template.values import Node, OpenObject, Value, is_open

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True, eq=False, repr=False)
class Literal(Node):
    """A value written out."""

    value: Value


@dataclass(slots=True, eq=False, repr=False)
class Call(Node):
    """A function's name, as written, and its arguments. `key` is the name to look it up by."""

    name: str
    args: tuple[Node, ...]
    key: str


@dataclass(slots=True, eq=False, repr=False)
class Access(Node):
    """A property or an element: `base.key` or `base[key]`."""

    base: Node
    key: Node


@dataclass(slots=True, eq=False, repr=False)
class Members(Node):
    """A JSON object of the template in which something must be evaluated: pairs of key and value."""

    pairs: tuple[tuple[Node, Node], ...]


@dataclass(slots=True, eq=False, repr=False)
class Elements(Node):
    """A JSON array of the template in which something must be evaluated."""

    items: tuple[Node, ...]


@dataclass(slots=True, eq=False, repr=False)
class Loop(Node):
    """A `copy` in a variable, a property or an output: `count` times `input`, as an array.

    `nested` tells that `input` holds another one, which the engine refuses once it has evaluated a turn.
    """

    name: str
    count: Node
    input: Node
    where: tuple[str | int, ...] = ()
    own: bool = False  # copyIndex() without a name means this loop
    nested: bool = False
    first: tuple[Node, ...] = ()  # as of `Prepared`, in `input`


@dataclass(slots=True, eq=False, repr=False)
class Repeated(Node):
    """A name that two properties of one object have, one of them made by a loop."""

    name: str


@dataclass(slots=True, eq=False, repr=False)
class Prepared(Node):
    """A JSON value of the template of which something is checked before all of it is evaluated.

    `first` are, as they stand in it, its loops, whose counts are needed, the calls of copyIndex() outside of
    them, and names that stand twice.
    """

    body: Node
    first: tuple[Node, ...]


@dataclass(slots=True, eq=False, repr=False)
class Unparsable(Node):
    """An expression that cannot be read: it fails where it would be evaluated."""

    text: str


def call(name: str, *args: Node) -> Call:
    """Make a call."""
    return Call(name, args, name.lower())


class OpenObjectCall(Call):
    """The createObject() that stands for an object some of whose names are not known yet."""

    __slots__ = ()


class Completed(Call):
    """A reference of which the template did not say the whole id and version: they come from the resource."""

    __slots__ = ()


class Waiting(Call):
    """A call that the second pass leaves as it is."""

    __slots__ = ()


def parts_of(node: Node) -> list[Node]:
    """Return the nodes right below one."""
    if isinstance(node, Call):
        return list(node.args)
    if isinstance(node, Access):
        return [node.base, node.key]
    if isinstance(node, Members):
        return [part for pair in node.pairs for part in pair]
    if isinstance(node, Elements):
        return list(node.items)
    return [node.body] if isinstance(node, Prepared) else []


def as_node(value: Value) -> Node:
    """Return the node that stands for a value: evaluated again, it asks again for what is not known in it."""
    if isinstance(value, OpenObject):
        parts = (part for key, item in value.items() for part in (_key_node(key), as_node(item)))
        return OpenObjectCall("createObject", tuple(parts), "createobject")
    return as_json_node(value, as_node)


def as_argument(value: Value) -> Node:
    """Return the same where something is taken from the value: an object of open names is a call like any other."""
    node = as_node(value)
    return Call(node.name, node.args, node.key) if isinstance(node, OpenObjectCall) else node


def as_json_node(value: Value, part_of: Callable[[Value], Node] | None = None) -> Node:
    """Return the node of a value that is no longer inside an expression: its objects are JSON."""
    inner = part_of or as_json_node
    if isinstance(value, Node):
        return value
    if isinstance(value, dict) and is_open(value):
        return Members(tuple((_key_node(key), inner(item)) for key, item in value.items()))
    if isinstance(value, list) and is_open(value):
        return Elements(tuple(inner(item) for item in value))
    return Literal(value)


def _key_node(key: str) -> Node:
    return getattr(key, "node", None) or Literal(key)


class Deployed(Call):
    """A reference to a nested deployment whose outputs are known already."""

    __slots__ = ("outputs",)

    def __init__(self, name: str, args: tuple[Node, ...], key: str, outputs: Value) -> None:
        super().__init__(name, args, key)
        self.outputs = outputs
