"""``templateHash`` as Azure computes it: Murmur of the template in upper case, its members in one order.

Found out from recorded deployments and from what Bicep writes into ``metadata._generator.templateHash``,
which is the same number (``test_template_hash.py`` holds both against this). A template with ``definitions``
gets a number that is as steady, but not Azure's: the order inside types is not known.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from arm_template.hashing import murmur64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.state import JsonObject

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
    "identity", "extendedLocation", "properties", "subscriptionId", "resourceGroup", "scope", "condition",
)  # fmt: skip


def template_hash(template: JsonObject) -> str:
    """Return the number of a template, as its deployments show it."""
    text = json.dumps(_canonical(template), separators=(",", ":"), ensure_ascii=False)
    # letter by letter: the service's upper case never makes two of one
    upper = "".join(one if len(high := one.upper()) != 1 else high for one in text)
    return str(murmur64(upper.encode("utf-8", "surrogatepass")))


def _canonical(template: JsonObject) -> JsonObject:
    ordered: JsonObject = _ordered(template, _TEMPLATE)
    for section, order in (("parameters", _PARAMETER), ("outputs", _OUTPUT)):
        if isinstance(ordered.get(section), dict):
            ordered[section] = {name: _ordered(one, order) for name, one in ordered[section].items()}
    if "resources" in ordered:
        ordered["resources"] = _resources(ordered["resources"])
    metadata = ordered.get("metadata")
    if isinstance(metadata, dict) and isinstance(generator := metadata.get("_generator"), dict):
        # Bicep writes the hash into the very text that it is of
        unhashed = {key: one for key, one in generator.items() if key != "templateHash"}
        ordered["metadata"] = {**metadata, "_generator": unhashed}
    return ordered


def _resources(resources: Any) -> Any:
    if isinstance(resources, dict):
        return {name: _ordered(one, _RESOURCE) for name, one in resources.items()}
    if isinstance(resources, list):
        return [_ordered(one, _RESOURCE) for one in resources]
    return resources


def _ordered(value: Any, order: Sequence[str]) -> Any:
    if not isinstance(value, dict):
        return value
    known = {key: value[key] for key in order if key in value}
    return known | {key: one for key, one in value.items() if key not in known}
