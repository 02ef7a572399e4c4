"""Questions to the template engine, with the answers that it gave (scripts/record_engine.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bicep_cli import BicepError

if TYPE_CHECKING:
    from bicep_cli import BicepService

FOLDER = Path(__file__).parents[1] / "arm_template" / "engine"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
PLACE = {
    "tenantId": "00000000-0000-0000-0000-000000000002",
    "subscriptionId": "00000000-0000-0000-0000-000000000001",
    "resourceGroup": "rg",
    "location": "westus",
    "deploymentName": "main",
}
AROUND: dict[str, Any] = {
    "functions": [
        {
            "namespace": "our",
            "members": {
                "greet": {
                    "parameters": [{"name": "who", "type": "string"}],
                    "output": {"type": "string", "value": "[concat('hi ', parameters('who'))]"},
                }
            },
        }
    ],
    "parameters": {"s": {"type": "string", "defaultValue": "Text"}, "n": {"type": "int", "defaultValue": 7}},
}

Case = dict[str, Any]


def place_of(template: Case) -> dict[str, str]:
    """Return where a template is deployed: to a group, or by its schema to the subscription."""
    to_subscription = "/subscriptionDeploymentTemplate" in str(template.get("$schema"))
    return {name: text for name, text in PLACE.items() if not (to_subscription and name == "resourceGroup")}


def cases(name: str) -> list[Case]:
    """Read the cases of a file."""
    return [json.loads(line) for line in (FOLDER / name).read_text().splitlines()]


def template_of(case: Case) -> Case:
    """Give the whole template of a case; what all have in common is not written down."""
    head: Case = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": []}
    if "expression" in case:
        output = {"o": {"type": "object", "value": {"v": f"[{case['expression']}]"}}}
        return head | AROUND | {"outputs": output}
    return head | case["template"]


def recorded(case: Case) -> Case:
    """Give the recorded answer as a snapshot or an error."""
    if "value" not in case:
        return case
    return {"snapshot": {"predictedResources": [], "outputs": {"o": {"v": case["value"]}}}}


def literal(value: Any) -> str:
    """Write a value as Bicep does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n".join(["[", *map(literal, value), "]"])
    if isinstance(value, dict):
        return "\n".join(["{", *(f"{literal(key)}: {literal(item)}" for key, item in value.items()), "}"])
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
        return f"'{text}'"
    return str(value)


async def ask(bicep: BicepService, folder: Path, text: str, parameters: Case, place: dict[str, str]) -> Case:
    """Ask the engine."""
    (folder / "main.json").write_text(text)
    given = [f"param {name} = {literal(value)}\n" for name, value in parameters.items()]
    (folder / "main.bicepparam").write_text("".join(["using 'main.json'\n", *given]))
    try:
        return {"snapshot": await bicep.snapshot(folder / "main.bicepparam", place)}
    except BicepError as error:
        return {"error": error.message.removeprefix("The Bicep CLI refused: ")}
