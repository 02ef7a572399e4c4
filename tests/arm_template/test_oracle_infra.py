"""The shipped template: our evaluator and the engine inside the Bicep CLI agree on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bicep_cli import BicepError, BicepService, find
from support.oracle_comparing import judged, ours, scope_of
from support.shared import shared

if TYPE_CHECKING:
    from arm_template import JSON

TEMPLATE = Path(__file__).resolve().parents[2] / "infra/provision/inference.json"
PLACE = {
    "tenantId": "00000000-0000-0000-0000-000000000002",
    "subscriptionId": "00000000-0000-0000-0000-000000000001",
    "resourceGroup": "rg-shipped",
    "location": "swedencentral",
    "deploymentName": "inference",
}


def combinations() -> list[dict[str, JSON]]:
    """Give the defaults, and each parameter alone with each value that its type lets one think of."""
    declared = json.loads(TEMPLATE.read_text())["parameters"]
    found: list[dict[str, JSON]] = [{}]
    for name, item in declared.items():
        if item["type"] == "bool":
            found += [{name: True}, {name: False}]
        elif item["type"] == "int":
            found += [{name: value} for value in range(item.get("minValue", 0), item.get("minValue", 0) + 3)]
        elif item["type"] == "string":
            found += [{name: value} for value in item.get("allowedValues", ["abc", ""])]
    return found


def service() -> BicepService:
    """Find the CLI that is installed, or the one beside this checkout; skip loudly where there is none."""
    try:
        return BicepService(find())
    except BicepError:
        return BicepService(find(str(shared("tools/bicep"))))


async def test_the_shipped_template_is_evaluated_as_the_engine_does(tmp_path: Path) -> None:
    wrong: list[str] = []
    compared = 0
    (tmp_path / "main.json").write_text(TEMPLATE.read_text())
    async with service() as bicep:
        for parameters in combinations():
            quoted = {name: json.dumps(value).replace(chr(34), chr(39)) for name, value in parameters.items()}
            lines = [f"param {name} = {value}" for name, value in quoted.items()]
            path = tmp_path / "main.bicepparam"
            path.write_text("\n".join(["using 'main.json'", *lines]) + "\n")
            try:
                wanted: dict[str, object] = {"snapshot": await bicep.snapshot(path, PLACE)}
            except BicepError as error:
                wanted = {"error": error.message.removeprefix("The Bicep CLI refused: ")}
            if wanted.get("error") == "Compilation failed":
                continue  # the compiler refuses the value before any engine sees it
            compared += 1
            kind, words = judged(ours(TEMPLATE.read_text(), parameters, scope_of(PLACE)), wanted)
            wrong += [f"{parameters}: {kind}: {words}"] if words else []

    print(f"{compared} combinations compared")
    assert compared
    assert not wrong, "\n".join(wrong)
