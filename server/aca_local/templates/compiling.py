"""Turns a template's JSON into syntax trees:

what needs no evaluation becomes one literal, shared by all uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from aca_local.templates.errors import AT, TemplateError, fault
from aca_local.templates.machine import wrong_result
from aca_local.templates.parser import parse
from aca_local.templates.syntax import Elements, Literal, Loop, Members, Node
from aca_local.templates.values import taken

if TYPE_CHECKING:
    from aca_local.templates.values import JSON, Value

Where = tuple[str | int, ...]


def is_expression(text: str) -> bool:
    """Tell whether a string is an expression: in brackets, and not escaped by a second one."""
    return len(text) > 1 and text[0] == "[" and text[-1] == "]" and text[1] != "["


def text_node(text: str) -> Node:
    """Compile a string: an expression, an escaped bracket or plain text. Raises TemplateError."""
    if is_expression(text):
        return parse(text[1:-1])
    if text.startswith("[[") and text.endswith("]"):
        return Literal(text[1:])
    return Literal(text)


def compile_json(value: JSON, *, loops: bool = False, where: Where = ()) -> Node:
    """Compile a part of a template; with `loops`, a `copy` array in an object stands for its loops.

    Depth is bounded by the reader of the template (`aca_local.templates.source.DEEPEST`). Raises
    TemplateError.
    """
    if isinstance(value, str):
        return text_node(value)
    if isinstance(value, dict):
        return _members(value, loops, where)
    if isinstance(value, list):
        items = [compile_json(item, loops=loops, where=(*where, at)) for at, item in enumerate(value)]
        return _joined(Elements(tuple(items)), items, value)
    return Literal(taken(value))


def _members(value: dict[str, JSON], loops: bool, where: Where) -> Node:
    pairs: list[tuple[Node, Node]] = []
    for name, item in value.items():
        if loops and name.lower() == "copy" and _whole_loops(item):
            pairs.extend(_loops(item, (*where, name)))
        else:
            pairs.append((text_node(name), compile_json(item, loops=loops, where=(*where, name))))
    return _joined(Members(tuple(pairs)), [part for pair in pairs for part in pair], value)


def _whole_loops(item: JSON) -> TypeGuard[list[dict[str, JSON]]]:
    """Tell whether a `copy` stands for loops: a list of objects with name, count and input."""
    return isinstance(item, list) and all(
        isinstance(turn, dict) and {"name", "count", "input"} <= set(map(str.lower, turn)) for turn in item
    )


def _loops(items: list[dict[str, JSON]], where: Where) -> list[tuple[Node, Node]]:
    loops = [loop_node(item, (*where, at)) for at, item in enumerate(items)]
    return [(text_node(loop.name), loop) for loop in loops]


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
    return Loop(name, compile_json(item.get("count")), inside, where, nested=nested)


def has_loop(value: JSON) -> bool:
    """Tell whether a part of a template holds a `copy` that stands for loops."""
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


def nested_loop(where: Where) -> TemplateError:
    """Say that a loop stands inside another of the same resource."""
    error = fault(
        f"The template 'copy' definition{AT} has nested copy arrays. The use of nested copy arrays is not "
        "supported.",
        "https://aka.ms/arm-resource-loops",
    )
    error.path = where
    return error


def _joined(node: Node, parts: list[Node], value: JSON) -> Node:
    """Give one literal where all parts are literals that stand for themselves."""
    if not all(isinstance(part, Literal) for part in parts):
        return node
    if isinstance(node, Members):
        return Literal({_text(key): _value(item) for key, item in node.pairs})
    return Literal([_value(part) for part in parts])


def _value(node: Node) -> Value:
    assert isinstance(node, Literal)
    return node.value


def _text(node: Node) -> str:
    assert isinstance(node, Literal)
    return str(node.value)
