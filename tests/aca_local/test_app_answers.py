"""What clients read of apps, and what is not served: identities, rules, sizes, shells, providers, crashes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from support.app_provider import BASE, ENVIRONMENT, app, ended, environment, plain_client, run_region
from support.arm_server import SUBSCRIPTION, TENANT, Running

SUB = f"/subscriptions/{SUBSCRIPTION}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_region(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture
def http(running: Running) -> Iterator[httpx.Client]:
    with plain_client(running) as http:
        yield http


def create(http: httpx.Client, name: str, body: Any) -> Any:
    answer = ended(http, http.put(f"{BASE}/Microsoft.App/containerApps/{name}", json=body))
    assert answer.is_success, answer.text
    return http.get(f"{BASE}/Microsoft.App/containerApps/{name}").json()


def test_a_system_identity_has_its_ids(http: httpx.Client) -> None:
    made = create(http, "known", app() | {"identity": {"type": "SystemAssigned"}})
    identity = made["identity"]
    assert (identity["type"], identity["tenantId"]) == ("SystemAssigned", TENANT)
    assert len(identity["principalId"]) == 36
    again = create(http, "known", app() | {"identity": {"type": "SystemAssigned"}})
    assert again["identity"] == identity
    assert create(http, "known", app())["identity"] == {"type": "None"}


def test_a_user_assigned_identity_has_its_ids(http: httpx.Client) -> None:
    name = f"{BASE}/Microsoft.ManagedIdentity/userAssignedIdentities/me"
    identity = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {name: {}}}
    made = create(http, "both", app() | {"identity": identity})["identity"]
    assert set(made["userAssignedIdentities"][name]) == {"principalId", "clientId"}
    assert made["principalId"]


def test_a_scale_rule_comes_back_without_what_is_null(http: httpx.Client) -> None:
    # as the Azure CLI sends it (recorded)
    rule = {
        "name": "http",
        "azureQueue": None,
        "custom": None,
        "tcp": None,
        "http": {"metadata": {"concurrentRequests": "20"}, "auth": None},
    }
    made = create(http, "busy", app(template={"scale": {"maxReplicas": 2, "rules": [rule]}}))
    rules = made["properties"]["template"]["scale"]["rules"]
    assert rules == [{"name": "http", "http": {"metadata": {"concurrentRequests": "20"}}}]


@pytest.mark.parametrize("memory", [".5Gi", "0.5Gi", "0.50Gi"])
def test_memory_sizes(http: httpx.Client, memory: str) -> None:
    create(http, "small", app(container={"resources": {"cpu": 0.25, "memory": memory}}))


@pytest.mark.parametrize("memory", ["", "5", "Gi", ".Gi", "-1Gi", "1e3Gi", "٣Gi", "0.5 Gi"])
def test_what_is_no_memory_size(http: httpx.Client, memory: str) -> None:
    body = app(container={"resources": {"cpu": 0.25, "memory": memory}})
    answer = http.put(f"{BASE}/Microsoft.App/containerApps/small", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        400,
        "InvalidParameterValueInContainerTemplate",
    )


def test_a_shell_is_refused_in_words(http: httpx.Client) -> None:
    made = create(http, "shell", app())
    token = http.post(f"{BASE}/Microsoft.App/containerApps/shell/getAuthtoken").json()["properties"]["token"]
    revision = made["properties"]["latestRevisionName"]
    group = BASE.removesuffix("/providers")
    path = f"{group}/containerApps/shell/revisions/{revision}/replicas/r/containers/main"
    answer = http.get(f"{path}/exec", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404
    assert "aca-local does not serve the path" in answer.json()["error"]["message"]


def test_a_provider_that_is_not_served_is_named(http: httpx.Client) -> None:
    for path in (
        f"{BASE}/Microsoft.Resources/deploymentScripts/x",
        f"{BASE}/Microsoft.Network/virtualNetworks/x",
    ):
        answer = http.get(path)
        assert answer.status_code == 404
        assert "aca-local does not serve the resource provider" in answer.json()["error"]["message"]
    own = http.post(f"{SUB}/providers/Microsoft.Resources/register")
    assert (own.status_code, own.json()["registrationState"]) == (200, "Registered")


def test_an_internal_environment_says_so(http: httpx.Client) -> None:
    network = {"internal": True, "infrastructureSubnetId": "/subscriptions/s/x"}
    made = http.put(
        f"{BASE}/Microsoft.App/managedEnvironments/inside", json=environment(vnetConfiguration=network)
    )
    assert made.json()["properties"]["vnetConfiguration"] == {
        **network,
        "dockerBridgeCidr": None,
        "platformReservedCidr": None,
        "platformReservedDnsIP": None,
    }


def test_a_revision_that_crashes_has_failed_and_says_why(
    http: httpx.Client, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(http, "crash", app())
    revision = (
        f"{BASE}/Microsoft.App/containerApps/crash/revisions/{made['properties']['latestRevisionName']}"
    )
    seen = running.replicas.states

    def crashing(app_id: str, name: str) -> list[Any]:
        return [
            replace(
                one,
                containers=tuple(
                    replace(
                        each,
                        ready=False,
                        restart_count=3,
                        running_state="Waiting",
                        running_state_details="CrashLoopBackOff",
                    )
                    for each in one.containers
                ),
            )
            for one in seen(app_id, name)
        ]

    monkeypatch.setattr(running.replicas, "states", crashing)
    properties = http.get(revision).json()["properties"]
    assert (properties["provisioningState"], properties["runningState"], properties["healthState"]) == (
        "Failed",
        "Failed",
        "Unhealthy",
    )
    assert properties["provisioningError"] == "Container crashing: main"
    (replica,) = http.get(f"{revision}/replicas").json()["value"]
    (container,) = replica["properties"]["containers"]
    assert (container["runningState"], container["runningStateDetails"]) == ("Waiting", "CrashLoopBackOff")
    assert http.get(ENVIRONMENT).json()["properties"]["provisioningState"] == "Succeeded"


def test_in_use_profiles_keep_their_counts(http: httpx.Client) -> None:
    wrong = {"name": "d4", "workloadProfileType": "D4", "minimumCount": 3, "maximumCount": 1}
    answer = http.put(f"{BASE}/Microsoft.App/managedEnvironments/counts", json=environment(wrong))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "WorkloadProfileInvalidCount")


def test_no_processor_is_refused(http: httpx.Client) -> None:
    for cpu in (0, -0.25):
        body = app(container={"resources": {"cpu": cpu, "memory": "0.5Gi"}})
        assert http.put(f"{BASE}/Microsoft.App/containerApps/none", json=body).status_code == 400
