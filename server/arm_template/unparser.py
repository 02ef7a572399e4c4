"""Writes syntax trees and values as the text of an expression, without calling itself."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from arm_template.dotnet.numbers import float_text
from arm_template.errors import TemplateError
from arm_template.syntax import Access, Call, Elements, Literal, Loop, Members, Prepared, Unparsable, as_node
from arm_template.values import Expression, Node

if TYPE_CHECKING:
    from arm_template.values import JSON, Value

IDENTIFIER = re.compile(r"[^\W\d]\w*")


class _Text(str):
    """Text that is already written, on the stack between nodes and values."""

    __slots__ = ()


def expression(node: Value) -> Expression:
    """Return the expression, brackets included, that a node stands for."""
    made = Expression("[" + text(node) + "]")
    made.node = as_node(node)
    return made


def text(node: Value) -> str:
    """Write a node or a value inside an expression."""
    pieces: list[str] = []
    pending: list[Value] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, _Text):
            pieces.append(item)
        elif isinstance(item, Literal):
            pending.append(item.value)
        elif isinstance(item, (Node, list, dict)):
            pending.extend(reversed(_parts(item)))
        else:
            pieces.append(_scalar(item))
    return "".join(pieces)


def _parts(  # noqa: PLR0911 - one line a kind
    item: Node | list[Value] | dict[str, Value],
) -> list[Value]:
    if isinstance(item, Call):
        return _call(item.name, list(item.args))
    if isinstance(item, list):
        return _call("createArray", item)
    if isinstance(item, dict):
        return _call(
            "createObject",
            [
                part
                for key, value in item.items()
                for part in (_Text(key[1:-1]) if isinstance(key, Expression) else key, value)
            ],
        )
    if isinstance(item, Access):
        return [item.base, *_accessor(item.key)]
    if isinstance(item, Elements):
        return _call("createArray", list(item.items))
    if isinstance(item, Members):
        return _call("createObject", [part for pair in item.pairs for part in pair])
    if isinstance(item, (Unparsable, Prepared)):
        return [_Text(item.text) if isinstance(item, Unparsable) else item.body]
    assert isinstance(item, Loop)
    return _call("copy", [item.name, item.count, item.input])


def _call(name: str, args: list[Value]) -> list[Value]:
    parts: list[Value] = [_Text(name + "(")]
    for at, arg in enumerate(args):
        if at:
            parts.append(_Text(", "))
        parts.append(arg)
    parts.append(_Text(")"))
    return parts


def _accessor(key: Node) -> list[Value]:
    name = key.value if isinstance(key, Literal) else None
    if name == "":
        raise TemplateError("Index was outside the bounds of the array.")  # the engine cannot write it
    if isinstance(name, str) and IDENTIFIER.fullmatch(name):
        return [_Text("." + name)]
    return [_Text("["), key, _Text("]")]


def _scalar(value: Value) -> str:
    if value is None:
        return "null()"
    if isinstance(value, bool):
        return "true()" if value else "false()"
    if isinstance(value, float):
        return f"json('{float_text(value)}')"
    if isinstance(value, str):
        return quoted(value)
    return str(value)


def quoted(value: str) -> str:
    """Return a text as a literal of the language."""
    return "'" + value.replace("'", "''") + "'"


def written(value: Value) -> JSON:
    """Return a value as JSON, each node in it as its expression.

    Depth is bounded by the budget of the evaluation.
    """
    if isinstance(value, Node):
        return expression(value)
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [written(item) for item in value]
    if isinstance(value, str) and not value.isascii():
        return _whole(value)
    if isinstance(value, float) and not math.isfinite(value):
        return float_text(value)
    return value


def _whole(value: str) -> str:
    """Refuse half of a surrogate pair: it cannot be sent."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise TemplateError("Cannot transcode invalid UTF-16 string to UTF-8 JSON text.") from error
    return value
