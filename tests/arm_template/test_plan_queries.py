"""What a caller can ask a template and its plan: what it takes, what it deploys, what is not known yet."""

from __future__ import annotations

from arm_template import (
    Expression,
    Scope,
    evaluate,
    find_key,
    open_expressions,
)

SCOPE = Scope(
    tenant_id="00000000-0000-0000-0000-000000000002",
    subscription_id="00000000-0000-0000-0000-000000000001",
    resource_group="rg-one",
    location="westus",
    deployment_name="main",
)
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-one"
ACCOUNT = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01"}
TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {
        "resourceSuffix": {"type": "string", "metadata": {"description": "The end of each name."}},
        "key": {"type": "secureString", "defaultValue": "x"},
        "size": {"type": "int", "defaultValue": 1, "allowedValues": [1, 2]},
    },
    "resources": [
        ACCOUNT | {"name": "[format('aistorage{0}', parameters('resourceSuffix'))]"},
        ACCOUNT | {"name": "other", "properties": {"of": "[listKeys('a', '2023-01-01').keys[0].value]"}},
        {
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2022-09-01",
            "name": "inner",
            "properties": {
                "mode": "Incremental",
                "template": {
                    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                    "contentVersion": "1.0.0.0",
                    "resources": [ACCOUNT | {"name": "third"}],
                },
            },
        },
    ],
    "outputs": {"AccountName": {"type": "string", "value": "[parameters('RESOURCEsuffix')]"}},
}


def test_a_plan_finds_resources_and_outputs_whatever_their_case() -> None:
    plan = evaluate(TEMPLATE, {"RESOURCESuffix": {"value": "7"}}, SCOPE)

    accounts = [one for one in plan.leaves() if one.is_a("microsoft.storage/STORAGEaccounts")]

    assert [one.name for one in accounts] == ["aistorage7", "other", "third"]
    assert accounts[0].id == f"{GROUP}/providers/Microsoft.Storage/storageAccounts/aistorage7"
    assert not any(open_expressions([one.id, one.name]) for one in accounts)
    assert plan.output("accountname") == plan.outputs["AccountName"]
    assert plan.output("nothing") is None
    assert find_key(TEMPLATE["parameters"], "SIZE") == "size"


def test_open_expressions_are_listed_in_order_and_known_text_is_not() -> None:
    plan = evaluate(TEMPLATE, {"resourceSuffix": {"value": "[[7]"}}, SCOPE)

    assert open_expressions([*plan.leaves()][1].body) == [
        Expression("[listKeys('a', '2023-01-01').keys[0].value]")
    ]
    assert open_expressions(["[plain]", {"a": Expression("[b()]"), Expression("[c()]"): 1}]) == [
        "[b()]",
        "[c()]",
    ]
    assert open_expressions(plan.outputs["AccountName"].value) == []
