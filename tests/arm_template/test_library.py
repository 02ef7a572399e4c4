"""The library's contract, as the deployment engine uses it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from arm_template import Expression, Scope, TemplateError, Volatile, evaluate, resolve, snapshot

if TYPE_CHECKING:
    from arm_template import JSON

SCOPE = Scope(
    tenant_id="00000000-0000-0000-0000-000000000002",
    subscription_id="00000000-0000-0000-0000-000000000001",
    resource_group="rg-one",
    location="westus",
    deployment_name="main",
)
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-one"


def template(**sections: JSON) -> str:
    """Write a template of these sections."""
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    return json.dumps({"$schema": schema, "contentVersion": "1.0.0.0", "resources": [], **sections})


def storage(name: str, **more: JSON) -> dict[str, JSON]:
    """Declare a storage account."""
    return {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": name, **more}


class Cloud:
    """A running cloud that knows one storage account."""

    def reference(self, resource_id: str, api_version: str | None, full: bool) -> JSON:
        return {
            "id": resource_id,
            "version": api_version,
            "full": full,
            "primaryEndpoints": {"file": "https://f"},
        }

    def list_call(self, function: str, resource_id: str, api_version: str, body: JSON | None) -> JSON:
        return {"keys": [{"value": f"{function} of {resource_id.rpartition('/')[2]} {api_version} {body}"}]}


def test_a_plan_holds_what_is_known_and_keeps_the_rest_as_expressions() -> None:
    key = "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'a'), '2023-01-01').keys[0].value]"
    b = storage("b", properties={"key": key, "sum": "[add(1, 2)]"})
    plan = evaluate(template(resources=[storage("a"), b]), {}, SCOPE)

    properties = plan.resources[1].body["properties"]

    assert isinstance(properties, dict)
    assert properties["sum"] == 3
    assert isinstance(properties["key"], Expression)
    assert plan.resources[1].depends_on == (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a",)


def test_resolve_finishes_expressions_when_the_resources_exist() -> None:
    a = storage("a")
    url = "[concat(reference('a').primaryEndpoints.file, '/share')]"
    key = "[listKeys('a', '2023-01-01').keys[0].value]"
    plan = evaluate(
        template(resources=[a], outputs={"o": {"type": "object", "value": {"url": url, "key": key}}}),
        {},
        SCOPE,
    )

    value = resolve(plan.outputs["o"].value, plan, Cloud())

    assert value == {"url": "https://f/share", "key": "listKeys of a 2023-01-01 None"}


def test_text_that_looks_like_an_expression_is_left_alone_by_resolve() -> None:
    text = template(resources=[storage("a", properties={"p": "[[not one]"})])
    plan = evaluate(text, {}, SCOPE)

    assert resolve(plan.resources[0].body["properties"], plan, Cloud()) == {"p": "[not one]"}


def test_nested_deployments_are_resources_with_a_plan_of_their_own() -> None:
    inner = json.loads(template(resources=[storage("in")], outputs={"x": {"type": "string", "value": "y"}}))
    nested: dict[str, JSON] = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": "inner",
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "template": inner,
        },
    }
    out: JSON = {"o": {"type": "string", "value": "[reference('inner').outputs.x.value]"}}
    plan = evaluate(template(resources=[nested], outputs=out), {}, SCOPE)

    assert plan.resources[0].nested is not None
    assert [resource.name for resource in plan.leaves()] == ["in"]
    assert snapshot(plan)["outputs"] == {"o": "y"}


def test_errors_say_where_they_are_in_the_received_text() -> None:
    resource = '  {"type": "A.B/c", "name": "n"}'
    text = template(resources=[]).replace(
        '"resources": [', '\n "contentVersion": "2",\n"resources": [\n' + resource
    )

    with pytest.raises(TemplateError, match="at line '4' and column '3'") as caught:
        evaluate(text, {}, SCOPE)

    assert caught.value.code == "InvalidTemplate"
    assert caught.value.additional_info == [
        {"type": "TemplateViolation", "info": {"lineNumber": 4, "linePosition": 3, "path": "resources.0"}}
    ]


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ([storage("a"), storage("a")], "is defined multiple times in a template"),
        ([storage("a", dependsOn=["b"])], "The resource 'b' is not defined in the template"),
        (
            [storage("a", dependsOn=["b"]), storage("b", dependsOn=["a"])],
            "Circular dependency detected on resource",
        ),
    ],
)
def test_what_the_engine_leaves_to_the_service_is_checked(resources: JSON, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        evaluate(template(resources=resources), {}, SCOPE)


def test_a_loop_that_makes_nothing_may_be_waited_for() -> None:
    loop: JSON = {"name": "many", "count": 0}
    resources: JSON = [storage("a", copy=loop), storage("b", dependsOn=["many"])]

    plan = evaluate(template(resources=resources), {}, SCOPE)

    assert [(resource.name, resource.depends_on) for resource in plan.resources] == [("b", ())]


def test_one_turn_of_a_loop_may_be_waited_for() -> None:
    many = storage("[concat('a', copyIndex())]", copy={"name": "many", "count": 2})
    resources: JSON = {"many": many, "b": storage("b", dependsOn=["[format('many[{0}]', 1)]"])}

    plan = evaluate(template(languageVersion="2.0", resources=resources), {}, SCOPE)

    assert plan.resources[2].depends_on == (f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a1",)


def test_a_deployment_keeps_secrets_and_questions_that_a_preview_answers_or_hides() -> None:
    properties: JSON = {"password": "[parameters('p')]", "known": "[reference('a').x]"}
    text = template(
        parameters={"p": {"type": "securestring"}},
        resources=[storage("a", properties={"x": 1}), storage("b", properties=properties)],
    )
    given: dict[str, JSON] = {"p": {"value": "s3cret"}}

    real = evaluate(text, given, SCOPE).resources[1].body["properties"]
    shown = evaluate(text, given, SCOPE, preview=True).resources[1].body["properties"]

    assert isinstance(real, dict)
    assert real["password"] == "s3cret"
    assert isinstance(real["known"], Expression)
    assert shown == {"password": "[parameters('p')]", "known": 1}


def test_time_and_guids_come_from_the_caller() -> None:
    defaults: JSON = {
        "t": {"type": "string", "defaultValue": "[utcNow('yyyy-MM-dd')]"},
        "g": {"type": "string", "defaultValue": "[newGuid()]"},
    }
    both: JSON = {"o": {"type": "string", "value": "[concat(parameters('t'), parameters('g'))]"}}
    text = template(parameters=defaults, outputs=both)
    volatile = Volatile(now=datetime(2026, 1, 2, tzinfo=UTC), new_guid=lambda: "-guid")

    assert evaluate(text, {}, SCOPE, volatile=volatile).outputs["o"].value == "2026-01-02-guid"
    assert isinstance(evaluate(text, {}, SCOPE).outputs["o"].value, Expression)


def test_a_nested_deployment_of_unknown_size_waits_for_run_time() -> None:
    many = storage("[concat('a', copyIndex())]", copy={"name": "many", "count": "[parameters('n')]"})
    inner = json.loads(template(parameters={"n": {"type": "int"}}, resources=[many]))
    nested: dict[str, JSON] = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": "inner",
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "parameters": {"n": {"value": "[reference('a').count]"}},
            "template": inner,
        },
    }
    plan = evaluate(template(resources=[storage("a"), nested]), {}, SCOPE)

    waiting = plan.resources[1]

    assert waiting.nested is None
    assert waiting.nested_scope is not None
    assert waiting.nested_scope.deployment_name == "inner"
    assert list(plan.leaves()) == [plan.resources[0]]


def test_an_object_that_is_known_at_run_time_is_merged_with_what_is_written() -> None:
    merged = "[union(createObject('l', reference('a', '2023-01-01').primaryEndpoints), createObject('l', createObject('x', 1)))]"
    plan = evaluate(template(resources=[storage("b", properties={"all": merged})]), {}, SCOPE)

    properties = plan.resources[0].body["properties"]

    assert isinstance(properties, dict)
    assert resolve(properties["all"], plan, Cloud()) == {"l": {"file": "https://f", "x": 1}}


def test_a_nested_template_may_be_a_variable_a_turn_of_a_loop_or_come_with_its_properties() -> None:
    inner = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [storage("s")],
        "outputs": {"o": {"type": "string", "value": "made"}},
    }
    head = {"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01"}
    variable = {"mode": "Incremental", "template": "[variables('t')]"}
    turn = {"mode": "Incremental", "template": "[variables('all')[copyIndex()]]"}
    resources = [
        head | {"name": "one", "properties": variable},
        head
        | {"name": "[concat('turn', copyIndex())]", "properties": turn, "copy": {"name": "c", "count": 2}},
        head | {"name": "whole", "properties": "[variables('p')]"},
    ]
    variables = {"t": inner, "all": [inner, inner], "p": {"mode": "Incremental", "template": inner}}
    asked = {"o": {"type": "string", "value": "[reference('whole').outputs.o.value]"}}
    text = template(variables=variables, resources=resources, outputs=asked)

    plan = evaluate(text, {}, SCOPE, strict=True)

    assert [one.name for one in plan.all_resources()] == [
        "one",
        "s",
        "turn0",
        "s",
        "turn1",
        "s",
        "whole",
        "s",
    ]
    assert plan.outputs["o"].value == "made"
