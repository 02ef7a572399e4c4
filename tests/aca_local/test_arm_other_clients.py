"""What other people's clients send to Resource Manager beside the plain operations: found by running them.

The Azure CLI 2.91 (``az``) and the JavaScript SDKs (``@azure/arm-storage`` 21, ``@azure/arm-resources`` 8)
were driven against aca-local; each test holds a request that one of them makes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aca_local.arm import takes_keys
from aca_local.files import FileShares
from support.arm_server import LIMIT, SUBSCRIPTION, TENANT, TOKEN, Running, run_arm

SUB = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUB}/resourceGroups/group"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/account1"
SHARE = f"{ACCOUNT}/fileServices/default/shares/code"
STORAGE_API, APP_API = "2026-09-01", "2025-10-02-preview"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with run_arm(tmp_path) as running:
        yield running


@pytest.fixture
def ask(running: Running) -> Iterator[Ask]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(headers=headers, timeout=LIMIT) as client:

        def ask(method: str, path: str, version: str, body: Any = None, **query: str) -> httpx.Response:
            url = running.url + path
            return client.request(method, url, params={"api-version": version} | query, json=body)

        ask("PUT", GROUP, "2024-11-01", {"location": "eastus"})
        account = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        made = ask("PUT", ACCOUNT, STORAGE_API, account)
        while made.status_code == 202:
            made = client.get(made.headers["Location"])
        assert ask("PUT", SHARE, STORAGE_API, {"properties": {}}).status_code == 201
        yield ask


def test_az_cloud_register_learns_the_endpoints_without_a_sign_in(running: Running) -> None:
    url = f"{running.url}/metadata/endpoints"
    found = httpx.get(url, params={"api-version": "2022-09-01"}).json()
    assert found["resourceManager"] == f"{running.url}/"
    assert found["authentication"]["tenant"] == TENANT
    assert found["authentication"]["audiences"] == [f"{running.url}/"]
    assert httpx.get(url, params={"api-version": "2020-06-01"}).json() == [found]
    assert httpx.get(url, params={"api-version": "1999-01-01"}).status_code == 400
    assert httpx.post(url, params={"api-version": "2022-09-01"}).status_code == 401


def test_two_slashes_are_one(ask: Ask) -> None:
    """``az resource show`` writes an empty parent, ``resources.getById`` of JavaScript begins with two."""
    for path in (f"{GROUP}/providers/Microsoft.Storage//storageAccounts/account1", f"/{ACCOUNT}"):
        assert ask("GET", path, STORAGE_API).json()["name"] == "account1"


@pytest.mark.parametrize("version", ["2026-09-01", "2026-06-01", "2026-04-01", "2018-07-01"])
def test_the_storage_versions_of_todays_sdks(ask: Ask, version: str) -> None:
    assert ask("POST", f"{ACCOUNT}/listKeys", version).status_code == 200


def test_a_condition_is_refused_not_passed_over(running: Running, ask: Ask) -> None:
    for header in ("If-Match", "If-None-Match"):
        headers = {"Authorization": f"Bearer {TOKEN}", header: "*"}
        body = {"location": "eastus"}
        answer = httpx.put(f"{running.url}{GROUP}?api-version=2024-11-01", headers=headers, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UnsupportedHeader")
    assert ask("GET", GROUP, "2024-11-01").status_code == 200


def test_an_account_that_forbids_its_keys_is_known_to_the_files_service(running: Running, ask: Ask) -> None:
    assert running.call(lambda: takes_keys(running.cloud, "account1"))
    patched = ask("PATCH", ACCOUNT, STORAGE_API, {"properties": {"allowSharedKeyAccess": False}})
    assert patched.json()["properties"]["allowSharedKeyAccess"] is False
    assert not running.call(lambda: takes_keys(running.cloud, "account1"))


def test_how_many_accounts_a_region_may_have(ask: Ask) -> None:
    path = f"{SUB}/providers/Microsoft.Storage/locations"
    (here,) = ask("GET", f"{path}/eastus/usages", STORAGE_API).json()["value"]
    assert (here["name"]["value"], here["currentValue"], here["limit"]) == ("StorageAccounts", 1, 250)
    assert ask("GET", f"{path}/westus/usages", STORAGE_API).json()["value"][0]["currentValue"] == 0


def test_a_share_is_deleted_with_or_without_its_snapshots(running: Running, ask: Ask) -> None:
    """``az storage share-rm delete`` says ``$include=none``."""
    take_snapshot(running, "account1", "code")
    refused = ask("DELETE", SHARE, STORAGE_API, **{"$include": "none"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "ShareHasSnapshots")
    assert ask("DELETE", SHARE, STORAGE_API, **{"$include": "some"}).status_code == 400
    assert ask("DELETE", ACCOUNT, STORAGE_API, **{"$include": "none"}).status_code == 400
    assert ask("DELETE", SHARE, STORAGE_API, **{"$include": "snapshots"}).status_code == 200
    assert ask("GET", SHARE, STORAGE_API).status_code == 404


def take_snapshot(running: Running, account: str, share: str) -> None:
    """As the Files service, which does not run here, takes one."""
    shares = running.cloud.shares
    assert isinstance(shares, FileShares)

    def take() -> None:
        of = shares.get_share(account, share)
        (copied := Path(shares.staging())).mkdir()
        shares.finish_snapshot(of, shares.begin_snapshot(of, {}), copied)

    running.call(take)


def test_what_is_never_there_lists_as_empty_and_cannot_be_made(ask: Ask) -> None:
    """``az containerapp up`` lists connected environments before it makes an app (recorded)."""
    connected = f"{GROUP}/providers/Microsoft.App/connectedEnvironments"
    assert ask("GET", connected, APP_API).json() == {"value": []}
    assert ask("GET", f"{connected}/one", APP_API).json()["error"]["code"] == "ResourceNotFound"
    refused = ask("PUT", f"{connected}/one", APP_API, {"location": "eastus"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (405, "MethodNotAllowed")
    assert ask("DELETE", f"{connected}/one", APP_API).status_code == 405


def test_the_token_of_an_environment_has_the_recorded_type(ask: Ask) -> None:
    environment = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"
    ask("PUT", environment, APP_API, {"location": "eastus", "properties": {}})
    for below in ("certificates", "managedCertificates", "daprComponents"):
        assert ask("GET", f"{environment}/{below}", APP_API).json() == {"value": []}
    token = ask("POST", f"{environment}/getAuthToken", APP_API).json()
    assert token["type"] == "Microsoft.App/environments/accesstoken"
