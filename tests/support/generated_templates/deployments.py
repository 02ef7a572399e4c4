"""Nested deployments: template or properties written out, from a variable, from a turn of a loop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from support.generated_templates import declared_types
from support.generated_templates.chance import KINDS, Names
from support.generated_templates.expressions import leaf, text
from support.generated_templates.resources import VERSION, extra
from support.generated_templates.values import value

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.generated_templates.chance import Chance, Target

Json = dict[str, Any]
TYPE = "Microsoft.Resources/deployments"


def deployment(
    chance: Chance,
    one: Target,
    names: Names,
    variables: Json,
    template: Callable[[Names], tuple[Json, dict[str, str]]],
) -> tuple[Target, Json]:
    """Return a nested deployment, and the target that knows its outputs.

    `template` makes the template for the names that its expressions see; `variables` takes those that hold one.
    """
    scope = chance.one("inner", "outer", None, None)
    form = chance.one("written", "written", "template", "properties", "turn", "made", "choice", "wrong")
    chance.kind(f"nested {form}")
    inside = names.in_loop(f"loop-{one.name}") if one.count is not None else names
    held = form not in ("written", "wrong")
    early = held and chance.often(0.3)
    own = scope == "inner" or (held and not early)
    body, outputs = template(
        Names(early=form != "written")
        if own
        else replace(inside, targets=(), loops=() if held else inside.loops, early=form != "written")
    )
    if (held and not early) or (own and scope != "inner" and chance.often(0.8)):
        chance.kind("escaped template")
        body = escaped(body)
    made: Json = {"type": TYPE, "apiVersion": VERSION, "name": one.name}
    if one.count is not None:
        made |= {
            "name": f"[concat('{one.name}', copyIndex())]",
            "copy": {"name": f"loop-{one.name}", "count": one.count},
        }
    if chance.often(0.15):
        number, name = leaf(chance, "int", inside), leaf(chance, "string", inside)
        made["condition"] = chance.one(
            True, False, f"[equals({number}, 1)]", f"[equals({name}, environment().name)]"
        )
    properties: Json = {"mode": "Incremental"}
    if scope:
        properties["expressionEvaluationOptions"] = {"scope": scope}
    if own or chance.often(0.1):
        properties |= _parameters(chance, body, replace(inside, targets=(), loops=()) if held else inside)
    nested = Nested(chance, one, properties, body, variables, inside)
    forms = {
        "written": nested.written, "template": nested.template, "properties": nested.whole, "turn": nested.turn,
        "made": nested.made, "choice": nested.choice, "wrong": nested.wrong,
    }  # fmt: skip
    made["properties"] = forms[form]()
    if chance.often(0.15):
        _place(chance, made)
    if chance.often(0.03) and chance.faults:
        extra(chance, made, inside)
    return replace(one, members=outputs), made


def _place(chance: Chance, made: Json) -> None:
    """Deploy elsewhere: to another group, a subscription, a management group or the tenant."""
    chance.kind("deployed elsewhere")
    other = "00000000-0000-0000-0000-000000000009"
    made |= chance.one(
        {"resourceGroup": "elsewhere"},
        {"resourceGroup": "[toLower('ELSEWHERE')]"},
        {"resourceGroup": "RG"},
        {"resourceGroup": "elsewhere", "subscriptionId": other},
        {"subscriptionId": other, "location": "westus"},
        {"subscriptionId": "[subscription().subscriptionId]", "location": "[resourceGroup().location]"},
        {"scope": "/", "location": "westus"},
        {"scope": "[tenantResourceId('Microsoft.Management/managementGroups', 'mg')]", "location": "westus"},
        {"scope": "Microsoft.Management/managementGroups/mg", "location": "westus"},
        {"location": chance.one(None, "westus", "[null()]")},
    )


def escaped(item: Any) -> Any:
    """Return JSON whose expressions are text until it is evaluated once."""
    if isinstance(item, dict):
        return {escaped(key): escaped(part) for key, part in item.items()}
    if isinstance(item, list):
        return [escaped(part) for part in item]
    return f"[{item}" if isinstance(item, str) and item.startswith("[") and item.endswith("]") else item


def _parameters(chance: Chance, body: Json, names: Names) -> Json:
    given: Json = {}
    for name, declared in body.get("parameters", {}).items():
        if "defaultValue" not in declared or chance.often(0.5):
            given[name] = _passed(chance, declared, names.at_runtime())
    if given and chance.often(0.1):
        given.popitem()
    return {"parameters": given} if given else {}


def _passed(chance: Chance, declared: Json, names: Names) -> Json:
    """Return what a nested deployment is given for a parameter: a value, at times a secret of a key vault."""
    if declared.get("type", "").startswith("secure") and chance.often(0.4):
        chance.kind("key vault")
        vault = {"id": chance.one("[resourceId('Microsoft.KeyVault/vaults', 'kv')]", "kv")}
        return {"reference": {"keyVault": vault, "secretName": text(chance, "string", names)}}
    if "$ref" in declared:
        definition = declared["$ref"].rpartition("/")[2]
        return {"value": declared_types.value_of(chance, definition, names)}
    return {"value": value(chance, declared["type"].removeprefix("secure").lower(), names)}


@dataclass(frozen=True)
class Nested:
    """A nested deployment that is being made: its properties, and the template that belongs into them."""

    chance: Chance
    one: Target
    properties: Json
    body: Json
    variables: Json
    names: Names

    @property
    def name(self) -> str:
        """The variable that holds the template."""
        return f"of-{self.one.name}"

    def with_template(self, template: Any) -> Json:
        """Return the properties with a template in them."""
        return self.properties | {"template": template}

    def written(self) -> Json | str | None:
        """Write the template out."""
        return self.with_template(self.body)

    def template(self) -> Json | str | None:
        """Let a variable hold the template."""
        self.variables[self.name] = self.body
        return self.with_template(f"[variables('{self.name}')]")

    def whole(self) -> Json | str | None:
        """Let a variable hold the properties."""
        self.variables[self.name] = self.with_template(self.body)
        return f"[variables('{self.name}')]"

    def turn(self) -> Json | str | None:
        """Let a variable hold one template, or the properties, for each turn of the loop."""
        wholes = self.chance.often(0.5)
        item = self.with_template(self.body) if wholes else self.body
        self.variables[self.name] = [item] * max(self.one.count or 1, 1)
        index = "copyIndex()" if self.one.count is not None else "0"
        found = f"[variables('{self.name}')[{index}]]"
        return found if wholes else self.with_template(found)

    def made(self) -> Json | str | None:
        """Put the template together from two variables."""
        self.variables[self.name] = {key: item for key, item in self.body.items() if key != "outputs"}
        if "outputs" not in self.body:
            return self.with_template(f"[union(variables('{self.name}'), createObject())]")
        self.variables[f"{self.name}-outputs"] = self.body["outputs"]
        outputs = f"createObject('outputs', variables('{self.name}-outputs'))"
        return self.with_template(f"[union(variables('{self.name}'), {outputs})]")

    def choice(self) -> Json | str | None:
        """Choose the template by a condition."""
        self.variables[self.name] = self.body
        condition = text(self.chance, "bool", self.names)[1:-1]
        return self.with_template(f"[if({condition}, variables('{self.name}'), variables('{self.name}'))]")

    def wrong(self) -> Json | str | None:
        """Return properties whose template is no template, or is known only at run time."""
        chance, running = self.chance, self.names.at_runtime()
        whole = self.with_template(self.body)
        self.variables[self.name] = self.body
        missing = chance.one("$schema", "resources", "contentVersion")
        choice = f"[if({text(chance, 'bool', running)[1:-1]}, variables('{self.name}'), null())]"
        return chance.one(
            lambda: self.with_template(value(chance, chance.choice(KINDS), running)),
            lambda: value(chance, chance.choice(KINDS), running),
            lambda: self.with_template(None),
            lambda: None,
            lambda: self.properties,
            dict,
            lambda: self.with_template(choice),
            lambda: (
                whole
                | {
                    "expressionEvaluationOptions": chance.one(
                        None, 3, "inner", [], {}, text(chance, "object", running)
                    )
                }
            ),
            lambda: (
                whole
                | {"expressionEvaluationOptions": {"scope": value(chance, chance.choice(KINDS[:2]), running)}}
            ),
            lambda: whole | {"expressionEvaluationOptions": {"scope": "[concat('in', 'ner')]"}},
            lambda: self.with_template(self.body | {"resources": "[createArray()]"}),
            lambda: self.with_template({key: item for key, item in self.body.items() if key != missing}),
            lambda: whole | {"templateLink": {"uri": "https://example.org/t.json"}},
            lambda: {"mode": "Incremental", "templateLink": {"uri": "https://example.org/t.json"}},
        )()
