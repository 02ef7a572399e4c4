"""Subscriptions, groups, providers, generic resources; and what is refused: through the SDKs and by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient
from support.arm_server import (
    LIMIT,
    SUBSCRIPTION,
    TENANT,
    TOKEN,
    Credential,
    Running,
    client_options,
    run_arm,
)

BASE = f"/subscriptions/{SUBSCRIPTION}"
LOGS = "Microsoft.OperationalInsights/workspaces"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_arm(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[ResourceManagementClient]:
    with ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(running)) as client:
        yield client


@pytest.fixture
def group(client: ResourceManagementClient, request: pytest.FixtureRequest) -> str:
    name = f"g-{request.node.name}"[:80]
    client.resource_groups.create_or_update(name, {"location": "eastus"})
    return name


@pytest.fixture
def http(running: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=LIMIT) as http:
        yield http


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_subscriptions_tenants_and_locations(running: Running) -> None:
    with SubscriptionClient(Credential(), **client_options(running)) as client:
        assert [one.subscription_id for one in client.subscriptions.list()] == [SUBSCRIPTION]
        assert client.subscriptions.get(SUBSCRIPTION).state == "Enabled"
        assert [one.tenant_id for one in client.tenants.list()] == [TENANT]
        regions = {one.name: one for one in client.subscriptions.list_locations(SUBSCRIPTION)}
        assert regions["eastus"].metadata.paired_region[0].name == "westus"
        with pytest.raises(ResourceNotFoundError) as caught:
            client.subscriptions.get("99999999-9999-4999-8999-999999999999")
    assert caught.value.error.code == "SubscriptionNotFound"


def test_a_group_is_made_changed_listed_and_removed(client: ResourceManagementClient) -> None:
    groups = client.resource_groups
    made = groups.create_or_update("Group.1", {"location": "East US", "tags": {"env": "dev"}})
    assert (made.name, made.location, made.properties.provisioning_state) == (
        "Group.1",
        "eastus",
        "Succeeded",
    )
    assert groups.check_existence("group.1")
    assert groups.update("GROUP.1", {"tags": {"env": "it's"}}).tags == {"env": "it's"}
    found = groups.list(filter="tagName eq 'env' and tagValue eq 'it''s'")
    assert [one.name for one in found] == ["Group.1"]
    groups.begin_delete("group.1").result()
    assert not groups.check_existence("group.1")


def test_a_group_stays_where_it_is(client: ResourceManagementClient, group: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.resource_groups.create_or_update(group, {"location": "westus3"})
    assert (caught.value.status_code, caught.value.error.code) == (409, "InvalidResourceGroupLocation")


@pytest.mark.parametrize(
    ("name", "location"), [("bad name?", "eastus"), ("g.", "eastus"), ("g", "atlantis"), ("g", "")]
)
def test_a_bad_group_is_refused(client: ResourceManagementClient, name: str, location: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        client.resource_groups.create_or_update(name, {"location": location})
    assert caught.value.status_code == 400


def test_a_missing_group_is_said_in_azures_words(client: ResourceManagementClient) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        client.resource_groups.get("nowhere")
    assert caught.value.error.message == "Resource group 'nowhere' could not be found."


def test_removing_a_group_removes_what_is_in_it(client: ResourceManagementClient, running: Running) -> None:
    client.resource_groups.create_or_update("full", {"location": "eastus"})
    body = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    account = f"{BASE}/resourceGroups/full/providers/Microsoft.Storage/storageAccounts/fullgroup"
    client.resources.begin_create_or_update_by_id(account, body, api_version="2023-05-01").result()
    client.resource_groups.begin_delete("full").result()
    client.resource_groups.create_or_update("full", {"location": "eastus"})
    assert list(client.resources.list_by_resource_group("full")) == []
    assert not running.cloud.shares.list_shares("fullgroup")


def test_providers_are_registered_and_unregistered(client: ResourceManagementClient, group: str) -> None:
    assert client.providers.get("microsoft.app").registration_state == "Registered"
    assert client.providers.unregister("Microsoft.OperationalInsights").registration_state == "Unregistering"
    body = {"location": "eastus", "properties": {}}
    identifier = f"{BASE}/resourceGroups/{group}/providers/{LOGS}/logs"
    with pytest.raises(HttpResponseError) as caught:
        client.resources.begin_create_or_update_by_id(identifier, body, api_version="2023-09-01")
    assert (caught.value.status_code, caught.value.error.code) == (409, "MissingSubscriptionRegistration")
    assert caught.value.error.details[0].target == "Microsoft.OperationalInsights"
    assert client.providers.register("Microsoft.OperationalInsights").registration_state == "Registering"
    assert client.providers.get("Microsoft.OperationalInsights").registration_state == "Registered"
    client.resources.begin_create_or_update_by_id(identifier, body, api_version="2023-09-01").result()


def test_provider_types_say_versions_and_regions(client: ResourceManagementClient) -> None:
    assert {one.namespace for one in client.providers.list()} >= {"Microsoft.App", "Microsoft.Storage"}
    assert client.providers.get("Microsoft.Resources").registration_policy == "RegistrationFree"
    types = {one.resource_type: one for one in client.providers.get("Microsoft.App").resource_types}
    assert "2024-03-01" in types["managedEnvironments"].api_versions
    assert "East US" in types["containerApps"].locations


def test_generic_resources_are_listed_by_type_name_and_tag(
    client: ResourceManagementClient, group: str
) -> None:
    for name, tag in (("one-logs", "a"), ("two-logs", "b")):
        identifier = f"{BASE}/resourceGroups/{group}/providers/{LOGS}/{name}"
        body = {"location": "eastus", "tags": {"which": tag}, "properties": {}}
        client.resources.begin_create_or_update_by_id(identifier, body, api_version="2023-09-01").result()
    listed = client.resources.list_by_resource_group
    assert {one.name for one in listed(group, filter=f"resourceType eq '{LOGS}'")} == {"one-logs", "two-logs"}
    assert [one.name for one in listed(group, filter="tagName eq 'which' and tagValue eq 'b'")] == [
        "two-logs"
    ]
    assert [one.name for one in listed(group, filter="name eq 'one-logs'")] == ["one-logs"]
    (expanded,) = listed(group, filter="name eq 'one-logs'", expand="createdTime,provisioningState")
    assert (expanded.provisioning_state, expanded.created_time is None) == ("Succeeded", False)
    assert client.resources.check_existence_by_id(
        f"{BASE}/resourceGroups/{group}/providers/{LOGS}/one-logs", api_version="2023-09-01"
    )
    client.resources.begin_delete_by_id(
        f"{BASE}/resourceGroups/{group}/providers/{LOGS}/one-logs", api_version="2023-09-01"
    ).result()
    assert [one.name for one in listed(group)] == ["two-logs"]


def test_a_missing_resource_is_said_in_the_recorded_words(http: httpx.Client, group: str) -> None:
    answer = http.get(
        f"{BASE}/resourceGroups/{group}/providers/Microsoft.App/managedEnvironments/e?api-version=2024-03-01"
    )
    assert answer.json()["error"] == {
        "code": "ResourceNotFound",
        "message": f"The Resource 'Microsoft.App/managedEnvironments/e' under resource group '{group}' was"
        " not found. For"
        " more details please go to https://aka.ms/ARMResourceNotFoundFix",
    }
    assert answer.headers["x-ms-failure-cause"] == "gateway"


def test_a_child_without_its_parent_is_refused(http: httpx.Client, group: str) -> None:
    path = f"{BASE}/resourceGroups/{group}/providers/Microsoft.App/managedEnvironments/e/storages/s"
    answer = http.put(f"{path}?api-version=2024-03-01", json={"properties": {}})
    assert error_of(answer) == (404, "ParentResourceNotFound")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/subscriptions", (400, "MissingApiVersionParameter")),
        ("/subscriptions?api-version=1999-01-01", (400, "InvalidApiVersionParameter")),
        (f"{BASE}/providers/Microsoft.Nothing?api-version=2022-09-01", (404, "InvalidResourceNamespace")),
        (f"{BASE}/providers/Microsoft.App/rockets?api-version=2024-03-01", (404, "InvalidResourceType")),
        (
            f"{BASE}/providers/Microsoft.App/containerApps?api-version=2001-01-01",
            (400, "NoRegisteredProviderFound"),
        ),
        (f"{BASE}/somewhere/else?api-version=2022-09-01", (404, "UnsupportedPath")),
        (f"{BASE}/resourcegroups?api-version=2022-09-01&$orderby=name", (400, "UnsupportedQueryOption")),
        (f"{BASE}/resourcegroups?api-version=2022-09-01&$filter=x", (400, "InvalidFilterInQueryString")),
        (
            f"{BASE}/providers/Microsoft.App/jobs?api-version=2024-03-01&$filter=x",
            (400, "UnsupportedQueryOption"),
        ),
    ],
)
def test_what_is_not_supported_gets_a_clear_error(
    http: httpx.Client, path: str, expected: tuple[int, str]
) -> None:
    assert error_of(http.get(path)) == expected


def test_an_unsupported_method_is_refused(http: httpx.Client) -> None:
    assert error_of(http.delete(f"{BASE}?api-version=2022-12-01")) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("body", ["{", "[1]", '{"location": '])
def test_a_broken_body_is_refused(http: httpx.Client, body: str) -> None:
    answer = http.put(f"{BASE}/resourcegroups/g?api-version=2022-09-01", content=body)
    assert error_of(answer) == (400, "InvalidRequestContent")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer wrong"}])
def test_without_a_good_token_nothing_is_told(running: Running, header: dict[str, str]) -> None:
    for path in ("/subscriptions?api-version=2022-12-01", "/somewhere"):
        answer = httpx.get(f"{running.url}{path}", headers=header, timeout=LIMIT)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith('Bearer authorization_uri="https://login.')


def test_another_host_name_is_refused(running: Running) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "evil.example"}
    answer = httpx.get(f"{running.url}/subscriptions?api-version=2022-12-01", headers=headers, timeout=LIMIT)
    assert error_of(answer) == (403, "InvalidHost")


def test_answers_have_arms_headers(http: httpx.Client) -> None:
    sent: dict[str, Any] = {
        "x-ms-correlation-request-id": "abc",
        "x-ms-client-request-id": "mine",
        "x-ms-return-client-request-id": "true",
    }
    headers = http.get("/subscriptions?api-version=2022-12-01", headers=sent).headers
    assert headers["x-ms-correlation-request-id"] == "abc"
    assert headers["x-ms-client-request-id"] == "mine"
    assert headers["x-ms-request-id"]
    assert headers["cache-control"] == "no-cache"
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_an_app_that_cannot_run_again_does_not_keep_the_rest_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app_type = "Microsoft.App/containerApps"
    group = f"{BASE}/resourceGroups/kept"
    environment = f"{group}/providers/Microsoft.App/managedEnvironments/env"
    properties = {
        "environmentId": environment,
        "configuration": {"ingress": {"targetPort": 80}},
        "template": {"containers": [{"name": "c", "image": "i"}]},
    }
    with run_arm(tmp_path) as first:
        client = ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(first))
        client.resource_groups.create_or_update("kept", {"location": "eastus"})
        for identifier, held in ((environment, {}), (f"{group}/providers/{app_type}/app", properties)):
            body = {"location": "eastus", "properties": held}
            client.resources.begin_create_or_update_by_id(identifier, body, api_version="2024-03-01").result()

    async def refuse(*_: object, **__: object) -> str:
        raise OSError("Port 7000 is in use.")

    monkeypatch.setattr("support.arm_fakes.FakeIngress.expose", refuse)
    with run_arm(tmp_path) as second:
        client = ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(second))
        assert client.resource_groups.get("kept").location == "eastus"
    assert "container app 'app' was not started again: Port 7000 is in use." in caplog.text


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with run_arm(tmp_path) as first:
        ResourceManagementClient(
            Credential(), SUBSCRIPTION, **client_options(first)
        ).resource_groups.create_or_update("kept", {"location": "eastus"})
    with run_arm(tmp_path) as second:
        groups = ResourceManagementClient(
            Credential(), SUBSCRIPTION, **client_options(second)
        ).resource_groups
        assert groups.get("kept").location == "eastus"


def test_retail_prices_are_listed_by_page_without_a_token(running: Running) -> None:
    query = {
        "api-version": "2023-01-01-preview",
        "$filter": "serviceName eq 'Azure Container Apps' and armRegionName eq 'eastus' and priceType eq 'Consumption'",
    }
    page = httpx.get(f"{running.url}/api/retail/prices", params=query, timeout=LIMIT).json()
    assert page["NextPageLink"] is None
    assert {one["armRegionName"] for one in page["Items"]} == {"eastus"}
    assert "Standard vCPU Idle Usage" in {one["meterName"] for one in page["Items"]}
    query["$filter"] = "serviceName eq 'Azure Container Apps'"
    first = httpx.get(f"{running.url}/api/retail/prices", params=query, timeout=LIMIT).json()
    second = httpx.get(first["NextPageLink"], timeout=LIMIT).json()
    assert len(first["Items"]) == 100
    assert second["Items"]
    assert not {one["meterId"] for one in first["Items"]} & {one["meterId"] for one in second["Items"]}
