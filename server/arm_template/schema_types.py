"""Declared types of parameters, outputs and user-defined functions: what values they take.

The words are the engine's. Language version 2.0 adds `$ref` definitions, `nullable`, properties, items, and
unions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arm_template.compiling import escaped
from arm_template.dotnet.utf16 import length
from arm_template.errors import TemplateError, Unsupported, fault
from arm_template.messages import NO_LITERAL, wrong_result
from arm_template.syntax import Access, Literal
from arm_template.unparser import expression, quoted
from arm_template.values import (
    MISSING,
    Expression,
    Node,
    Value,
    find_key,
    get,
    has_open_key,
    is_open,
    same,
    taken,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template.values import JSON

Declaration = dict[str, "JSON"]
PARAMETERS = "https://aka.ms/arm-syntax-parameters"
FILES = "https://aka.ms/arm-create-parameter-file"
KINDS: Mapping[str, tuple[str, ...]] = {
    "string": ("String", "Uri"),
    "securestring": ("String", "Uri"),
    "int": ("Integer",),
    "bool": ("Boolean",),
    "object": ("Object",),
    "secureobject": ("Object",),
    "array": ("Array",),
}
DEEPEST = 200


@dataclass(frozen=True)
class Checker:
    """Checks values of one parameter or output.

    `subject` opens its messages, such as "template parameter 'x'". A `preview` must know which variant of a type it has.
    """

    subject: str
    definitions: Mapping[str, JSON]
    preview: bool = False

    def check(self, value: Value, declared: Declaration, path: str = "", level: int = 0) -> None:
        """Raise TemplateError where the value is not of the declared type.

        What is not known yet is taken as it is; how many there are of it is checked.
        """
        if isinstance(value, Node) or level > DEEPEST:
            return
        declared = self.resolved(declared)
        if value is None and declared.get("nullable") is True:
            return
        if not is_open(value):
            self._allowed(value, declared, path)
        self._bounds(value, declared, path)
        self._kind(value, declared, path)
        if isinstance(value, dict):
            self._object(value, declared, path, level)
        elif isinstance(value, list):
            self._array(value, declared, path, level)

    def resolved(self, declared: Declaration) -> Declaration:
        """Follow `$ref`; what stands beside it wins."""
        seen: set[str] = set()
        while isinstance(ref := declared.get("$ref"), str) and ref not in seen:
            seen.add(ref)
            found = self.definitions.get(
                ref.removeprefix("#/definitions/").replace("~1", "/").replace("~0", "~")
            )
            if not isinstance(found, dict):
                raise TemplateError(f"Invalid reference encountered. '{ref}' not found in template.")
            declared = {**found, **{key: item for key, item in declared.items() if key != "$ref"}}
        return declared

    def _kind(self, value: Value, declared: Declaration, path: str) -> None:
        kinds = KINDS.get(str(declared.get("type", "")).lower(), ())
        if kinds and declared.get("nullable") is True:
            kinds = (*kinds, "Null")
        if kinds and type_name(value) not in kinds:
            raise self._bad(
                path,
                f"Expected a value of type '{', '.join(kinds)}', but received a value of type '{type_name(value)}'.",
                FILES,
            )

    def _allowed(self, value: Value, declared: Declaration, path: str) -> None:
        """Check against `allowedValues`: of an array each element, unless whole arrays are allowed."""
        allowed = declared.get("allowedValues")
        if not isinstance(allowed, list) or not allowed:
            return
        each = str(declared.get("type")).lower() == "array" and not any(isinstance(i, list) for i in allowed)
        if each and value is not None and not isinstance(value, list):
            raise wrong_result(value, "Array")
        parts = value if each and isinstance(value, list) else [value]
        if all(any(same(part, taken(item)) for item in allowed) for part in parts):
            return
        listed = ",".join(allowed_text(taken(item)) for item in allowed)
        raise TemplateError(
            f"{self._opening(path)} The value '{refused_text(value)}' is not part of the allowed value(s): '{listed}'."
        )

    def _bounds(self, value: Value, declared: Declaration, path: str) -> None:
        if isinstance(value, (str, list)):
            size = length(value) if isinstance(value, str) else len(value)
            self._bound(size, declared, path, ("minLength", "maxLength"), "Length of the value")
        elif type(value) is int:
            self._bound(value, declared, path, ("minValue", "maxValue"), "Value")

    def _bound(self, size: int, declared: Declaration, path: str, names: tuple[str, str], what: str) -> None:
        least, most = declared.get(names[0]), declared.get(names[1])
        if type(least) is int and size < least:
            raise self._bad(path, f"{what} should be greater than or equal to '{least}'.", PARAMETERS)
        if type(most) is int and size > most:
            raise self._bad(path, f"{what} should be less than or equal to '{most}'.", PARAMETERS)

    def _object(self, value: dict[str, Value], declared: Declaration, path: str, level: int) -> None:
        declared = self._variant(value, declared, path)
        properties = declared.get("properties")
        known = properties if isinstance(properties, dict) else {}
        for name, wanted in known.items():
            if isinstance(wanted, dict):
                self._property(value, name, wanted, path, level)
        extra = declared.get("additionalProperties")
        named = [
            name for name, item in value.items() if item is not None and not isinstance(name, Expression)
        ]
        unknown = [name for name in named if find_key(known, name) is None]
        if extra is False and unknown:
            listed = ", ".join(quoted(name) for name in unknown)
            raise self._bad(
                path,
                f"The object does not allow values with properties not defined in the schema, but the following unknown properties were present: [{listed}].",
                PARAMETERS,
            )
        if isinstance(extra, dict):
            for name in unknown:
                self.check(value[name], extra, self._below(path, name), level + 1)

    def _property(
        self, value: dict[str, Value], name: str, wanted: Declaration, path: str, level: int
    ) -> None:
        found = get(value, name)
        missing = found is MISSING or found is None
        if missing and has_open_key(value):
            return  # a name that is not known yet may be this one
        if missing and self.resolved(wanted).get("nullable") is not True:
            raise self._bad(
                path,
                f"A non-null value for the property '{name}' must be provided, but the property was null or missing.",
                PARAMETERS,
            )
        if found is not MISSING:
            self.check(found, wanted, self._below(path, name), level + 1)

    def _variant(self, value: dict[str, Value], declared: Declaration, path: str) -> Declaration:
        discriminator = declared.get("discriminator")
        if not isinstance(discriminator, dict):
            return declared
        name, mapping = str(discriminator.get("propertyName")), discriminator.get("mapping")
        kind = get(value, name)
        variants = mapping if isinstance(mapping, dict) else {}
        if kind is MISSING or kind is None:
            raise self._bad(
                path, f"No value was provided for the discriminator property '{name}'.", PARAMETERS
            )
        if isinstance(kind, Node) and self.preview:
            raise Unsupported(NO_LITERAL)
        if isinstance(kind, Node):
            return {}
        if not isinstance(kind, str):
            raise self._bad(
                path,
                f"The value provided for the discriminator property '{name}' was of type '{type_name(kind)}', but a string was expected.",
                PARAMETERS,
            )
        chosen = variants.get(find_key(variants, kind) or "")
        if not isinstance(chosen, dict):
            listed = ",".join(f"'{variant}'" for variant in variants)
            raise self._bad(
                path,
                f"The value provided for the discriminator property '{name}' did not match any known variant. Valid discriminator property values are: {listed}.",
                PARAMETERS,
            )
        return self.resolved(chosen)

    def _array(self, value: list[Value], declared: Declaration, path: str, level: int) -> None:
        prefix, items = declared.get("prefixItems"), declared.get("items")
        first = [item for item in prefix if isinstance(item, dict)] if isinstance(prefix, list) else []
        for at, wanted in enumerate(first[: len(value)]):
            self.check(value[at], wanted, f"{path}[{at}]", level + 1)
        if len(value) < len(first):
            raise self._bad(
                path,
                f"All elements of an array prefix are required, but no value was provided at index {len(value)}.",
                PARAMETERS,
            )
        if items is False and len(value) > len(first):
            raise self._bad(
                path,
                f"The array expects exactly {len(first)} item(s), but additional items were present.",
                PARAMETERS,
            )
        if isinstance(items, dict):
            for at in range(len(first), len(value)):
                self.check(value[at], items, f"{path}[{at}]", level + 1)

    def _below(self, path: str, name: str) -> str:
        return f"{path}.{name}"

    def _opening(self, path: str) -> str:
        """Name the subject; below a parameter or an output, the path to the value belongs to its name."""
        subject = self.subject
        if path and subject.startswith("output of"):
            subject = f"'{path}' property of the {subject}"
        elif path:
            subject = subject.replace("'", f"{path}'", 2).replace(f"{path}'", "'", 1)
        return f"The provided value for the {subject} is not valid."

    def _bad(self, path: str, problem: str, page: str) -> TemplateError:
        return fault(f"{self._opening(path)} {problem}", page)


def allowed_text(value: Value) -> str:
    """Write an allowed value as the engine's messages do."""
    if isinstance(value, (list, dict)):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return "" if value is None else str(value)


def refused_text(value: Value) -> str:
    """Write a value that is not allowed as the engine's messages do:

    text as it is, all else as an expression.
    """
    return escaped(value) if isinstance(value, str) else expression(value)


SECRET = ("securestring", "secureobject")


def hidden(value: Value, declared: Declaration, checker: Checker, node: Node, level: int = 0) -> Value:
    """Put an expression in the place of everything in a value that its type declares secret, as a snapshot
    does."""
    declared = checker.resolved(declared)
    if value is None or level > DEEPEST:
        return value
    if str(declared.get("type", "")).lower() in SECRET:
        return node
    if isinstance(value, dict):
        return _hidden_members(value, declared, checker, node, level)
    if isinstance(value, list):
        return _hidden_items(value, declared, checker, node, level)
    return value


def _hidden_members(
    value: dict[str, Value], declared: Declaration, checker: Checker, node: Node, level: int
) -> Value:
    variant = _known_variant(value, declared, checker)
    properties, extra = variant.get("properties"), variant.get("additionalProperties")
    known = properties if isinstance(properties, dict) else {}
    made: dict[str, Value] = {}
    for name, item in value.items():
        wanted = known.get(find_key(known, name) or "", extra)
        inside = wanted if isinstance(wanted, dict) else {}
        made[name] = hidden(item, inside, checker, Access(node, Literal(name)), level + 1)
    return made


def _hidden_items(
    value: list[Value], declared: Declaration, checker: Checker, node: Node, level: int
) -> Value:
    prefix, extra = declared.get("prefixItems"), declared.get("items")
    made: list[Value] = []
    for at, item in enumerate(value):
        wanted = prefix[at] if isinstance(prefix, list) and at < len(prefix) else extra
        inside = wanted if isinstance(wanted, dict) else {}
        made.append(hidden(item, inside, checker, Access(node, Literal(at)), level + 1))
    return made


def _known_variant(value: dict[str, Value], declared: Declaration, checker: Checker) -> Declaration:
    discriminator = declared.get("discriminator")
    if not isinstance(discriminator, dict):
        return declared
    mapping, kind = discriminator.get("mapping"), get(value, str(discriminator.get("propertyName")))
    chosen = mapping.get(kind) if isinstance(mapping, dict) and isinstance(kind, str) else None
    return checker.resolved(chosen) if isinstance(chosen, dict) else declared
