from typing import Any

from aca_local.arm.engine import waits_for
from arm_template import Plan, Scope, evaluate

SCOPE = Scope("t", "s", "group", "eastus", "d")


def plan(*resources: dict[str, Any]) -> Plan:
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": list(resources),
    }
    return evaluate(template, {}, SCOPE)


def workspace(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "Microsoft.OperationalInsights/workspaces",
        "apiVersion": "2023-09-01",
        "name": name,
        "location": "eastus",
        "properties": {},
        **more,
    }


def waits(made: Plan) -> dict[str, list[str]]:
    names = {one.id.lower(): one.name for one in made.resources}
    return {one.name: sorted(names[each] for each in waits_for(one, made)) for one in made.resources}


def test_a_resource_waits_for_what_it_depends_on() -> None:
    after = workspace("b", dependsOn=["[resourceId('Microsoft.OperationalInsights/workspaces', 'a')]"])
    assert waits(plan(workspace("a"), after)) == {"a": [], "b": ["a"]}


def test_a_serial_loop_goes_batch_by_batch() -> None:
    copy = {"name": "loop", "count": 5, "mode": "Serial", "batchSize": 2}
    made = plan(workspace("[concat('w', copyIndex())]", copy=copy))
    assert waits(made) == {"w0": [], "w1": [], "w2": ["w0", "w1"], "w3": ["w0", "w1"], "w4": ["w2", "w3"]}


def test_a_parallel_loop_starts_all_at_once() -> None:
    made = plan(workspace("[concat('w', copyIndex())]", copy={"name": "loop", "count": 3}))
    assert waits(made) == {"w0": [], "w1": [], "w2": []}
