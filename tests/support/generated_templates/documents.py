"""Whole documents: a template and the parameters that it is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from support.generated_templates import declared_types, deployments, resources
from support.generated_templates.chance import KINDS, Chance, Names, Target
from support.generated_templates.expressions import text
from support.generated_templates.values import loop, value

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
TO_SUBSCRIPTION = (
    "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"
)
Json = dict[str, Any]
FAULTS = (0.0, 0.0, 0.0, 0.02, 0.05, 0.15)


@dataclass(frozen=True)
class Document:
    """A template, the values of its parameters, and the kinds of things in it."""

    name: str
    template: Json
    parameters: Json
    kinds: frozenset[str]


def document(seed: str, number: int) -> Document:
    """Return one document; the same seed and number make the same."""
    chance = Chance(f"{seed}/{number}")
    chance.faults = chance.choice(FAULTS)
    template, given = _template(chance, Names(), top=True)
    if chance.often(0.08):
        chance.kind("to the subscription")
        template = _without_groups({**template, "$schema": TO_SUBSCRIPTION})
    return Document(f"{seed}/{number}", template, given, frozenset(chance.kinds))


def _without_groups(item: Any) -> Any:
    """Return a template in which most of what asks for the group asks for the subscription."""
    if isinstance(item, dict):
        return {key: _without_groups(part) for key, part in item.items()}
    if isinstance(item, list):
        return [_without_groups(part) for part in item]
    if not isinstance(item, str):
        return item
    named = item.replace("resourceGroup().location", "deployment().location")
    return named.replace("resourceGroup().name", "subscription().subscriptionId").replace(
        "resourceGroup().id", "subscription().id"
    )


def _template(chance: Chance, outer: Names, *, top: bool, level: int = 0) -> tuple[Json, Json]:
    """Return a template and values for its parameters. `outer` are the names of the template around."""
    made: Json = {"$schema": SCHEMA, "contentVersion": "1.0.0.0"}
    symbolic = chance.often(0.5)
    if symbolic:
        made["languageVersion"] = "2.0"
        chance.kind("symbolic names")
        if chance.often(0.3):
            declared_types.define(chance, made)
    if chance.often(0.1):
        chance.kind("metadata")
        made["metadata"] = {"author": "us", "list": [1]}
    names = replace(outer, symbolic=symbolic)
    given: Json = {}
    if chance.often(0.6):
        names = _with_functions(chance, made, names)
    if chance.often(0.7):
        names, given = _with_parameters(chance, made, names, symbolic=symbolic, top=top)
    if chance.often(0.7):
        names = _with_variables(chance, made, names)
    names = _with_resources(chance, made, names, level)
    if chance.often(0.8):
        _add_outputs(chance, made, names)
    return made, given


def _with_functions(chance: Chance, made: Json, names: Names) -> Names:
    members: Json = {}
    for at in range(chance.randint(1, 2)):
        output, kinds = chance.choice(KINDS), [chance.choice(KINDS) for _ in range(chance.randint(0, 2))]
        inside = Names(
            parameters={f"arg{n}": kind for n, kind in enumerate(kinds)}, functions=names.functions
        )
        members[f"f{at}"] = {
            "parameters": [{"name": f"arg{n}", "type": kind} for n, kind in enumerate(kinds)],
            "output": {"type": output, "value": text(chance, output, inside)},
        }
        if "definitions" in made and chance.often(0.4):
            _type_function(chance, members[f"f{at}"])
        names = replace(names, functions={**names.functions, f"our.f{at}": (tuple(kinds), output)})
    made["functions"] = [{"namespace": "our", "members": members}]
    return names


def _type_function(chance: Chance, function: Json) -> None:
    """Declare a parameter or the answer of a function by a definition."""
    chance.kind("typed function")
    name, declared = declared_types.declaration(chance)
    if function["parameters"] and chance.often(0.5):
        function["parameters"][0] = {"name": "arg0"} | declared
    else:
        known = Names(parameters={item["name"]: "any" for item in function["parameters"]})
        function["output"] = declared | {"value": declared_types.value_of(chance, name, known)}


def _with_parameters(
    chance: Chance, made: Json, names: Names, *, symbolic: bool, top: bool
) -> tuple[Names, Json]:
    declared: Json = {}
    given: Json = {}
    kinds: dict[str, str] = {}
    for at in range(chance.randint(1, 4)):
        kind = chance.choice(KINDS)
        name = f"p{at}"
        known = Names(parameters=dict(kinds), functions=names.functions)
        if "definitions" in made and chance.often(0.4):
            kinds[name] = _typed_parameter(chance, name, declared, given if top else {}, known)
            continue
        declared[name] = _parameter(chance, kind, known, symbolic=symbolic)
        kinds[name] = kind
        if top and chance.often(0.4):
            given[name] = _given(chance, kind)
        if "defaultValue" not in declared[name] and name not in given and (top or chance.often(0.5)):
            declared[name]["defaultValue"] = value(chance, kind, known)
    made["parameters"] = declared
    return replace(names, parameters={**names.parameters, **kinds}), given


def _typed_parameter(chance: Chance, name: str, declared: Json, given: Json, names: Names) -> str:
    """Declare a parameter by a definition, and return the kind of its values."""
    chance.kind("typed parameter")
    definition, one = declared_types.declaration(chance)
    kind = declared_types.kind_of(definition)
    if not one.get("nullable") and chance.often(0.6):
        one["defaultValue"] = declared_types.value_of(chance, definition, names)
    elif chance.often(0.9):
        given[name] = chance.choice(declared_types.FITTING[definition])
    declared[name] = one
    return "any" if one.get("nullable") else kind


def _given(chance: Chance, kind: str) -> Any:
    options: Json = {
        "string": ["abc", "Some", "x-y"],
        "int": [1, 5, 9],
        "bool": [True, False],
        "array": [["a"], [1, 2], []],
        "object": [{}, {"name": "n"}, {"deep": {"list": [1]}}],
    }
    return chance.choice(options[kind])


def _parameter(chance: Chance, kind: str, names: Names, *, symbolic: bool) -> Json:
    declared: Json = {"type": kind}
    if chance.often(0.08) and kind in ("string", "object"):
        chance.kind("secret")
        declared["type"] = f"secure{kind.capitalize()}"
    if chance.often(0.7):
        declared["defaultValue"] = value(chance, kind, names)
    if chance.often(0.12):
        chance.kind("constraint")
        declared |= _constraint(chance, kind, symbolic=symbolic)
    return declared


def _constraint(chance: Chance, kind: str, *, symbolic: bool) -> Json:
    if symbolic and kind == "object" and chance.often(0.8):
        property_type = {"type": chance.choice(KINDS)} | ({"nullable": True} if chance.often(0.5) else {})
        return {"properties": {"name": property_type}} | (
            {"additionalProperties": chance.one(False, {"type": "string"})} if chance.often(0.3) else {}
        )
    if symbolic and kind == "array" and chance.often(0.8):
        return chance.one(
            {"items": {"type": chance.choice(KINDS)}},
            {"prefixItems": [{"type": "string"}], "items": {"type": "int"}},
        )
    if kind in ("string", "array"):
        return chance.one({"minLength": 1}, {"maxLength": 3}, {"minLength": 2, "maxLength": 20})
    if kind == "int":
        return chance.one({"minValue": 1}, {"maxValue": 8}, {"allowedValues": [1, 5, 9]})
    return {}


def _with_variables(chance: Chance, made: Json, names: Names) -> Names:
    variables: Json = {}
    kinds: dict[str, str] = {}
    for at in range(chance.randint(1, 4)):
        kind = chance.choice(KINDS)
        known = replace(names, variables=dict(kinds), targets=(), runtime=False)
        if chance.often(0.15):
            chance.kind("variable copy")
            variables.setdefault("copy", []).append(loop(chance, known, f"v{at}"))
            kind = "array"
        else:
            variables[f"v{at}"] = value(chance, kind, known)
        kinds[f"v{at}"] = kind
    made["variables"] = variables
    return replace(names, variables={**names.variables, **kinds})


def _with_resources(chance: Chance, made: Json, names: Names, level: int) -> Names:
    found: list[tuple[Target, Json]] = []
    plans = [
        resources.target(
            chance, at, symbolic=names.symbolic, deployment=chance.often(0.35 if level == 0 else 0.15)
        )
        for at in range(chance.randint(0, 4 if level == 0 else 2))
    ]
    for at, one in enumerate(plans):
        near = replace(
            names, targets=tuple(chance.some([*plans[at + 1 :], *(target for target, _ in found)], 3))
        )
        if one.deployment and level < 2:
            variables = made.setdefault("variables", {})
            found.append(
                deployments.deployment(chance, one, near, variables, lambda seen: _inner(chance, seen, level))
            )
        elif names.symbolic and chance.often(0.12):
            found.append(resources.existing(chance, at))
        else:
            found.append(resources.described(chance, one, near))
            if chance.often(0.1):
                resources.child(chance, one, found[-1][1], near)
    made["resources"] = (
        {str(target.symbol): item for target, item in found}
        if names.symbolic
        else [item for _, item in found]
    )
    return replace(names, targets=tuple(target for target, _ in found))


def _inner(chance: Chance, seen: Names, level: int) -> tuple[Json, dict[str, str]]:
    made, _ = _template(chance, seen, top=False, level=level + 1)
    return made, dict.fromkeys(made.get("outputs", {}), "any")


def _add_outputs(chance: Chance, made: Json, names: Names) -> None:
    outputs: Json = {}
    running = names.at_runtime()
    for at in range(chance.randint(1, 3)):
        kind = chance.choice(KINDS)
        if chance.often(0.15):
            chance.kind("output copy")
            outputs[f"o{at}"] = {"type": "array", "copy": loop(chance, running, f"o{at}", named=False)}
        elif "definitions" in made and chance.often(0.3):
            chance.kind("typed output")
            definition, declared = declared_types.declaration(chance)
            outputs[f"o{at}"] = declared | {"value": declared_types.value_of(chance, definition, running)}
        else:
            outputs[f"o{at}"] = {"type": kind, "value": value(chance, kind, running)}
            if chance.often(0.05) and kind in ("string", "object"):
                chance.kind("secret output")
                outputs[f"o{at}"]["type"] = f"secure{kind.capitalize()}"
            elif names.symbolic and chance.often(0.08):
                outputs[f"o{at}"] |= {"nullable": True} | chance.one(
                    {}, {"value": "[null()]"}, {"value": None}
                )
        if chance.often(0.1):
            outputs[f"o{at}"]["condition"] = chance.one(True, False, text(chance, "bool", names))
    made["outputs"] = outputs
