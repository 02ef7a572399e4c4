"""What a template declares that it takes, for whoever must ask for it before the template is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arm_template.values import find_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template.values import JSON

SECURE = ("securestring", "secureobject")


@dataclass(frozen=True)
class DeclaredParameter:
    """A parameter as the template declares it.

    `default` is the JSON that is written there, expressions not evaluated; None where there is none.
    """

    name: str
    type: str
    required: bool
    default: JSON
    allowed: tuple[JSON, ...]
    description: str

    @property
    def secure(self) -> bool:
        """Whether its value is a secret."""
        return self.type.lower() in SECURE


def declared_parameters(template: Mapping[str, JSON]) -> dict[str, DeclaredParameter]:
    """Return the parameters that a template declares, in order, by their names as written there."""
    section = _member(template, "parameters")
    pairs = section.items() if isinstance(section, dict) else ()
    return {name: _declared(name, item) for name, item in pairs if isinstance(item, dict)}


def missing_parameters(template: Mapping[str, JSON], parameters: Mapping[str, JSON]) -> list[str]:
    """Return the names of all parameters that must be given and are not; their case does not matter."""
    missing = []
    for one in declared_parameters(template).values():
        item = _member(parameters, one.name)
        given = isinstance(item, dict) and (item.get("value") is not None or "reference" in item)
        if one.required and not given:
            missing.append(one.name)
    return missing


def _declared(name: str, item: Mapping[str, JSON]) -> DeclaredParameter:
    allowed, metadata = _member(item, "allowedValues"), _member(item, "metadata")
    return DeclaredParameter(
        name=name,
        type=str(_member(item, "type") or "object"),
        required=find_key(item, "defaultValue") is None and _member(item, "nullable") is not True,
        default=_member(item, "defaultValue"),
        allowed=tuple(allowed) if isinstance(allowed, list) else (),
        description=str(_member(metadata, "description") or "") if isinstance(metadata, dict) else "",
    )


def _member(item: Mapping[str, JSON], name: str) -> JSON:
    key = find_key(item, name)
    return None if key is None else item[key]
