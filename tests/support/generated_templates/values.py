"""JSON of a template: values written out, with expressions and loops inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.generated_templates.chance import KINDS
from support.generated_templates.expressions import MEMBERS, expression, leaf, text

if TYPE_CHECKING:
    from support.generated_templates.chance import Chance, Names

PLAIN: dict[str, tuple[Any, ...]] = {
    "string": ("abc", "Contoso", "[[not one]", "", "a,b", "West US"),
    "int": (0, 1, 7, -2, 100),
    "bool": (True, False),
    "array": ([], ["a", "b"], [1, 2, 3], [{"name": "one", "deep": {"name": "two"}}, {"name": "three"}]),
    "object": ({}, {"name": "n", "Size": 3}, {"deep": {"name": "below", "list": [1]}, "flag": None}),
}


def value(chance: Chance, kind: str, names: Names, depth: int = 0) -> Any:
    """Return a value of a kind as a template writes it."""
    if chance.often(0.35):
        return chance.choice(PLAIN[kind])
    if depth < 2 and kind == "object" and chance.often(0.5):
        return members(chance, names, depth + 1)
    if depth < 2 and kind == "array" and chance.often(0.5):
        return [value(chance, chance.choice(KINDS), names, depth + 1) for _ in range(chance.randint(0, 3))]
    return text(chance, kind, names)


def members(chance: Chance, names: Names, depth: int = 0) -> dict[str, Any]:
    """Return an object with some members, perhaps one made by a loop."""
    made: dict[str, Any] = {}
    for name in chance.some(MEMBERS, 4):
        kind = chance.choice(KINDS)
        made[name] = None if chance.often(0.08) else value(chance, kind, names, depth)
    if chance.often(0.06):
        made[f"[concat('k', toLower({leaf(chance, 'string', names)}))]"] = value(chance, "int", names, depth)
    if chance.often(0.12):
        chance.kind("property copy")
        made["copy"] = [loop(chance, names, chance.one("turns", "list"))]
    return made


def loop(chance: Chance, names: Names, name: str, *, named: bool = True) -> dict[str, Any]:
    """Return a `copy` of a variable, a property or an output."""
    count = (
        chance.one(0, 1, 2, 3)
        if chance.often(0.7)
        else f"[{expression(chance, 'int', names.at_runtime(runtime=False))}]"
    )
    inside = names.in_loop(name)
    body = value(chance, chance.choice(KINDS), inside)
    if named and chance.often(0.5):
        body = f"[format('{{0}}-{{1}}', copyIndex('{name}'), {expression(chance, 'string', inside)})]"
    return ({"name": name} if named else {}) | {"count": count, "input": "x" if body is None else body}
