"""What the page shows of deployments, jobs and shares, whoever made them and however far they are."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aca_local.files import FileShares
from aca_local.page.overview import overview
from support.arm_server import LIMIT, SUBSCRIPTION, TOKEN, Running, run_arm

SUB = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUB}/resourceGroups/group"
ENVIRONMENT = f"{GROUP}/providers/Microsoft.App/managedEnvironments/env"
APP_API, ARM_API = "2024-03-01", "2024-11-01"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with run_arm(tmp_path) as running:
        yield running


@pytest.fixture
def ask(running: Running) -> Iterator[Ask]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=LIMIT) as client:

        def ask(method: str, path: str, version: str, body: Any = None) -> httpx.Response:
            answer = client.request(method, path, params={"api-version": version}, json=body)
            assert answer.is_success, answer.text
            poll = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
            while poll and (answer := client.get(poll)).text.count('"InProgress"') + (
                answer.status_code == 202
            ):
                continue
            return answer

        ask("PUT", GROUP, ARM_API, {"location": "eastus"})
        yield ask


def shown(running: Running) -> str:
    return str(running.call(lambda: overview(running.cloud)))


def template(*resources: dict[str, Any]) -> dict[str, Any]:
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    return {"$schema": schema, "contentVersion": "1.0.0.0", "resources": list(resources)}


def test_an_empty_group_says_so_and_shows_no_empty_parts(running: Running, ask: Ask) -> None:
    page = shown(running)
    assert "Nothing in it yet." in page
    assert "Deployments" not in page


def test_a_failed_deployment_names_its_cause_once(running: Running, ask: Ask) -> None:
    missing = {"environmentId": f"{ENVIRONMENT}-missing", "configuration": {}, "template": {"containers": []}}
    app = {"type": "Microsoft.App/containerApps", "apiVersion": APP_API, "name": "app", "location": "eastus"}
    body = {"properties": {"mode": "Incremental", "template": template(app | {"properties": missing})}}
    path = f"{GROUP}/providers/Microsoft.Resources/deployments/broken"
    ask("PUT", path, ARM_API, body)
    while ask("GET", path, ARM_API).json()["properties"]["provisioningState"] != "Failed":
        continue
    page = shown(running)
    assert page.count("was not found") == 1
    assert page.count('<span class="state bad">Failed</span>') == 2


def test_a_deployment_of_the_subscription_stands_apart(running: Running, ask: Ask) -> None:
    body = {"location": "eastus", "properties": {"mode": "Incremental", "template": template()}}
    ask("PUT", f"{SUB}/providers/Microsoft.Resources/deployments/whole", ARM_API, body)
    page = shown(running)
    assert page.index("Subscription") < page.index("whole") < page.index(">group ")


def test_a_job_is_shown_with_its_executions(running: Running, ask: Ask) -> None:
    ask("PUT", ENVIRONMENT, APP_API, {"location": "eastus", "properties": {}})
    manual = {"parallelism": 1, "replicaCompletionCount": 1}
    configuration = {"triggerType": "Manual", "replicaTimeout": 60, "manualTriggerConfig": manual}
    containers = [{"name": "main", "image": "python", "command": ["true"]}]
    properties = {
        "environmentId": ENVIRONMENT,
        "configuration": configuration,
        "template": {"containers": containers},
    }
    job = f"{GROUP}/providers/Microsoft.App/jobs/tune"
    ask("PUT", job, APP_API, {"location": "eastus", "properties": properties})
    assert "Not started yet." in shown(running)
    execution = ask("POST", f"{job}/start", APP_API).json()["name"]
    assert execution in shown(running)


def test_a_share_is_shown_whoever_made_it_and_gone_when_it_is(running: Running, ask: Ask) -> None:
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/account1"
    body = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    ask("PUT", account, "2023-05-01", body)
    shares = running.cloud.shares
    assert isinstance(shares, FileShares)
    running.call(lambda: shares.create_share("account1", "by-data-plane"))
    assert "files/account1/by-data-plane/" in shown(running)
    running.call(lambda: shares.delete_share("account1", "by-data-plane"))
    assert "by-data-plane" not in shown(running)
