"""What the official SDKs read and change of a deployed template, operation by operation."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from support.arm_server import SUBSCRIPTION, Credential, Running, client_options, run_arm

GROUP, NAME = "read", "provision"
TEMPLATE = Path(__file__).resolve().parents[2] / "infra" / "provision" / "inference.json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_arm(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture(scope="module")
def options(running: Running) -> dict[str, Any]:
    return {"credential": Credential(), "subscription_id": SUBSCRIPTION, **client_options(running)}


@pytest.fixture(scope="module")
def resources(options: dict[str, Any]) -> Iterator[ResourceManagementClient]:
    with ResourceManagementClient(**options) as client:
        client.resource_groups.create_or_update(GROUP, {"location": "eastus"})
        yield client


@pytest.fixture(scope="module")
def deployments(
    options: dict[str, Any], resources: ResourceManagementClient
) -> Iterator[DeploymentsMgmtClient]:
    parameters = {"workloadProfileType": {"value": "Consumption"}}
    body = {"template": json.loads(TEMPLATE.read_text()), "parameters": parameters, "mode": "Incremental"}
    with DeploymentsMgmtClient(**options) as client:
        client.deployments.begin_create_or_update(GROUP, NAME, {"properties": body}).result()
        yield client


@pytest.fixture(scope="module")
def apps(options: dict[str, Any], deployments: DeploymentsMgmtClient) -> Iterator[ContainerAppsAPIClient]:
    with ContainerAppsAPIClient(**options) as client:
        yield client


def test_a_deployment_gives_its_template_back(deployments: DeploymentsMgmtClient) -> None:
    exported = deployments.deployments.export_template(GROUP, NAME)
    assert exported.template == json.loads(TEMPLATE.read_text())


def test_each_operation_of_a_deployment_is_read_by_its_id(deployments: DeploymentsMgmtClient) -> None:
    listed = list(deployments.deployment_operations.list(GROUP, NAME))
    assert len(listed) > 5
    for one in listed:
        read = deployments.deployment_operations.get(GROUP, NAME, one.operation_id)
        assert read.properties.provisioning_state == "Succeeded"
        assert read.properties.target_resource == one.properties.target_resource


def test_apps_are_listed_in_a_group_and_in_the_subscription(apps: ContainerAppsAPIClient) -> None:
    (of_group,) = apps.container_apps.list_by_resource_group(GROUP)
    (of_subscription,) = apps.container_apps.list_by_subscription()
    assert of_group.id == of_subscription.id


def test_the_latest_revision_is_read_by_its_name(apps: ContainerAppsAPIClient) -> None:
    (app,) = apps.container_apps.list_by_resource_group(GROUP)
    name = app.latest_revision_name
    revision = apps.container_apps_revisions.get_revision(GROUP, app.name, name)
    assert (revision.name, revision.active) == (name, True)
    assert revision.template.containers[0].command[0] == "/bin/bash"


def test_a_groups_tags_are_changed_and_nothing_else(resources: ResourceManagementClient) -> None:
    before = resources.resource_groups.get(GROUP)
    changed = resources.resource_groups.update(GROUP, {"tags": {"team": "lights"}})
    assert (changed.tags, changed.location) == ({"team": "lights"}, before.location)
    assert GROUP in {one.name for one in resources.resource_groups.list()}


def test_any_resource_is_changed_by_its_id(
    resources: ResourceManagementClient, deployments: DeploymentsMgmtClient
) -> None:
    (account,) = resources.resources.list_by_resource_group(
        GROUP, filter="resourceType eq 'Microsoft.Storage/storageAccounts'"
    )
    body = {"tags": {"team": "lights"}}
    changed = resources.resources.begin_update_by_id(account.id, body, api_version="2023-05-01").result()
    assert changed.tags == {"team": "lights"}
    assert changed.properties["allowSharedKeyAccess"] is True
