"""Turns a template's JSON into syntax trees:

what needs no evaluation becomes one literal, shared by all uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from arm_template.errors import ParseError
from arm_template.messages import wrong_result
from arm_template.parser import parse
from arm_template.syntax import (
    Access,
    Call,
    Elements,
    Literal,
    Loop,
    Members,
    Prepared,
    Repeated,
    Unparsable,
    parts_of,
)
from arm_template.values import Node, taken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arm_template.errors import Where
    from arm_template.values import JSON, Value


def is_expression(text: str) -> bool:
    """Return True if a string is an expression: in brackets, and not escaped by a second one."""
    return len(text) > 1 and text[0] == "[" and text[-1] == "]" and text[1] != "["


def escaped(text: str) -> str:
    """Write a text as a template does, in which brackets around it would mean an expression."""
    return f"[{text}" if text.startswith("[") and text.endswith("]") else text


def text_node(text: str) -> Node:
    """Compile a string: an expression, an escaped bracket or plain text. Raises TemplateError."""
    if is_expression(text):
        try:
            return parse(text[1:-1])
        except ParseError:
            return Unparsable(text[1:-1])
    if text.startswith("[[") and text.endswith("]"):
        return Literal(text[1:])
    return Literal(text)


def prepare(value: JSON, *, loops: bool = False, where: Where = ()) -> Node:
    """Compile a whole value of the template, with what the engine checks of it first. Raises TemplateError."""
    node = compile_json(value, loops=loops, where=where)
    first = tuple(_first(node))
    return Prepared(node, first) if first else node


def _first(node: Node) -> Iterator[Node]:
    """Return what is checked of a value before all of it is evaluated."""
    pending = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, (Loop, Repeated)) or _is_turn(item):
            yield item
        if isinstance(item, Access) and _is_turn(item.base):
            yield item
            continue
        parts = parts_of(item)
        if isinstance(item, Members) and (name := _repeated(item)) is not None:
            # a name that two properties have counts after the object's last loop
            last = max((at for at, part in enumerate(parts) if isinstance(part, Loop)), default=None)
            if last is not None:
                parts.insert(last + 1, Repeated(name))
        pending.extend(reversed(parts))


def _is_turn(node: Node) -> bool:
    return isinstance(node, Call) and node.key == "copyindex"


def _repeated(node: Members) -> str | None:
    """Return the first name that stands twice in an object."""
    seen: set[Value] = set()
    for key, _ in node.pairs:
        name = key.value if isinstance(key, Literal) else None
        if isinstance(name, str) and name in seen:
            return name
        seen.add(name if isinstance(name, str) else None)
    return None


def compile_json(value: JSON, *, loops: bool = False, where: Where = ()) -> Node:
    """Compile a part of a template; with `loops`, a `copy` array in an object stands for its loops.

    Depth is bounded by the reader of the template (`arm_template.source_positions.DEEPEST`). Raises
    TemplateError.
    """
    if isinstance(value, str):
        return text_node(value)
    if isinstance(value, dict):
        return _members(value, loops, where)
    if isinstance(value, list):
        items = [compile_json(item, loops=loops, where=(*where, at)) for at, item in enumerate(value)]
        return _joined(Elements(tuple(items)), items)
    return Literal(taken(value))


def _members(value: dict[str, JSON], loops: bool, where: Where) -> Node:
    pairs: list[tuple[Node, Node]] = []
    for name, item in value.items():
        if loops and name.lower() == "copy" and _whole_loops(item):
            loops_of = (loop_node(one, (*where, name, at)) for at, one in enumerate(item))
            pairs.extend((text_node(loop.name), loop) for loop in loops_of)
        else:
            pairs.append((text_node(name), compile_json(item, loops=loops, where=(*where, name))))
    return _joined(Members(tuple(pairs)), [part for pair in pairs for part in pair])


def _whole_loops(item: JSON) -> TypeGuard[list[dict[str, JSON]]]:
    """Return True if a `copy` stands for loops: a list of objects with name, count and input."""
    return isinstance(item, list) and all(
        isinstance(turn, dict) and {"name", "count", "input"} <= set(map(str.lower, turn)) for turn in item
    )


def loop_node(item: dict[str, JSON], where: Where, *, loops: bool = True) -> Loop:
    """Compile one `copy`: its name, count and input. Raises TemplateError.

    With `loops`, a `copy` inside the input stands for its loops: the engine runs them before it refuses them.
    """
    item = {name.lower(): part for name, part in item.items()}
    name, body = item.get("name", ""), item.get("input")
    if not isinstance(name, str):
        raise wrong_result(taken(name), "String")
    nested = loops and has_loop(body)
    inside = compile_json(body, loops=nested, where=(*where, "input"))
    count = prepare(item.get("count"))
    return Loop(name, count, inside, where, nested=nested, first=tuple(_first(inside)))


def has_loop(value: JSON) -> bool:
    """Return True if a part of a template holds a `copy` that stands for loops."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if any(key.lower() == "copy" and _whole_loops(inside) for key, inside in item.items()):
                return True
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False


def _joined(node: Node, parts: list[Node]) -> Node:
    """Return one literal where all parts are literals that stand for themselves."""
    if not all(isinstance(part, Literal) for part in parts):
        return node
    if isinstance(node, Members):
        return Literal({str(_value(key)): _value(item) for key, item in node.pairs})
    return Literal([_value(part) for part in parts])


def _value(node: Node) -> Value:
    assert isinstance(node, Literal)
    return node.value
