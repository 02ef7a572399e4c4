"""`aca-local evaluate`: for people, for programs, and many at once."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from aca_local.evaluate_command import answer, batch, main, parameters_of

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
TEMPLATE = {
    "$schema": SCHEMA,
    "contentVersion": "1.0.0.0",
    "parameters": {"name": {"type": "string", "defaultValue": "st"}},
    "resources": [
        {
            "type": "Microsoft.Storage/storageAccounts",
            "apiVersion": "2023-01-01",
            "name": "[concat(parameters('name'), copyIndex())]",
            "location": "[resourceGroup().location]",
            "copy": {"name": "loop", "count": 2},
        }
    ],
    "outputs": {"o": {"type": "int", "value": "[add(1, 2)]"}},
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Write the template."""
    path = tmp_path / "main.json"
    path.write_text(json.dumps(TEMPLATE))
    return path


def test_people_get_a_table(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(template), "--location", "northeurope"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "2 resource(s)",
        "  TYPE                               NAME  LOCATION     LOOP",
        "  Microsoft.Storage/storageAccounts  st0   northeurope  loop 1/2",
        "  Microsoft.Storage/storageAccounts  st1   northeurope  loop 2/2",
        "",
        "1 output(s)",
        "  NAME  TYPE  VALUE",
        "  o     int   3",
    ]


def test_programs_get_a_snapshot(template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = tmp_path / "main.parameters.json"
    parameters.write_text(
        json.dumps({"$schema": "x", "contentVersion": "1.0.0.0", "parameters": {"name": {"value": "a"}}})
    )

    assert main([str(template), "--parameters", str(parameters), "--json", "--resource-group", "rg"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert [resource["name"] for resource in found["predictedResources"]] == ["a0", "a1"]
    assert "/resourceGroups/rg/" in found["predictedResources"][0]["id"]
    assert found["outputs"] == {"o": 3}


def test_a_template_that_is_not_valid_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(TEMPLATE | {"outputs": {"o": {"type": "int", "value": "text"}}}))

    assert main([str(path)]) == 1

    said = capsys.readouterr().err
    assert said.startswith("InvalidTemplate: The provided value for the template output 'o' is not valid.")
    assert said.count("\n") == 1


def test_what_the_service_would_refuse_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twin = {"type": "A.B/c", "apiVersion": "1", "name": "n"}
    path = tmp_path / "twins.json"
    path.write_text(json.dumps(TEMPLATE | {"resources": [twin, twin]}))

    assert main([str(path)]) == 0

    assert "is defined multiple times in a template" in capsys.readouterr().err


def test_a_batch_answers_each_line_and_never_stops_at_a_bad_one() -> None:
    good = json.dumps({"template": TEMPLATE, "parameters": {"name": "z"}, "scope": {"resourceGroup": "g"}})
    out = io.StringIO()

    assert batch(io.StringIO(f"{good}\nnonsense\n\n{{}}\n{good}\n"), out) == 0

    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [next(iter(item)) for item in answers] == ["snapshot", "error", "error", "error", "snapshot"]
    assert answers[0]["snapshot"]["predictedResources"][1]["name"] == "z1"
    assert {item["error"]["code"] for item in answers[1:4]} == {"InvalidRequestContent"}


def test_an_error_of_a_batch_has_code_and_message() -> None:
    found = answer(
        json.dumps({"template": TEMPLATE, "parameters": {"name": {"value": 5}, "x": {"value": 1}}})
    )

    assert isinstance(found["error"], dict)
    assert found["error"]["code"] == "InvalidTemplate"
    assert "do not correspond to any parameters defined in the template: 'x'" in str(
        found["error"]["message"]
    )


@pytest.mark.parametrize(
    "given",
    [
        {"a": {"value": 1}},
        {"a": 1},
        {"$schema": "x", "contentVersion": "1", "parameters": {"a": {"value": 1}}},
    ],
)
def test_parameters_come_in_three_shapes(given: dict[str, object]) -> None:
    assert parameters_of(given) == {"a": {"value": 1}}


def test_nothing_to_evaluate_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2

    assert "Name a template" in capsys.readouterr().err


INNER = TEMPLATE | {
    "parameters": {},
    "resources": [
        {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "within"}
    ],
}


def nested(template: object, **properties: object) -> dict[str, object]:
    """Write a nested deployment."""
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": "inner",
        "properties": {"mode": "Incremental", "template": template} | properties,
    }


def evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str], **sections: object) -> tuple[int, str]:
    """Evaluate a template from the command line."""
    path = tmp_path / "other.json"
    path.write_text(json.dumps(TEMPLATE | {"resources": [], "outputs": {}} | sections))
    code = main([str(path), "--json"])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_a_nested_template_may_be_a_variable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"o": {"type": "int", "value": "[reference('inner').outputs.o.value]"}}
    code, said = evaluated(
        tmp_path, capsys, variables={"t": INNER}, resources=[nested("[variables('t')]")], outputs=asked
    )

    assert code == 0
    assert [one["name"] for one in json.loads(said)["predictedResources"]] == ["within"]
    assert json.loads(said)["outputs"] == {"o": 3}


def test_what_a_resource_does_not_say_stays_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    account = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "a"}
    parts = {"null": ".n", "index": ".unsaid[0]", "whole": ".o.unsaid", "said": ".o.p"}
    outputs = {
        name: {"type": "string", "value": f"[reference('a', '2023-01-01', 'full').properties{part}]"}
        for name, part in parts.items()
    }
    resources = [account | {"properties": {"n": None, "o": {"p": "q"}}}]
    code, said = evaluated(tmp_path, capsys, resources=resources, outputs=outputs)

    assert code == 0
    found = json.loads(said)["outputs"]
    assert {name for name, value in found.items() if value.startswith("[reference(")} == {
        "null",
        "index",
        "whole",
    }
    assert found["said"] == "q"


@pytest.mark.parametrize(
    ("sections", "first"),
    [
        (
            {
                "resources": [
                    {
                        "type": "Microsoft.Storage/storageAccounts",
                        "apiVersion": "2023-01-01",
                        "name": "a",
                        "properties": {"x": "[variables('properties')]"},
                        "location": "[variables('location')]",
                    }
                ]
            },
            "location",
        ),
        (
            {
                "resources": [nested(INNER | {"variables": {"v": "[variables('inside')]"}})],
                "outputs": {"o": {"type": "int", "value": "[variables('outputs')]"}},
            },
            "inside",
        ),
        (
            {
                "resources": [
                    nested(
                        INNER | {"variables": {"v": "[variables('inside')]"}},
                        expressionEvaluationOptions={"scope": "inner"},
                    )
                ],
                "outputs": {"o": {"type": "int", "value": "[variables('outputs')]"}},
            },
            "outputs",
        ),
    ],
)
def test_of_two_errors_the_one_that_the_engine_meets_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sections: dict[str, object], first: str
) -> None:
    code, said = evaluated(tmp_path, capsys, **sections)

    assert code != 0
    assert f"'{first}' is not found" in said
