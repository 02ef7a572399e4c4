"""``templateHash`` as Azure computes it: Murmur of the template in upper case, its members in one order.

Found out from recorded deployments and from what Bicep writes into ``metadata._generator.templateHash``,
which is the same number (``test_template_hash.py`` holds both against this). A template with ``definitions``
gets a number that is as steady, but not Azure's: the order inside types is not known.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aca_local.templates.hashing import murmur64

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aca_local.state import JSON, JsonObject

_TEMPLATE = (
    "$schema", "languageVersion", "contentVersion", "definitions", "parameters", "variables", "functions",
    "resources", "outputs", "metadata",
)  # fmt: skip
_PARAMETER = (
    "nullable", "defaultValue", "allowedValues", "minValue", "maxValue", "minLength", "maxLength", "type",
    "metadata",
)  # fmt: skip
_OUTPUT = ("copy", "type", "value", "metadata")
_RESOURCE = (
    "copy", "type", "apiVersion", "name", "existing", "location", "dependsOn", "plan", "tags", "sku", "kind",
    "identity", "extendedLocation", "properties", "scope", "condition",
)  # fmt: skip


def template_hash(template: JsonObject) -> str:
    """The number of a template, as its deployments tell it."""
    text = json.dumps(_canonical(template), separators=(",", ":"), ensure_ascii=False)
    return str(murmur64(_upper(text).encode("utf-8", "surrogatepass")))


def _canonical(template: JsonObject) -> JsonObject:
    ordered: JsonObject = _ordered(template, _TEMPLATE)
    for section, order in (("parameters", _PARAMETER), ("outputs", _OUTPUT)):
        if isinstance(ordered.get(section), dict):
            ordered[section] = {name: _ordered(one, order) for name, one in ordered[section].items()}
    if "resources" in ordered:
        ordered["resources"] = _resources(ordered["resources"])
    if isinstance(ordered.get("metadata"), dict):
        ordered["metadata"] = _without_hash(ordered["metadata"])
    return ordered


def _resources(resources: JSON) -> JSON:
    if isinstance(resources, dict):
        return {name: _ordered(one, _RESOURCE) for name, one in resources.items()}
    if isinstance(resources, list):
        return [_ordered(one, _RESOURCE) for one in resources]
    return resources


def _without_hash(metadata: Mapping[str, JSON]) -> JsonObject:
    """Bicep writes the number into the very text that it is of."""
    generator = metadata.get("_generator")
    if not isinstance(generator, dict):
        return dict(metadata)
    return {**metadata, "_generator": {key: one for key, one in generator.items() if key != "templateHash"}}


def _ordered(value: JSON, order: Sequence[str]) -> JSON:
    if not isinstance(value, dict):
        return value
    known = {key: value[key] for key in order if key in value}
    return known | {key: one for key, one in value.items() if key not in known}


def _upper(text: str) -> str:
    """Upper case, letter by letter: the service's never makes two of one."""
    return "".join(one if len(high := one.upper()) != 1 else high for one in text)
