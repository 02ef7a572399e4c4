"""No text, template or parameters file gives anything but a value or a TemplateError, within a budget."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from arm_template import Scope, TemplateError, evaluate, resolve, snapshot
from arm_template.budget import Budget
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from arm_template import JSON, Plan

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
SCOPE = Scope("t", "00000000-0000-0000-0000-000000000001", "rg", "westus", "main")
NAMES = [
    "concat",
    "createArray",
    "createObject",
    "union",
    "map",
    "filter",
    "reduce",
    "sort",
    "range",
    "split",
    "join",
    "replace",
    "string",
    "json",
    "if",
    "and",
    "or",
    "coalesce",
    "tryGet",
    "first",
    "take",
    "skip",
    "items",
    "flatten",
    "format",
    "base64",
    "uniqueString",
    "length",
    "parameters",
    "variables",
    "reference",
    "listKeys",
    "copyIndex",
    "resourceId",
    "lambda",
    "lambdaVariables",
    "cidrSubnet",
    "dateTimeAdd",
    "padLeft",
    "uri",
    "nope",
]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


class Cloud:
    """A running cloud that answers anything."""

    def reference(self, resource_id: str, api_version: str | None, full: bool) -> JSON:
        return {"id": resource_id, "a": [1, {"b": None}]}

    def list_call(self, function: str, resource_id: str, api_version: str, body: JSON | None) -> JSON:
        return {"keys": [{"value": "k"}]}


def template(**sections: JSON) -> dict[str, JSON]:
    """Make a template of these sections."""
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [], **sections}


def small() -> Budget:
    """Give a budget that a test can wait for."""
    return Budget(steps=50_000, size=2_000_000)


def attempt(text: str | dict[str, JSON], parameters: dict[str, JSON] | None = None) -> Plan | None:
    """Evaluate in every mode and write what comes out: a value or a TemplateError, nothing else."""
    plan = None
    for preview in (False, True):
        with suppress(TemplateError):
            plan = evaluate(text, parameters or {}, SCOPE, preview=preview, budget=small())
            json.dumps(snapshot(plan), allow_nan=False).encode()
            for output in plan.outputs.values():
                resolve(output.value, plan, Cloud(), budget=small())
    return plan


def output(expression: str) -> dict[str, JSON]:
    """Make a template with one output."""
    return template(outputs={"o": {"type": "object", "value": {"v": expression}}})


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
atoms = st.one_of(
    st.text(alphabet="ab'{}[]0:%~é😀", max_size=6).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.integers(-(2**64), 2**64).map(str),
    st.sampled_from(
        ["true()", "null()", "json('1e400')", "json('[1.5]')", "reference('x').y", "resourceGroup()"]
    ),
)
calls = st.recursive(
    atoms,
    lambda inner: st.builds(
        lambda name, args, tail: f"{name}({', '.join(args)}){tail}",
        st.sampled_from(NAMES),
        st.lists(inner, max_size=4),
        st.sampled_from(["", ".a", "[0]", "['k']"]),
    ),
    max_leaves=12,
)


@QUICK
@given(st.text())
def test_any_text_as_a_template(text: str) -> None:
    attempt(text)


@QUICK
@given(st.text(max_size=60))
def test_any_text_as_an_expression(text: str) -> None:
    attempt(output(f"[{text}]"))


@QUICK
@given(calls)
def test_any_calls_as_an_expression(expression: str) -> None:
    attempt(output(f"[{expression}]"))


@QUICK
@given(
    st.dictionaries(
        st.sampled_from(["resources", "outputs", "variables", "parameters", "functions"]), anything
    )
)
def test_any_json_as_the_sections_of_a_template(sections: dict[str, JSON]) -> None:
    attempt(template(**sections))


@QUICK
@given(
    st.dictionaries(
        st.sampled_from(
            ["name", "type", "apiVersion", "copy", "condition", "scope", "dependsOn", "properties", "tags"]
        ),
        anything,
    )
)
def test_any_json_as_a_resource(members: dict[str, JSON]) -> None:
    whole: dict[str, JSON] = {"type": "A.B/c", "apiVersion": "1", "name": "n", **members}
    attempt(template(resources=[whole]))


@QUICK
@given(st.dictionaries(st.sampled_from(["p", "q", ""]), anything))
def test_any_json_as_parameters(given: dict[str, JSON]) -> None:
    attempt(template(parameters={"p": {"type": "object"}}), given)


BOMBS = {
    "deep calls": output("[" + "array(" * 4000 + "1" + ")" * 4000 + "]"),
    "deep ifs on what is not known": output("[" + "if(reference('x').y, " * 800 + "1" + ", 2)" * 800 + "]"),
    "deep indexes": output("[createObject('a', 1)" + "[string('a')" * 2000 + "]" * 2000 + "]"),
    "deep lambdas": output(
        "[" + "map(range(0, 2), lambda('x', " * 12 + "lambdaVariables('x')" + "))" * 12 + "]"
    ),
    "map of map of map": output(
        "[map(range(0, 999), lambda('x', map(range(0, 999), lambda('y', map(range(0, 999), lambda('z', "
        "1))))))]"
    ),
    "doubled text": output(
        "[reduce(range(0, 99), 'ab', lambda('a', 'b', concat(lambdaVariables('a'), lambdaVariables('a'))))]"
    ),
    "doubled array": output(
        "[reduce(range(0, 99), createArray(1), lambda('a', 'b', createArray(lambdaVariables('a'), "
        "lambdaVariables('a'))))]"
    ),
    "doubled array written": output(
        "[string(reduce(range(0, 60), createArray(1), lambda('a', 'b', createArray(lambdaVariables('a'), "
        "lambdaVariables('a')))))]"
    ),
    "nested array": output(
        "[reduce(range(0, 5000), createArray(), lambda('a', 'b', array(createArray(lambdaVariables('a')))))]"
    ),
    "wide format": output("[format('{0,131072}{0,131072}{0,-131072}', 'a')]"),
    "wide number format": output("[format('{0:N999999999}', 1)]"),
    "many stars": output("[like('" + "a" * 400 + "', '" + "*a" * 200 + "b')]"),
    "variables by doubling": template(
        variables={
            "v0": [1, 1],
            **{f"v{at}": f"[concat(variables('v{at - 1}'), variables('v{at - 1}'))]" for at in range(1, 60)},
        }
    ),
    "variables in a ring": template(variables={"a": "[variables('b')]", "b": "[variables('a')]"}),
    "a long chain of variables": template(
        variables={"v0": 1, **{f"v{at}": f"[variables('v{at - 1}')]" for at in range(511, 0, -1)}}
    ),
    "a function that calls itself": template(
        functions=[
            {
                "namespace": "n",
                "members": {"f": {"parameters": [], "output": {"type": "int", "value": "[n.f()]"}}},
            }
        ],
        outputs={"o": {"type": "int", "value": "[n.f()]"}},
    ),
    "copies of copies": template(
        resources=[
            {
                "type": "A.B/c",
                "apiVersion": "1",
                "name": "[concat('a', copyIndex())]",
                "copy": {"name": "l", "count": 800},
                "properties": {"copy": [{"name": "p", "count": 800, "input": {"copy": "[range(0, 800)]"}}]},
            }
        ]
    ),
    "types in a ring": template(
        languageVersion="2.0",
        resources={},
        definitions={"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
        parameters={"p": {"$ref": "#/definitions/a", "defaultValue": 1}},
    ),
    "a type that holds itself": template(
        languageVersion="2.0",
        resources={},
        definitions={"a": {"type": "object", "additionalProperties": {"$ref": "#/definitions/a"}}},
        parameters={
            "p": {"$ref": "#/definitions/a", "defaultValue": json.loads('{"a":' * 60 + "{}" + "}" * 60)}
        },
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_with_a_value_or_an_error(name: str) -> None:
    attempt(BOMBS[name])


@pytest.mark.parametrize("depth", [60, 500, 5_000, 200_000])
def test_nested_json_ends_with_a_value_or_an_error(depth: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        text = opening * depth + closing * depth
        attempt(text)
        attempt(json.dumps(template()).replace("[]", text))
        attempt(output("[json('" + text + "')]"))


def test_the_budget_counts_what_is_used_twice_as_often_as_it_is_written() -> None:
    twice = "createArray(lambdaVariables('a'), lambdaVariables('a'))"
    doubling = f"reduce(range(0, 40), createArray(1), lambda('a', 'b', {twice}))"

    with pytest.raises(TemplateError, match="size of its values exceeds the limit"):
        evaluate(output(f"[{doubling}]"), {}, SCOPE)


def test_no_function_may_run_forever() -> None:
    endless = "map(range(0, 9999), lambda('x', map(range(0, 9999), lambda('y', lambdaVariables('y')))))"

    with pytest.raises(TemplateError, match="exceeds the limit of this evaluator"):
        evaluate(output(f"[length({endless})]"), {}, SCOPE, budget=small())


BIG = 1_000_000
LARGE: dict[str, tuple[str, str]] = {
    "replace": ("a" * BIG, "replace(variables('s'), 'a', variables('s'))"),
    "join": ("a" * BIG, "join(range(0, 10000), variables('s'))"),
    "format": ("{0}" * (BIG // 3), "format(variables('s'), variables('s'))"),
    "number format": ("{0:" + "#,0" * (BIG // 3) + "}", "format(variables('s'), 1)"),
    "quotes": ("'" * BIG, "dateTimeAdd('2020-01-01', 'P1D', variables('s'))"),
    "spaces in a date": ("1" + " " * BIG + "x", "dateTimeAdd(variables('s'), 'P1D')"),
    "a long duration": ("P" + "1" * BIG + "D", "dateTimeAdd('2020-01-01', variables('s'))"),
    "flatten": ("", "flatten(map(range(0, 10000), lambda('x', range(0, 10000))))"),
    "concat of arrays": ("", "map(range(0, 10000), lambda('x', concat(range(0, 9999), range(0, 9999))))"),
    "one long literal": ("", f"length('{'x' * BIG}')"),
    "foreign letters": ("é" * BIG, "map(range(0, 9999), lambda('x', substring(variables('s'), 1, 1)))"),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_texts_never_make_what_there_is_no_memory_for(name: str) -> None:
    text, expression = LARGE[name]
    tracemalloc.start()
    try:
        with suppress(TemplateError):
            evaluate(output(f"[{expression}]") | {"variables": {"s": text}}, {}, SCOPE, preview=True)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 400_000_000


def test_many_objects_are_told_apart_without_comparing_all_with_all() -> None:
    objects = "map(range(0, 10000), lambda('x', createObject('a', lambdaVariables('x'))))"
    plan = evaluate(output(f"[length(union({objects}, {objects}))]"), {}, SCOPE)

    assert plan.outputs["o"].value == {"v": 10000}


def test_nested_copies_cost_steps_of_their_own() -> None:
    inner = template()
    for _ in range(3):
        nested = {
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2022-09-01",
            "name": "[concat('n', copyIndex())]",
            "copy": {"name": "l", "count": 800},
            "properties": {
                "mode": "Incremental",
                "template": inner,
                "expressionEvaluationOptions": {"scope": "inner"},
            },
        }
        inner = template(resources=[nested])

    with pytest.raises(TemplateError, match="steps of evaluation"):
        evaluate(inner, {}, SCOPE)
