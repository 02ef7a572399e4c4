"""Environments and their storages through azure-mgmt-appcontainers, unmodified."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from support.app_provider import (
    BASE,
    GROUP,
    app,
    apps_of,
    create,
    environment,
    error_of,
    plain_client,
    run_region,
)
from support.arm_server import Running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_region(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[ContainerAppsAPIClient]:
    with apps_of(running) as client:
        yield client


@pytest.fixture
def http(running: Running) -> Iterator[httpx.Client]:
    with plain_client(running) as http:
        yield http


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"app-{abs(hash(request.node.name)) % 10**9}"


def test_an_environment_moves_from_waiting_to_succeeded(client: ContainerAppsAPIClient) -> None:
    answers: list[Any] = []
    poller = client.managed_environments.begin_create_or_update(
        GROUP, "fresh", environment(), raw_response_hook=answers.append
    )
    assert answers[0].http_response.json()["properties"]["provisioningState"] == "Waiting"
    done = poller.result()
    assert (done.location, done.properties.provisioning_state) == ("East US", "Succeeded")
    assert "fresh" in {one.name for one in client.managed_environments.list_by_resource_group(GROUP)}
    assert "fresh" in {one.name for one in client.managed_environments.list_by_subscription()}
    client.managed_environments.begin_delete(GROUP, "fresh").result()
    with pytest.raises(ResourceNotFoundError):
        client.managed_environments.get(GROUP, "fresh")


def test_a_put_of_an_environment_replaces_its_profiles(client: ContainerAppsAPIClient) -> None:
    consumption = {"name": "Consumption", "workloadProfileType": "Consumption"}
    gpu = {"name": "t4", "workloadProfileType": "CONSUMPTION-GPU-NC8AS-T4"}
    put = client.managed_environments.begin_create_or_update
    both = put(GROUP, "replaced", environment(consumption, gpu)).result()
    assert [one.workload_profile_type for one in both.properties.workload_profiles] == [
        "Consumption",
        "Consumption-GPU-NC8as-T4",
    ]
    one = put(GROUP, "replaced", environment(consumption)).result()
    assert [each.name for each in one.properties.workload_profiles] == ["Consumption"]
    patch = {"properties": {"workloadProfiles": [consumption, gpu]}, "location": "eastus"}
    patched = client.managed_environments.begin_update(GROUP, "replaced", patch).result()
    assert [each.name for each in patched.properties.workload_profiles] == ["Consumption", "t4"]


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        (
            {"name": "x", "workloadProfileType": "Consumption-GPU-NC8as-T4", "minimumCount": 0},
            "WorkloadProfilePropertyNotSupported",
        ),
        ({"name": "a" * 16, "workloadProfileType": "D4"}, "WorkloadProfileInvalidNameTooLong"),
        ({"name": "x", "workloadProfileType": "Z9"}, "WorkloadProfileTypeNotSupported"),
    ],
)
def test_bad_profiles_are_refused(client: ContainerAppsAPIClient, profile: dict[str, Any], code: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.managed_environments.begin_create_or_update(GROUP, "bad", environment(profile))
    assert error_of(caught) == (400, code)


def test_a_dedicated_gpu_must_be_there_from_the_start(client: ContainerAppsAPIClient) -> None:
    gpu = {"name": "GPU", "workloadProfileType": "NC24-A100", "minimumCount": 0, "maximumCount": 1}
    with pytest.raises(HttpResponseError) as caught:
        client.managed_environments.begin_create_or_update(GROUP, "env", environment(gpu))
    assert error_of(caught) == (400, "WorkloadProfileCannotBeAdded")


def test_more_gpus_than_the_region_gives_are_refused(client: ContainerAppsAPIClient) -> None:
    gpu = {"name": "GPU", "workloadProfileType": "NC96-A100", "minimumCount": 0, "maximumCount": 6}
    with pytest.raises(HttpResponseError) as caught:
        client.managed_environments.begin_create_or_update(GROUP, "greedy", environment(gpu))
    assert error_of(caught) == (400, "MaxRegionalQuotaExceeded")
    assert "cannot have more than 20 SubscriptionNCA100Gpus in region East US." in str(caught.value)


def test_two_changes_of_one_app_at_a_time_are_refused(
    http: httpx.Client, running: Running, name: str
) -> None:
    path = f"{BASE}/Microsoft.App/containerApps/{name}"
    running.ingress.held = True
    try:
        assert http.put(path, json=app()).status_code == 201
        for method, below, body in (
            ("PUT", "", app()),
            ("PATCH", "", {}),
            ("POST", "/stop", None),
            ("DELETE", "", None),
        ):
            answer = http.request(method, f"{path}{below}", json=body)
            assert answer.status_code == 409, method
            assert answer.json()["error"]["code"] == "ContainerAppOperationInProgress"
    finally:
        running.ingress.held = False


def test_a_port_that_cannot_be_had_fails_the_operation_with_its_reason(
    client: ContainerAppsAPIClient, running: Running, name: str
) -> None:
    running.ingress.refusal = "Port 7000 is in use."
    try:
        with pytest.raises(HttpResponseError) as caught:
            create(client, name)
        assert "Port 7000 is in use." in str(caught.value)
        assert client.container_apps.get(GROUP, name).properties.provisioning_state == "Failed"
    finally:
        running.ingress.refusal = ""
    assert create(client, name).properties.provisioning_state == "Succeeded", "the same command works later"


def test_profile_types_usages_and_states(client: ContainerAppsAPIClient) -> None:
    types = {one.name: one.properties for one in client.available_workload_profiles.get("eastus")}
    assert (types["D4"].category, types["D4"].cores, types["D4"].memory_gi_b) == ("GeneralPurpose", 4, 16)
    assert "Consumption-GPU-NC24-A100" in types
    usages = {one.name.value: one.limit for one in client.usages.list("eastus")}
    assert usages["ManagedEnvironmentCount"] == 40
    inside = {one.name.value for one in client.managed_environment_usages.list(GROUP, "env")}
    assert "ManagedEnvironmentConsumptionCores" in inside
    states = client.managed_environments.list_workload_profile_states(GROUP, "env")
    assert [one.name for one in states] == ["Consumption"]


def test_a_storage_hides_its_key_and_takes_a_new_one(client: ContainerAppsAPIClient) -> None:
    storages = client.managed_environments_storages
    file = {"accountName": "store", "shareName": "code", "accessMode": "ReadWrite", "accountKey": "first=="}
    made = storages.create_or_update(GROUP, "env", "files", {"properties": {"azureFile": file}})
    assert made.properties.azure_file.account_key is None
    assert storages.get(GROUP, "env", "files").properties.azure_file.share_name == "code"
    storages.create_or_update(
        GROUP, "env", "files", {"properties": {"azureFile": {**file, "accountKey": "other=="}}}
    )
    with pytest.raises(HttpResponseError) as caught:
        storages.create_or_update(
            GROUP, "env", "files", {"properties": {"azureFile": {**file, "shareName": "else"}}}
        )
    assert error_of(caught) == (400, "ManagedEnvironmentStorageUpdateBadRequest")
    assert [one.name for one in storages.list(GROUP, "env").value] == ["files"]
    storages.delete(GROUP, "env", "files")
    with pytest.raises(ResourceNotFoundError) as missing:
        storages.get(GROUP, "env", "files")
    assert error_of(missing) == (404, "ManagedEnvironmentStorageNotFound")
