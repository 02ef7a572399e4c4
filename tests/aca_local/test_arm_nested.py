"""Nested deployments whose template is known only at run time, through Microsoft's SDK on the program itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from support.arm_process import Token, start

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
FAST = 0.1  # seconds between two looks


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeploymentsMgmtClient]:
    """The official client of an aca-local that has one group for each form."""
    local = start(tmp_path_factory.mktemp("nested") / "data")
    options: dict[str, Any] = {**local.options, "polling_interval": FAST}
    token = Token(local.line["token"])
    try:
        with (
            ResourceManagementClient(token, local.subscription, **options) as resources,
            DeploymentsMgmtClient(token, local.subscription, **options) as deployments,
        ):
            for form in NESTED_LATE:
                resources.resource_groups.create_or_update(form, {"location": "westus"})
            yield deployments
    finally:
        local.stop()


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def resource(of: str, version: str, name: str, **more: Any) -> dict[str, Any]:
    head = {"type": of, "apiVersion": version, "name": name}
    return {**head, "location": "[resourceGroup().location]", "properties": {}, **more}


def workspace(name: str, **more: Any) -> dict[str, Any]:
    return resource("Microsoft.OperationalInsights/workspaces", "2023-09-01", name, **more)


def late_answers(form: str) -> dict[str, Any]:
    """Return a nested deployment whose output is known only when it has run."""
    kind_of = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    account = resource("Microsoft.Storage/storageAccounts", "2023-05-01", f"late{form}", **kind_of)
    kind = f"[reference('late{form}', '2023-05-01', 'Full').kind]"
    found = template(account, outputs={"kind": {"type": "string", "value": kind}})
    return nested("first", {"template": found, "expressionEvaluationOptions": {"scope": "inner"}})


def nested(name: str, properties: Any) -> dict[str, Any]:
    kept = properties if isinstance(properties, str) else {"mode": "Incremental", **properties}
    head = {"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": name}
    return {**head, "properties": kept}


def refusal(client: DeploymentsMgmtClient, group: str, body: dict[str, Any]) -> str | None:
    """Deploy, and return what was said against it."""
    try:
        client.deployments.begin_create_or_update(group, "outer", body).result()
    except HttpResponseError as error:
        return str(error)
    return None


IS_STORAGE = "equals(reference('first').outputs.kind.value, 'StorageV2')"
NESTED_LATE = {
    "template": {"template": f"[if({IS_STORAGE}, variables('one'), variables('other'))]"},
    "properties": f"[if({IS_STORAGE}, variables('whole'), variables('none'))]",
    "count": {
        "template": template(
            workspace("logs-one", copy={"name": "turn", "count": "[parameters('many')]"})
            | {"name": "[concat('logs-one', parameters('suffix'))]"},
            parameters={"many": {"type": "int"}, "suffix": {"type": "string"}},
        ),
        "parameters": {
            "many": {"value": f"[if({IS_STORAGE}, 1, 2)]"},
            "suffix": {"value": "[toLower(substring(reference('first').outputs.kind.value, 0, 0))]"},
        },
        "expressionEvaluationOptions": {"scope": "inner"},
    },
}


@pytest.mark.parametrize("form", NESTED_LATE)
def test_a_nested_template_may_be_known_only_at_run_time(client: DeploymentsMgmtClient, form: str) -> None:
    one = template(workspace("logs-one"), outputs={"made": {"type": "string", "value": "yes"}})
    variables = {
        "one": one,
        "other": template(workspace("logs-other")),
        "whole": {"mode": "Incremental", "template": one},
        "none": {"mode": "Incremental", "template": template()},
    }
    whole = template(late_answers(form), nested("late", NESTED_LATE[form]), variables=variables)
    body = {"properties": {"template": whole, "mode": "Incremental"}}
    assert refusal(client, form, body) is None
    made = client.deployments.get(form, "late").properties.output_resources
    assert [one.id.rpartition("/")[2] for one in made] == ["logs-one"]
