"""Declared types of parameters, outputs and user-defined functions: what values they take.

The words are the engine's. Language version 2.0 adds `$ref` definitions, `nullable`, properties, items, and
unions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.jsontext import write_json
from aca_local.templates.syntax import Node
from aca_local.templates.utf16 import length
from aca_local.templates.values import MISSING, Value, get, key_of, same, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.templates.values import JSON

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

    `subject` opens its messages, such as "template parameter 'x'".
    """

    subject: str
    definitions: Mapping[str, JSON]

    def check(self, value: Value, declared: Declaration, path: str = "", level: int = 0) -> None:
        """Raise TemplateError where the value is not of the declared type.

        What is not known yet is taken as it is.
        """
        if isinstance(value, Node) or level > DEEPEST:
            return
        declared = self.resolved(declared)
        if value is None and declared.get("nullable") is True:
            return
        self._kind(value, declared, path)
        self._allowed(value, declared, path)
        self._bounds(value, declared, path)
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
                break
            declared = {**found, **{key: item for key, item in declared.items() if key != "$ref"}}
        return declared

    def _kind(self, value: Value, declared: Declaration, path: str) -> None:
        kinds = KINDS.get(str(declared.get("type", "")).lower(), ())
        if declared.get("nullable") is True:
            kinds = (*kinds, "Null")
        if kinds and type_name(value) not in kinds:
            raise self._bad(
                path,
                f"Expected a value of type '{', '.join(kinds)}', but received a value of type "
                f"'{type_name(value)}'.",
                FILES,
            )

    def _allowed(self, value: Value, declared: Declaration, path: str) -> None:
        allowed = declared.get("allowedValues")
        if not isinstance(allowed, list) or any(same(value, item) for item in allowed):
            return
        if isinstance(value, list) and all(any(same(part, item) for item in allowed) for part in value):
            return
        listed = ",".join(shown(item) for item in allowed)
        raise TemplateError(
            f"{self._opening(path)} The value '{shown(value)}' is not part of the allowed value(s): "
            f"'{listed}'."
        )

    def _bounds(self, value: Value, declared: Declaration, path: str) -> None:
        if isinstance(value, (str, list, dict)):
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
        unknown = [name for name in value if key_of(known, name) is None]
        if extra is False and unknown:
            listed = ", ".join(f"'{name}'" for name in unknown)
            raise self._bad(
                path,
                "The object does not allow values with properties not defined in the schema, but the "
                "following unknown "
                f"properties were present: [{listed}].",
                PARAMETERS,
            )
        if isinstance(extra, dict):
            for name in unknown:
                self.check(value[name], extra, self._below(path, name), level + 1)

    def _property(
        self, value: dict[str, Value], name: str, wanted: Declaration, path: str, level: int
    ) -> None:
        found = get(value, name)
        if found is not MISSING:
            self.check(found, wanted, self._below(path, name), level + 1)
        elif self.resolved(wanted).get("nullable") is not True:
            raise self._bad(self._below(path, name), "A value is required.", PARAMETERS)

    def _variant(self, value: dict[str, Value], declared: Declaration, path: str) -> Declaration:
        discriminator = declared.get("discriminator")
        if not isinstance(discriminator, dict):
            return declared
        name, mapping = str(discriminator.get("propertyName")), discriminator.get("mapping")
        kind = get(value, name)
        variants = mapping if isinstance(mapping, dict) else {}
        if isinstance(kind, Node) and kind is not MISSING:
            return {}
        chosen = variants.get(kind) if isinstance(kind, str) else None
        if not isinstance(chosen, dict):
            listed = ", ".join(f"'{variant}'" for variant in variants)
            raise self._bad(
                path,
                f"The value provided for the discriminator property '{name}' did not match any known "
                "variant. "
                f"Valid discriminator property values are: {listed}.",
                PARAMETERS,
            )
        return self.resolved(chosen)

    def _array(self, value: list[Value], declared: Declaration, path: str, level: int) -> None:
        prefix, items = declared.get("prefixItems"), declared.get("items")
        first = [item for item in prefix if isinstance(item, dict)] if isinstance(prefix, list) else []
        for at, wanted in enumerate(first[: len(value)]):
            self.check(value[at], wanted, f"{path}[{at}]", level + 1)
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
        return f"The provided value for the {self.subject}{path and ''} is not valid."

    def _bad(self, path: str, problem: str, page: str) -> TemplateError:
        return fault(f"{self._opening(path)} {problem}", page)


def shown(value: Value) -> str:
    """Write a value as the engine's messages do."""
    return write_json(value) if isinstance(value, (list, dict)) else "" if value is None else str(value)
