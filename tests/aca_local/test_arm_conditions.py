"""Several directories, rights on a group alone, providers that stay Registering, policies: on demand."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from aca_local.kernel import conditions
from support.app_provider import (
    BASE,
    ENVIRONMENT,
    GROUP,
    STORE,
    app,
    ended,
    environment,
    plain_client,
    run_region,
)
from support.arm_server import LIMIT, SUBSCRIPTION, TENANT, TOKEN, Running

SUB = f"/subscriptions/{SUBSCRIPTION}"
ABROAD, OTHER = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
API = {"api-version": "2022-12-01"}
ACCOUNT = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_region(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture
def http(running: Running) -> Iterator[httpx.Client]:
    with plain_client(running) as http:
        yield http
    running.cloud.conditions.state = conditions.State()


def become(running: Running, text: str) -> None:
    running.cloud.conditions.state = conditions.read(text)


def two_directories(running: Running, owner: str = ABROAD, **token: Any) -> None:
    other = {"id": OTHER, "name": "Pay-As-You-Go", "state": "Enabled"}
    home = {"id": TENANT, "name": "Personal", "domain": "me.example"}
    work = {"id": ABROAD, "name": "Contoso", "domain": "contoso.example", "subscriptions": [other]}
    become(
        running,
        httpx.Request(
            "PUT",
            "http://x",
            json={
                "tenants": [home, work],
                "owner": owner,
                "tokens": [{"token": "abroad", "tenant": ABROAD, **token}],
            },
        ).content.decode(),
    )


def as_guest(running: Running, method: str, path: str, **more: Any) -> httpx.Response:
    headers = {"Authorization": "Bearer abroad"}
    return httpx.request(method, f"{running.url}{path}", params=API, headers=headers, timeout=LIMIT, **more)


def test_each_directory_has_its_subscriptions(running: Running, http: httpx.Client) -> None:
    two_directories(running)
    tenants = http.get("/tenants", params=API).json()["value"]
    assert [(one["tenantId"], one["displayName"]) for one in tenants] == [
        (TENANT, "Personal"),
        (ABROAD, "Contoso"),
    ]
    assert http.get("/subscriptions", params=API).json()["value"] == []
    seen = as_guest(running, "GET", "/subscriptions").json()["value"]
    assert [(one["subscriptionId"], one["tenantId"]) for one in seen] == [
        (SUBSCRIPTION, ABROAD),
        (OTHER, ABROAD),
    ]
    assert as_guest(running, "GET", f"/subscriptions/{OTHER}").json()["displayName"] == "Pay-As-You-Go"


def test_a_token_of_another_directory_is_told_which_one(running: Running, http: httpx.Client) -> None:
    two_directories(running)
    answer = http.get(f"{SUB}/resourcegroups", params=API)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert error["code"] == "InvalidAuthenticationTokenTenant"
    assert (
        f"'https://sts.windows.net/{TENANT}/'. It must match the tenant 'https://sts.windows.net/{ABROAD}/'"
        in (error["message"])
    )
    assert f'authorization_uri="https://login.windows.net/{ABROAD}"' in answer.headers["WWW-Authenticate"]
    assert as_guest(running, "GET", f"{SUB}/resourcegroups").status_code == 200


def test_a_token_that_is_over(running: Running, http: httpx.Client) -> None:
    two_directories(running, expired=True)
    answer = as_guest(running, "GET", "/subscriptions")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "ExpiredAuthenticationToken")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_second_factor_is_asked_of_writes_alone(running: Running, http: httpx.Client) -> None:
    two_directories(running, claims="eyJhIjoxfQ==")
    assert as_guest(running, "GET", f"{SUB}/resourcegroups").status_code == 200
    answer = as_guest(running, "PUT", f"{SUB}/resourcegroups/new", json={"location": "eastus"})
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in challenge
    assert 'claims="eyJhIjoxfQ=="' in challenge


def test_rights_on_a_group_alone(running: Running, http: httpx.Client) -> None:
    become(running, '{"rights": "group"}')
    scope = f"over scope '{SUB}'"
    for method, path, action in (
        ("GET", f"{SUB}/providers/Microsoft.App", "Microsoft.Resources/subscriptions/providers/read"),
        ("POST", f"{SUB}/providers/Microsoft.App/register", "Microsoft.App/register/action"),
        ("PUT", f"{SUB}/resourcegroups/new", "Microsoft.Resources/subscriptions/resourceGroups/write"),
    ):
        answer = http.request(method, path, params=API, json={"location": "eastus"})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (403, "AuthorizationFailed")
        assert f"perform action '{action}' over scope '{SUB}" in error["message"]
    assert scope in http.get(f"{SUB}/providers/Microsoft.App", params=API).json()["error"]["message"]
    for path in (SUB, f"{SUB}/locations", f"{SUB}/resourcegroups", f"{SUB}/resourceGroups/{GROUP}"):
        assert http.get(path, params=API).status_code == 200
    assert http.put(STORE, params={"api-version": "2023-05-01"}, json=ACCOUNT).status_code == 202


def test_a_provider_stays_registering_and_takes_resources(running: Running, http: httpx.Client) -> None:
    become(running, '{"registering": ["Microsoft.App"]}')
    one = f"{SUB}/providers/Microsoft.App"
    http.post(f"{one}/register", params=API)
    assert http.get(one, params=API).json()["registrationState"] == "Registering"
    made = http.put(f"{BASE}/Microsoft.App/managedEnvironments/slow", json=environment())
    assert made.status_code == 201


def test_a_policy_forbids_keys_whatever_was_asked(running: Running, http: httpx.Client) -> None:
    become(running, '{"modify": {"Microsoft.Storage/storageAccounts": {"allowSharedKeyAccess": false}}}')
    body = ACCOUNT | {"properties": {"allowSharedKeyAccess": True}}
    storage = {"api-version": "2023-05-01"}
    account = f"{BASE}/Microsoft.Storage/storageAccounts/nokeys"
    http.put(account, params=storage, json=body)
    properties = http.get(account, params=storage).json()["properties"]
    assert properties["allowSharedKeyAccess"] is False
    assert http.post(f"{account}/listKeys", params=storage).json()["keys"]


def test_locks_of_a_scope_are_those_on_it_above_it_and_below_it(running: Running, http: httpx.Client) -> None:
    group, app = f"{SUB}/resourceGroups/{GROUP}", f"{BASE}/Microsoft.App/containerApps/app"
    listed = {"locks": [{"name": "keep", "level": "ReadOnly", "scope": group.upper()}]}
    listed["locks"].append({"name": "other", "level": "CanNotDelete", "scope": f"{app}2"})
    become(running, json.dumps(listed))

    def names(scope: str) -> list[str]:
        path = f"{scope}/providers/Microsoft.Authorization/locks"
        found = http.get(path, params={"api-version": "2016-09-01"}).json()["value"]
        assert {one["type"] for one in found} == {"Microsoft.Authorization/locks"}
        return [f"{one['name']} {one['properties']['level']}" for one in found]

    assert names(app) == ["keep ReadOnly"]
    assert names(f"{app}2") == names(group) == names(SUB) == ["keep ReadOnly", "other CanNotDelete"]


def test_a_policy_that_denies_is_found_by_validate(running: Running, http: httpx.Client) -> None:
    become(running, '{"deny": {"Microsoft.Storage/storageAccounts": "No storage here"}}')
    storage = {"api-version": "2023-05-01"}
    direct = http.put(f"{BASE}/Microsoft.Storage/storageAccounts/denied", params=storage, json=ACCOUNT)
    assert (direct.status_code, direct.json()["error"]["code"]) == (403, "RequestDisallowedByPolicy")
    resource = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-05-01", "name": "denied"}
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [resource | ACCOUNT],
    }
    path = f"{BASE}/Microsoft.Resources/deployments/d/validate"
    body = {"properties": {"template": template, "mode": "Incremental"}}
    error = http.post(path, params=API, json=body).json()["error"]
    assert error["code"] == "InvalidTemplateDeployment"
    (inner,) = error["details"][0]["details"]
    assert inner["code"] == "RequestDisallowedByPolicy"
    assert inner["message"].startswith("Resource 'denied' was disallowed by policy. Policy identifiers: ")
    assert inner["additionalInfo"][0]["info"]["policyAssignmentDisplayName"] == "No storage here"


def test_a_volume_on_an_account_without_keys_or_with_a_closed_network_is_not_mounted(
    running: Running, http: httpx.Client
) -> None:
    storage = {"api-version": "2023-05-01"}
    for name, properties in (
        ("closed", {"networkAcls": {"defaultAction": "Deny"}}),
        ("private", {"publicNetworkAccess": "Disabled"}),
        ("keyless", {"allowSharedKeyAccess": False}),
    ):
        account = f"{BASE}/Microsoft.Storage/storageAccounts/{name}"
        http.put(account, params=storage, json=ACCOUNT | {"properties": properties})
        http.put(f"{account}/fileServices/default/shares/code", params=storage, json={})
        key = http.post(f"{account}/listKeys", params=storage).json()["keys"][0]["value"]
        file = {"accountName": name, "accountKey": key, "shareName": "code", "accessMode": "ReadWrite"}
        http.put(f"{ENVIRONMENT}/storages/{name}", json={"properties": {"azureFile": file}})
        body = app(
            container={"volumeMounts": [{"volumeName": "v", "mountPath": "/code"}]},
            template={"volumes": [{"name": "v", "storageType": "AzureFile", "storageName": name}]},
        )
        ended(http, http.put(f"{BASE}/Microsoft.App/containerApps/{name}", json=body))
        (spec,) = (one for (app_id, _), one in running.replicas.specs.items() if app_id.endswith(f"/{name}"))
        assert "mount error(13): Permission denied" in spec.containers[0].mounts[0].failure


@pytest.mark.parametrize("text", ["[", '{"tenants": [{}]}', '{"tenant": 1}', '{"tokens": "x"}', "[]x", "7"])
def test_a_wrong_description_is_refused(text: str) -> None:
    with pytest.raises(conditions.ConditionsError):
        conditions.read(text)


def test_the_instance_token_is_good_where_nothing_is_said(http: httpx.Client) -> None:
    assert TOKEN
    assert http.get("/subscriptions", params=API).json()["value"][0]["tenantId"] == TENANT


def test_a_lock_forbids_what_its_level_says(running: Running, http: httpx.Client) -> None:
    url, api = f"{BASE}/Microsoft.Storage/storageAccounts/lockedstore", {"api-version": "2023-05-01"}
    assert http.put(url, params=api, json=ACCOUNT).status_code < 300
    lock = {"name": "keep", "level": "CanNotDelete", "scope": url}
    become(running, json.dumps({"locks": [lock]}))
    assert http.get(url, params=api).status_code == 200
    assert http.patch(url, params=api, json={"tags": {"a": "b"}}).status_code == 200
    refused = http.delete(url, params=api)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ScopeLocked")
    assert "cannot perform delete operation" in refused.json()["error"]["message"]
    group = f"{SUB}/resourcegroups/{GROUP}"
    assert http.delete(group, params={"api-version": "2021-04-01"}).status_code == 409
    become(running, json.dumps({"locks": [{**lock, "level": "ReadOnly", "scope": group}]}))
    for method, path in (
        ("PATCH", url),
        ("POST", f"{url}/listKeys"),
        ("PUT", url.replace("locked", "other")),
    ):
        answer = http.request(method, path, params=api, json=ACCOUNT)
        assert answer.json()["error"]["code"] == "ScopeLocked", (method, path)
    assert http.get(url, params=api).status_code == 200
    become(running, "{}")
    assert http.delete(url, params=api).status_code < 300
