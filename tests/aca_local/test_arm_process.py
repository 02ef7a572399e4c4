"""aca-local as a process: https with its own CA, official SDKs sync and aio, killed and started again."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError, ServiceRequestError
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient as AsyncContainerAppsAPIClient
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.deployments.aio import DeploymentsMgmtClient as AsyncDeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient as AsyncResourceManagementClient
from support.arm_process import LIMIT, AsyncToken, Local, Token, start

GROUP = "group"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def local(folder: Path) -> Iterator[Local]:
    local = start(folder)
    yield local
    local.stop()


def request(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    template = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}
    return {"properties": {"template": template, "parameters": {}, "mode": "Incremental"}}


def environment(name: str = "env", **more: Any) -> dict[str, Any]:
    profiles = [{"name": "Consumption", "workloadProfileType": "Consumption"}]
    return {
        "type": "Microsoft.App/managedEnvironments",
        "apiVersion": "2024-03-01",
        "name": name,
        "location": "eastus",
        "properties": {"workloadProfiles": profiles},
        **more,
    }


def app(
    name: str = "app", command: str = "exec python -m http.server $PORT --bind 127.0.0.1"
) -> dict[str, Any]:
    container = {"name": "main", "image": "python", "command": ["/bin/bash", "-c", command]}
    probe = {"type": "Startup", "tcpSocket": {"port": 8000}, "periodSeconds": 1, "failureThreshold": 60}
    return {
        "type": "Microsoft.App/containerApps",
        "apiVersion": "2024-03-01",
        "name": name,
        "location": "eastus",
        "properties": {
            "environmentId": "[resourceId('Microsoft.App/managedEnvironments', 'env')]",
            "configuration": {"ingress": {"external": True, "targetPort": 8000}},
            "template": {
                "containers": [{**container, "probes": [probe]}],
                "scale": {"minReplicas": 1, "maxReplicas": 1},
            },
        },
        "dependsOn": ["[resourceId('Microsoft.App/managedEnvironments', 'env')]"],
    }


def nested() -> dict[str, Any]:
    inner = request(environment())["properties"]
    return {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": "inner",
        "properties": {"mode": inner["mode"], "template": inner["template"]},
    }


def deployments(local: Local) -> DeploymentsMgmtClient:
    return DeploymentsMgmtClient(Token(local.line["token"]), local.subscription, **local.options)


def resources(local: Local) -> ResourceManagementClient:
    return ResourceManagementClient(Token(local.line["token"]), local.subscription, **local.options)


def make_group(local: Local) -> None:
    with resources(local) as client:
        client.resource_groups.create_or_update(GROUP, {"location": "eastus"})


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def state_of(local: Local, name: str) -> str:
    with deployments(local) as client:
        try:
            state = client.deployments.get(GROUP, name).properties.provisioning_state
        except ResourceNotFoundError:
            return "Missing"
    return str(getattr(state, "value", state))


def test_an_app_that_was_deployed_answers_at_its_address_and_again_after_a_restart(
    local: Local, folder: Path
) -> None:
    make_group(local)
    fqdn = "[reference(resourceId('Microsoft.App/containerApps', 'app')).configuration.ingress.fqdn]"
    body = request(environment(), app(), outputs={"endpoint": {"type": "string", "value": fqdn}})
    with deployments(local) as client:
        done = client.deployments.begin_create_or_update(GROUP, "d", body).result()
    address = f"http://{done.properties.outputs['endpoint']['value']}/"
    assert httpx.get(address, timeout=LIMIT, trust_env=False).status_code == 200
    local.stop()
    again = start(folder)
    try:
        assert httpx.get(address, timeout=LIMIT, trust_env=False).status_code == 200
    finally:
        again.stop()


@pytest.mark.parametrize(("command", "status"), [("exit 0", "Succeeded"), ("exit 3", "Failed")])
def test_a_job_runs_once_and_tells_how_it_ended(
    local: Local, folder: Path, command: str, status: str
) -> None:
    make_group(local)
    mark = folder.parent / "marks"
    container = {
        "name": "main",
        "image": "x",
        "command": ["/bin/bash", "-c", f"echo run >> {mark}; {command}"],
    }
    configuration = {"triggerType": "Manual", "replicaTimeout": 60, "replicaRetryLimit": 1}
    with ContainerAppsAPIClient(Token(local.line["token"]), local.subscription, **local.options) as client:
        made = environment()
        body = {"location": "eastus", "properties": made["properties"]}
        place = client.managed_environments.begin_create_or_update(GROUP, "env", body).result()
        template = {"containers": [container]}
        job = {"environmentId": place.id, "configuration": configuration, "template": template}
        client.jobs.begin_create_or_update(GROUP, "tune", {"location": "eastus", "properties": job}).result()
        name = client.jobs.begin_start(GROUP, "tune").result().name
        ended = lambda: client.job_execution(GROUP, "tune", name).properties.status  # noqa: E731 # asked again and again
        until(lambda: str(getattr(ended(), "value", ended())) == status)
        assert [one.name for one in client.jobs_executions.list(GROUP, "tune")] == [name]
    assert mark.read_text() == "run\n" * (1 if status == "Succeeded" else 2), (
        "a failed one is tried once more"
    )


async def test_the_aio_clients_work_too(local: Local) -> None:
    credential, options = AsyncToken(local.line["token"]), local.options
    async with AsyncResourceManagementClient(credential, local.subscription, **options) as client:
        await client.resource_groups.create_or_update(GROUP, {"location": "eastus"})
    async with AsyncDeploymentsMgmtClient(credential, local.subscription, **options) as client:
        poller = await client.deployments.begin_create_or_update(GROUP, "d", request(environment()))
        assert (await poller.result()).properties.provisioning_state == "Succeeded"
    async with AsyncContainerAppsAPIClient(credential, local.subscription, **options) as client:
        names = [one.name async for one in client.managed_environments.list_by_resource_group(GROUP)]
    assert names == ["env"]


def test_a_deployment_that_was_killed_goes_on(folder: Path) -> None:
    first = start(folder, "realistic")
    make_group(first)
    with deployments(first) as client:
        client.deployments.begin_create_or_update(GROUP, "d", request(environment(), app()), polling=False)
        until(lambda: bool(list(client.deployment_operations.list(GROUP, "d"))))
        with pytest.raises(HttpResponseError) as caught:
            client.deployments.begin_create_or_update(GROUP, "d", request(environment()), polling=False)
        assert (caught.value.status_code, caught.value.error.code) == (409, "DeploymentActive")
    first.kill()
    second = start(folder)
    try:
        until(lambda: state_of(second, "d") == "Succeeded")
        with ContainerAppsAPIClient(
            Token(second.line["token"]), second.subscription, **second.options
        ) as client:
            assert client.managed_environments.get(GROUP, "env").properties.provisioning_state == "Succeeded"
            assert len(list(client.container_apps_revisions.list_revisions(GROUP, "app"))) == 1
    finally:
        second.stop()


def test_a_deployment_that_goes_on_is_cancelled_with_what_is_nested_in_it(folder: Path) -> None:
    local = start(folder, "realistic")
    try:
        make_group(local)
        with deployments(local) as client:
            client.deployments.begin_create_or_update(GROUP, "d", request(nested()), polling=False)
            until(lambda: state_of(local, "inner") == "Running")
            until(lambda: bool(list(client.deployment_operations.list(GROUP, "inner"))))
            client.deployments.cancel(GROUP, "d")
            assert state_of(local, "d") == state_of(local, "inner") == "Canceled"
            (operation,) = client.deployment_operations.list(GROUP, "inner")
            assert operation.properties.provisioning_state == "Canceled"
            with pytest.raises(HttpResponseError) as caught:
                client.deployments.cancel(GROUP, "d")
        assert caught.value.error.code == "DeploymentCannotBeCancelled"
        with resources(local) as client:
            assert [one.name for one in client.resources.list_by_resource_group(GROUP)] == ["env"]
    finally:
        local.stop()


def test_nothing_that_was_answered_is_lost_in_random_kills(folder: Path) -> None:
    chance, acknowledged = random.Random(7), []
    for turn in range(6):
        local = start(folder)
        make_group(local)
        body = request(*(environment(f"env-{turn}-{each}") for each in range(3)))
        with deployments(local) as client:
            client.deployments.begin_create_or_update(GROUP, f"d{turn}", body, polling=False)
            acknowledged.append(f"d{turn}")
            time.sleep(chance.random() * 0.2)
        local.kill()
    local = start(folder)
    try:
        for name in acknowledged:
            until(lambda name=name: state_of(local, name) == "Succeeded")  # type: ignore[misc]  # bound at once
        with resources(local) as client:
            found = {one.name for one in client.resources.list_by_resource_group(GROUP)}
        assert found == {f"env-{turn}-{each}" for turn in range(6) for each in range(3)}
    finally:
        local.stop()


def test_another_ca_is_not_trusted(local: Local) -> None:
    options = local.options | {"connection_verify": True, "retry_total": 0}
    with (
        ResourceManagementClient(Token("x"), local.subscription, **options) as client,
        pytest.raises(ServiceRequestError, match="certificate"),
    ):
        client.resource_groups.get("x")


def test_conditions_are_set_while_it_runs_and_a_closed_account_answers_nobody(local: Local) -> None:
    make_group(local)
    headers = {"Authorization": f"Bearer {local.line['token']}"}
    arm = local.line["armHttp"]
    with httpx.Client(base_url=arm, headers=headers, timeout=LIMIT, trust_env=False) as http:
        assert http.put("/aca-local/conditions", content="[").status_code == 400
        assert http.put("/aca-local/conditions", json={"rights": "group"}).status_code == 200
        provider = f"/subscriptions/{local.subscription}/providers/Microsoft.App"
        query = {"api-version": "2022-12-01"}
        assert http.get(provider, params=query).json()["error"]["code"] == "AuthorizationFailed"
        assert http.put("/aca-local/conditions", json={}).status_code == 200
        assert http.get(provider, params=query).status_code == 200

        account = f"/subscriptions/{local.subscription}/resourceGroups/{GROUP}/providers/Microsoft.Storage"
        account += "/storageAccounts/closed"
        storage = {"api-version": "2023-05-01"}
        rules = {"networkAcls": {"defaultAction": "Deny"}}
        body = {
            "location": "eastus",
            "sku": {"name": "Standard_LRS"},
            "kind": "StorageV2",
            "properties": rules,
        }
        http.put(account, params=storage, json=body)
        until(lambda: http.get(account, params=storage).status_code == 200)
        files = http.get(account, params=storage).json()["properties"]["primaryEndpoints"]["file"]
        versions = {"x-ms-version": "2023-11-03", "x-ms-file-request-intent": "backup"}
        refused = http.get(f"{files}?comp=list", headers=versions)
        assert (refused.status_code, refused.headers["x-ms-error-code"]) == (403, "AuthorizationFailure")
        rules["networkAcls"]["ipRules"] = [{"value": "127.0.0.0/8", "action": "Allow"}]  # type: ignore[assignment]
        http.patch(account, params=storage, json={"properties": rules})
        assert http.get(f"{files}?comp=list", headers=versions).status_code == 200
