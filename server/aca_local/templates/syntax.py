"""The syntax tree of the template language.

Trees are as deep as the template's author likes, so nothing here calls itself: comparing is by identity,
writing goes through a stack of its own (`aca_local.templates.writing`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_local.templates.values import Value


class Node:
    """Something to evaluate."""

    __slots__ = ()


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


def call(name: str, *args: Node) -> Call:
    """Make a call."""
    return Call(name, args, name.lower())
