"""Declared types of a template with symbolic names: definitions, nullable, variants, and values that fit or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.generated_templates.expressions import text

if TYPE_CHECKING:
    from support.generated_templates.chance import Chance, Names

Json = dict[str, Any]
DEFINITIONS: Json = {
    "pet": {
        "type": "object",
        "discriminator": {
            "propertyName": "kind",
            "mapping": {
                "cat": {"$ref": "#/definitions/cat"},
                "dog": {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string", "allowedValues": ["dog"]},
                        "age": {"type": "int"},
                    },
                },
            },
        },
    },
    "cat": {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "allowedValues": ["cat"]},
            "lives": {"type": "int", "minValue": 1, "maxValue": 9},
        },
    },
    "short": {"type": "string", "minLength": 2, "maxLength": 5},
    "level": {"type": "string", "allowedValues": ["low", "high"]},
    "sealed": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string", "nullable": True}},
        "additionalProperties": False,
    },
    "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "int"}], "items": False},
    "login": {
        "type": "object",
        "properties": {"user": {"type": "string"}, "secret": {"type": "securestring"}},
    },
    "names": {"type": "array", "items": {"$ref": "#/definitions/short"}},
    "counts": {"type": "object", "properties": {}, "additionalProperties": {"type": "int"}},
}
FITTING: dict[str, tuple[Any, ...]] = {
    "pet": ({"kind": "cat", "lives": 3}, {"kind": "dog", "age": 2}),
    "cat": ({"kind": "cat", "lives": 9},),
    "short": ("abc", "ab"),
    "level": ("low", "high"),
    "sealed": ({"a": "x"}, {"a": "x", "b": None}, {"a": "x", "b": "y"}),
    "pair": (["a", 1],),
    "login": ({"user": "u", "secret": "s"},),
    "names": (["abc", "de"], []),
    "counts": ({"a": 1, "b": 2}, {}),
}
WRONG: dict[str, tuple[Any, ...]] = {
    "pet": ({"kind": "bird"}, {"lives": 1}, {"kind": "cat", "lives": 10}, {"kind": 3}),
    "cat": ({"kind": "dog", "lives": 1}, {"kind": "cat"}),
    "short": ("a", "abcdef", 3),
    "level": ("LOW", "mid"),
    "sealed": ({"a": "x", "c": 1}, {"b": "y"}, {"a": 1}),
    "pair": (["a"], ["a", 1, 2], [1, "a"]),
    "login": ({"user": "u"}, {"user": 1, "secret": "s"}),
    "names": (["a"], [1], "abc"),
    "counts": ({"a": "x"}, {"a": None}),
}
BASE = {"short": "string", "level": "string", "pair": "array", "names": "array"}


def define(chance: Chance, template: Json) -> None:
    """Give a template definitions."""
    chance.kind("definitions")
    template["definitions"] = DEFINITIONS


def kind_of(name: str) -> str:
    """Return which kind of value a definition takes."""
    return BASE.get(name, "object")


def declaration(chance: Chance) -> tuple[str, Json]:
    """Return the name of a definition, and a declaration that refers to it."""
    name = chance.choice(list(DEFINITIONS))
    declared: Json = {"$ref": f"#/definitions/{name}"}
    if chance.often(0.2):
        chance.kind("nullable")
        declared["nullable"] = True
    return name, declared


def value_of(chance: Chance, name: str, names: Names, *, computed: bool = True) -> Any:
    """Return a value for a definition, which fits it unless chance makes it wrong."""
    if chance.often(chance.faults):
        return chance.choice(WRONG[name])
    if computed and chance.often(0.3):
        return chance.one(
            lambda: (
                f"[if({text(chance, 'bool', names)[1:-1]}, json('{_json(chance, name)}'), json('{_json(chance, name)}'))]"
            ),
            lambda: f"[json('{_json(chance, name)}')]",
            lambda: text(chance, kind_of(name), names),
        )()
    return chance.choice(FITTING[name])


def _json(chance: Chance, name: str) -> str:
    written = str(chance.choice(FITTING[name])).replace("'", '"').replace("None", "null")
    return written if written[0] in "[{" else f'"{written}"'
