"""Storage accounts, keys, file services and shares; workspaces and their keys."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.arm_server import LIMIT, SUBSCRIPTION, TOKEN, Running, run_arm

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/group"
ACCOUNTS = f"{GROUP}/providers/Microsoft.Storage/storageAccounts"
WORKSPACES = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces"
BODY = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_arm(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture
def http(running: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    query = {"api-version": "2023-05-01"}
    with httpx.Client(base_url=running.url, headers=headers, params=query, timeout=LIMIT) as http:
        http.put(GROUP, json={"location": "eastus"}, params={"api-version": "2024-03-01"})
        yield http


def follow(http: httpx.Client, answer: httpx.Response) -> tuple[list[int], httpx.Response]:
    """Poll ``Location`` until it is done; the statuses on the way."""
    statuses = []
    while answer.status_code == 202:
        statuses.append(202)
        answer = httpx.get(answer.headers["Location"], headers=http.headers, timeout=LIMIT)
    return [*statuses, answer.status_code], answer


def create(http: httpx.Client, name: str, **properties: Any) -> httpx.Response:
    _, answer = follow(http, http.put(f"{ACCOUNTS}/{name}", json={**BODY, "properties": properties}))
    assert answer.status_code == 200
    return answer


def test_a_new_account_answers_as_recorded(http: httpx.Client) -> None:
    answer = http.put(f"{ACCOUNTS}/recorded01", json=BODY)
    assert (answer.status_code, answer.content) == (202, b"")
    assert "/providers/Microsoft.Storage/locations/eastus/asyncoperations/" in answer.headers["Location"]
    assert "?monitor=true&api-version=2023-05-01&t=" in answer.headers["Location"]
    statuses, done = follow(http, answer)
    assert statuses[-1] == 200
    assert done.json()["properties"]["provisioningState"] == "Succeeded"
    assert done.json()["sku"] == {"name": "Standard_LRS", "tier": "Standard"}
    assert "private" not in done.json()


def test_an_update_of_an_account_is_done_at_once_and_keeps_its_keys(http: httpx.Client) -> None:
    create(http, "updated01", allowBlobPublicAccess=True)
    keys = http.post(f"{ACCOUNTS}/updated01/listKeys").json()
    answer = http.put(f"{ACCOUNTS}/updated01", json=BODY)
    assert answer.status_code == 200
    assert answer.json()["properties"]["allowBlobPublicAccess"] is False, "a PUT resets what it leaves out"
    patched = http.patch(
        f"{ACCOUNTS}/updated01", json={"properties": {"minimumTlsVersion": "TLS1_2"}, "tags": {"a": "b"}}
    )
    assert patched.json()["properties"]["minimumTlsVersion"] == "TLS1_2"
    assert patched.json()["tags"] == {"a": "b"}
    assert http.post(f"{ACCOUNTS}/updated01/listKeys").json() == keys


def test_keys_are_listed_and_renewed_one_at_a_time(http: httpx.Client) -> None:
    create(http, "keys01")
    first, second = http.post(f"{ACCOUNTS}/keys01/listKeys?$expand=kerb").json()["keys"]
    assert (first["keyName"], first["permissions"], second["keyName"]) == ("key1", "FULL", "key2")
    renewed = http.post(f"{ACCOUNTS}/keys01/regenerateKey", json={"keyName": "key1"}).json()["keys"]
    assert renewed[0]["value"] != first["value"]
    assert renewed[1] == second
    assert http.post(f"{ACCOUNTS}/keys01/regenerateKey", json={"keyName": "key9"}).status_code == 400


def test_names_are_checked(http: httpx.Client) -> None:
    create(http, "taken01")
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Storage/checkNameAvailability"

    def ask(name: str) -> dict[str, Any]:
        found: dict[str, Any] = http.post(
            path, json={"name": name, "type": "Microsoft.Storage/storageAccounts"}
        ).json()
        return found

    assert ask("free01") == {"nameAvailable": True}
    assert ask("taken01")["reason"] == "AlreadyExists"
    assert ask("Bad_Name")["reason"] == "AccountNameInvalid"


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("UPPER", {}, (400, "AccountNameInvalid")),
        ("okname01", {"sku": {"name": "Golden"}}, (400, "InvalidValuesForRequestParameters")),
        ("okname01", {"location": "atlantis"}, (400, "LocationNotAvailableForResourceType")),
        ("okname01", {"location": None}, (400, "LocationRequired")),
    ],
)
def test_bad_accounts_are_refused(
    http: httpx.Client, name: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = http.put(f"{ACCOUNTS}/{name}", json={**BODY, **change})
    assert (answer.status_code, answer.json()["error"]["code"]) == expected


def test_a_share_is_made_changed_listed_and_removed(http: httpx.Client, running: Running) -> None:
    create(http, "shares01")
    shares = f"{ACCOUNTS}/shares01/fileServices/default/shares"
    made = http.put(f"{shares}/code", json={"properties": {"shareQuota": 1024}})
    assert made.status_code == 201
    assert made.json()["properties"]["shareQuota"] == 1024
    assert made.json()["properties"]["accessTier"] == "TransactionOptimized"
    assert running.cloud.shares.folder("shares01", "code").is_dir()
    assert http.put(f"{shares}/code", json={"properties": {"shareQuota": 5}}).status_code == 200
    patched = http.patch(f"{shares}/code", json={"properties": {"metadata": {"a": "b"}}}).json()["properties"]
    assert (patched["metadata"], patched["shareQuota"]) == ({"a": "b"}, 5)
    assert [one["name"] for one in http.get(shares).json()["value"]] == ["code"]
    assert http.delete(f"{shares}/code").status_code == 200
    assert http.delete(f"{shares}/code").status_code == 204
    missing = http.get(f"{shares}/code")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ShareNotFound")


@pytest.mark.parametrize("name", ["UPPER", "a", "two--hyphens", "-start"])
def test_bad_names_of_shares_are_refused(http: httpx.Client, name: str) -> None:
    create(http, "badshares01")
    answer = http.put(f"{ACCOUNTS}/badshares01/fileServices/default/shares/{name}", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidResourceName")


def test_an_account_has_its_file_service_from_the_start(http: httpx.Client) -> None:
    create(http, "service01")
    service = f"{ACCOUNTS}/service01/fileServices/default"
    assert http.get(service).json()["properties"]["shareDeleteRetentionPolicy"] == {
        "enabled": True,
        "days": 7,
    }
    policy = {"enabled": False}
    written = http.put(service, json={"properties": {"shareDeleteRetentionPolicy": policy}})
    assert written.json()["properties"]["shareDeleteRetentionPolicy"] == policy
    assert http.get(service).json()["properties"]["shareDeleteRetentionPolicy"] == policy
    assert [one["name"] for one in http.get(f"{ACCOUNTS}/service01/fileServices").json()["value"]] == [
        "default"
    ]


def test_removing_an_account_removes_its_shares(http: httpx.Client, running: Running) -> None:
    create(http, "gone01")
    http.put(f"{ACCOUNTS}/gone01/fileServices/default/shares/code", json={})
    assert http.delete(f"{ACCOUNTS}/gone01").status_code == 200
    assert http.delete(f"{ACCOUNTS}/gone01").status_code == 204
    assert http.get(f"{ACCOUNTS}/gone01").status_code == 404
    assert not running.cloud.shares.list_shares("gone01")


def test_a_workspace_answers_as_recorded(http: httpx.Client) -> None:
    version = {"api-version": "2023-09-01"}
    answer = http.put(f"{WORKSPACES}/logs", params=version, json={"location": "eastus", "properties": {}})
    assert answer.status_code == 201
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    assert "/operationstatuses/" in answer.headers["Azure-AsyncOperation"]
    assert answer.headers["Location"].endswith(f"{WORKSPACES}/logs?api-version=2023-09-01")
    status: dict[str, Any] = {"status": "InProgress"}
    while status["status"] == "InProgress":
        status = httpx.get(answer.headers["Azure-AsyncOperation"], headers=http.headers, timeout=LIMIT).json()
    assert status["status"] == "Succeeded"
    assert set(status) == {"id", "name", "status", "startTime", "endTime", "properties"}
    assert status["startTime"] <= status["endTime"]
    done = http.get(f"{WORKSPACES}/logs", params=version).json()
    assert done["properties"]["customerId"] == answer.json()["properties"]["customerId"]
    keys = http.post(f"{WORKSPACES}/logs/sharedKeys", params=version).json()
    assert set(keys) == {"primarySharedKey", "secondarySharedKey"}
    assert keys["primarySharedKey"] not in http.get(f"{WORKSPACES}/logs", params=version).text
