"""Deployments through azure-mgmt-resource-deployments, unmodified."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from support.arm_server import SUBSCRIPTION, Credential, Running, client_options, run_arm

TEMPLATE = Path(__file__).parents[2] / "infra" / "provision" / "inference.json"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
GROUP = "group"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with run_arm(tmp_path) as running:
        ResourceManagementClient(
            Credential(), SUBSCRIPTION, **client_options(running)
        ).resource_groups.create_or_update(GROUP, {"location": "eastus"})
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[DeploymentsMgmtClient]:
    with DeploymentsMgmtClient(Credential(), SUBSCRIPTION, **client_options(running)) as client:
        yield client


def request(template: dict[str, Any], mode: str = "Incremental", **parameters: Any) -> dict[str, Any]:
    values = {name: {"value": value} for name, value in parameters.items()}
    return {"properties": {"template": template, "parameters": values, "mode": mode}}


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def workspace(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "Microsoft.OperationalInsights/workspaces",
        "apiVersion": "2023-09-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "properties": {},
        **more,
    }


def account(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2023-05-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
        "properties": {},
        **more,
    }


def test_the_shipped_template_deploys_and_gives_the_six_keys(
    client: DeploymentsMgmtClient, running: Running
) -> None:
    shipped = json.loads(TEMPLATE.read_text())
    body = request(shipped, workloadProfileType="Consumption")
    done = client.deployments.begin_create_or_update(GROUP, "provision", body).result()
    outputs = {name.upper(): one["value"] for name, one in done.properties.outputs.items()}
    app = outputs["ACA_APP_NAME"]
    (address,) = running.ingress.ports.values()
    assert outputs["SUBSCRIPTION_ID"] == SUBSCRIPTION
    assert outputs["RESOURCE_GROUP_NAME"] == GROUP
    assert outputs["ACA_APP_ENDPOINT"] == f"127.0.0.1:{address}"
    assert re.fullmatch("aiacaapp[a-z0-9]{5}", app)
    ((_, revision),) = running.replicas.specs
    assert revision.startswith(f"{app}--")
    operations = list(client.deployment_operations.list(GROUP, "provision"))
    assert {one.properties.provisioning_state for one in operations} == {"Succeeded"}


def test_a_deployment_moves_through_its_states(client: DeploymentsMgmtClient) -> None:
    answers: list[Any] = []
    poller = client.deployments.begin_create_or_update(
        GROUP, "d", request(template(workspace("logs"))), raw_response_hook=answers.append
    )
    assert answers[0].http_response.json()["properties"]["provisioningState"] == "Accepted"
    done = poller.result()
    assert done.properties.provisioning_state == "Succeeded"
    assert done.properties.output_resources[0].id.endswith("/workspaces/logs")
    assert done.properties.correlation_id
    assert client.deployments.check_existence(GROUP, "d")
    assert [one.name for one in client.deployments.list_by_resource_group(GROUP)] == ["d"]


def test_deploying_again_under_the_same_name_works(client: DeploymentsMgmtClient) -> None:
    for quantity in (30, 60):
        logs = workspace("logs", properties={"retentionInDays": quantity})
        client.deployments.begin_create_or_update(GROUP, "d", request(template(logs))).result()
    assert len(list(client.deployments.list_by_resource_group(GROUP))) == 1


def test_names_of_outputs_are_written_as_the_service_writes_them(client: DeploymentsMgmtClient) -> None:
    names = ("AZURE_REGION", "NewNSG", "plain", "WEBSITE_URL")
    outputs = {name: {"type": "string", "value": "x"} for name in names}
    done = client.deployments.begin_create_or_update(GROUP, "d", request(template(outputs=outputs))).result()
    assert set(done.properties.outputs) == {"azurE_REGION", "newNSG", "plain", "websitE_URL"}


def test_runtime_functions_see_what_was_deployed_before(client: DeploymentsMgmtClient) -> None:
    identifier = "resourceId('Microsoft.Storage/storageAccounts', 'store0001')"
    outputs = {
        "file": {"type": "string", "value": f"[reference({identifier}, '2023-05-01').primaryEndpoints.file]"},
        "keys": {"type": "int", "value": f"[length(listKeys({identifier}, '2023-05-01').keys)]"},
    }
    body = request(template(account("store0001"), outputs=outputs))
    done = client.deployments.begin_create_or_update(GROUP, "d", body).result()
    assert done.properties.outputs["file"]["value"] == "http://127.0.0.1:1/store0001/"
    assert done.properties.outputs["keys"]["value"] == 2


def test_a_failed_resource_ends_the_deployment_with_a_tree_of_errors(client: DeploymentsMgmtClient) -> None:
    bad = {
        "type": "Microsoft.App/managedEnvironments",
        "apiVersion": "2024-03-01",
        "name": "env",
        "location": "eastus",
        "properties": {"workloadProfiles": [{"name": "x", "workloadProfileType": "NoSuchType"}]},
    }
    after = workspace("after", dependsOn=["[resourceId('Microsoft.App/managedEnvironments', 'env')]"])
    body = request(template(bad, after, workspace("beside")))
    with pytest.raises(HttpResponseError) as caught:
        client.deployments.begin_create_or_update(GROUP, "d", body).result()
    assert caught.value.error.code == "DeploymentFailed"
    assert caught.value.error.details[0].code == "WorkloadProfileTypeNotSupported"
    failed = client.deployments.get(GROUP, "d")
    assert failed.properties.provisioning_state == "Failed"
    assert failed.properties.error.details[0].target.endswith("/managedEnvironments/env")
    states = {
        one.properties.target_resource.resource_name: one.properties.provisioning_state
        for one in client.deployment_operations.list(GROUP, "d")
    }
    assert states == {"env": "Failed", "beside": "Succeeded"}


def test_a_missing_parameter_is_an_invalid_template(client: DeploymentsMgmtClient) -> None:
    body = request(template(parameters={"extra": {"type": "string"}}))
    with pytest.raises(HttpResponseError) as caught:
        client.deployments.begin_create_or_update(GROUP, "d", body)
    error = caught.value.error
    assert (caught.value.status_code, error.code) == (400, "InvalidTemplate")
    assert re.fullmatch(
        r"Deployment template validation failed: 'The value for the template parameter 'extra' at line '\d+'"
        r" and column '\d+' is not provided\."
        r" Please see https://aka\.ms/arm-create-parameter-file for usage details\.'\.",
        error.message,
    )
    assert error.additional_info[0].info["path"] == "properties.template.parameters.extra"
    assert caught.value.response.headers["x-ms-failure-cause"] == "gateway"


def test_a_taken_name_is_found_before_anything_starts(
    client: DeploymentsMgmtClient, running: Running
) -> None:
    client.deployments.begin_create_or_update(GROUP, "d", request(template(account("store0001")))).result()
    groups = ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(running)).resource_groups
    groups.create_or_update("other", {"location": "eastus"})
    with pytest.raises(HttpResponseError) as caught:
        client.deployments.begin_create_or_update("other", "d", request(template(account("store0001"))))
    error = caught.value.error
    assert error.code == "InvalidTemplateDeployment"
    assert error.details[0].code == "PreflightValidationCheckFailed"
    assert error.details[0].details[0].code == "StorageAccountAlreadyTaken"
    assert not client.deployments.check_existence("other", "d")


def test_validate_names_what_it_checked(client: DeploymentsMgmtClient) -> None:
    done = client.deployments.begin_validate(GROUP, "d", request(template(workspace("logs")))).result()
    assert done.properties.provisioning_state == "Succeeded"
    assert done.properties.validated_resources[0].id.endswith("/workspaces/logs")
    assert not client.deployments.check_existence(GROUP, "d")


def test_an_ended_deployment_cannot_be_cancelled(client: DeploymentsMgmtClient) -> None:
    client.deployments.begin_create_or_update(GROUP, "d", request(template())).result()
    with pytest.raises(HttpResponseError) as caught:
        client.deployments.cancel(GROUP, "d")
    assert caught.value.status_code == 409
    assert caught.value.error.code == "DeploymentCannotBeCancelled"
    assert "has provisioning state 'Succeeded'" in caught.value.error.message


def test_a_group_that_does_not_exist_is_said_in_azures_words(client: DeploymentsMgmtClient) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        client.deployments.begin_create_or_update("nowhere", "d", request(template()))
    assert caught.value.error.code == "ResourceGroupNotFound"
    assert caught.value.error.message == "Resource group 'nowhere' could not be found."


def test_a_deployment_is_deleted_without_its_resources(
    client: DeploymentsMgmtClient, running: Running
) -> None:
    client.deployments.begin_create_or_update(GROUP, "d", request(template(workspace("logs")))).result()
    client.deployments.begin_delete(GROUP, "d").result()
    assert not client.deployments.check_existence(GROUP, "d")
    resources = ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(running)).resources
    assert [one.name for one in resources.list_by_resource_group(GROUP)] == ["logs"]


def test_complete_mode_removes_what_the_template_leaves_out(
    client: DeploymentsMgmtClient, running: Running
) -> None:
    both = template(workspace("kept"), workspace("left"))
    client.deployments.begin_create_or_update(GROUP, "d", request(both)).result()
    client.deployments.begin_create_or_update(
        GROUP, "e", request(template(workspace("kept")), "Complete")
    ).result()
    resources = ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(running)).resources
    assert [one.name for one in resources.list_by_resource_group(GROUP)] == ["kept"]


def changes(client: DeploymentsMgmtClient, body: dict[str, Any]) -> dict[str, Any]:
    done = client.deployments.begin_what_if(GROUP, "w", body).result()
    assert done.status == "Succeeded", done.error
    return {one.resource_id.rpartition("/")[2]: one for one in done.properties.changes}


def test_what_if_tells_what_would_be_created_changed_and_left(client: DeploymentsMgmtClient) -> None:
    before = template(workspace("same"), workspace("changed"), workspace("beside"))
    client.deployments.begin_create_or_update(GROUP, "d", request(before)).result()
    sku = {"sku": {"name": "PerGB2018"}, "retentionInDays": 60}
    after = template(workspace("same"), workspace("changed", properties=sku), workspace("fresh"))
    found = changes(client, request(after))
    assert {name: one.change_type for name, one in found.items()} == {
        "same": "NoChange",
        "changed": "Modify",
        "fresh": "Create",
        "beside": "Ignore",
    }
    (delta,) = found["changed"].delta
    assert (delta.path, delta.before, delta.after) == ("properties.retentionInDays", 30, 60)
    gone = changes(client, request(after, "Complete"))
    assert gone["beside"].change_type == "Delete"
    assert not client.deployments.check_existence(GROUP, "w")


def test_what_if_shows_no_secret(client: DeploymentsMgmtClient) -> None:
    app = {
        "type": "Microsoft.App/containerApps",
        "apiVersion": "2024-03-01",
        "name": "app",
        "location": "eastus",
        "properties": {"configuration": {"secrets": [{"name": "key", "value": "s3cr3t"}]}, "template": {}},
    }
    found = changes(client, request(template(app)))
    shown = str(found["app"].after)
    assert "s3cr3t" not in shown
    assert "*******" in shown


def test_a_nested_deployment_is_a_deployment_of_its_own(client: DeploymentsMgmtClient) -> None:
    inner = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": "inner",
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "template": template(workspace("logs"), outputs={"name": {"type": "string", "value": "logs"}}),
        },
    }
    value = "[reference(resourceId('Microsoft.Resources/deployments', 'inner')).outputs.name.value]"
    body = request(template(inner, outputs={"found": {"type": "string", "value": value}}))
    done = client.deployments.begin_create_or_update(GROUP, "outer", body).result()
    assert done.properties.outputs["found"]["value"] == "logs"
    assert {one.name for one in client.deployments.list_by_resource_group(GROUP)} == {"inner", "outer"}


def test_a_deployment_to_the_subscription_makes_groups(
    client: DeploymentsMgmtClient, running: Running
) -> None:
    group = {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2022-09-01",
        "name": "made",
        "location": "westus3",
    }
    body = {"location": "eastus", **request(template(group))}
    done = client.deployments.begin_create_or_update_at_subscription_scope("d", body).result()
    assert done.properties.provisioning_state == "Succeeded"
    groups = ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(running)).resource_groups
    assert groups.get("made").location == "westus3"
