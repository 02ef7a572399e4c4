"""Answers of aca-local held against Microsoft's OpenAPI documents (../shared/specs).

A difference from a document counts only where no recording of real traffic shows it: those stand in
``RECORDED``.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.arm_server import LIMIT, SUBSCRIPTION, TOKEN, Running, run_arm
from support.openapi import response_schema, violations
from support.shared import shared

SUB = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUB}/resourceGroups/group"
APP = f"{GROUP}/providers/Microsoft.App"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/store"
LOGS = f"{GROUP}/providers/Microsoft.OperationalInsights/workspaces/logs"
DEPLOYMENT = f"{GROUP}/providers/Microsoft.Resources/deployments/d"
APP_API, STORAGE_API, LOGS_API, ARM_API = "2024-03-01", "2023-05-01", "2023-09-01", "2024-03-01"

# What real traffic shows although the document says otherwise.
RECORDED = (".unit: is required",)  # usages come without a unit


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_arm(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture(scope="module")
def ask(running: Running) -> Iterator[Callable[..., httpx.Response]]:
    """Asks, and holds the answer against the document of its provider."""
    root = shared("specs/specification")
    documents = [
        *sorted((root / "app/resource-manager/Microsoft.App/stable/2024-03-01").glob("*.json")),
        *sorted((root / "storage/resource-manager/Microsoft.Storage/stable/2023-05-01").glob("*.json")),
        *sorted((root / "operationalinsights/resource-manager").rglob("2023-09-01/*.json")),
        root / "resources/resource-manager/Microsoft.Resources/stable/2024-03-01/resources.json",
    ]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=LIMIT) as client:

        def ask(method: str, path: str, version: str, body: Any = None) -> httpx.Response:
            answer = client.request(method, path, params={"api-version": version}, json=body)
            _check(documents, method, path, answer)
            while answer.headers.get("Azure-AsyncOperation") or answer.status_code == 202:
                url = answer.headers.get("Azure-AsyncOperation") or answer.headers["Location"]
                answer = client.get(url)
                while answer.status_code == 202 or '"status":"InProgress"' in answer.text:
                    answer = client.get(url)
            return answer

        yield ask


def _check(documents: list[Path], method: str, path: str, answer: httpx.Response) -> None:
    schema = response_schema(documents, method, path, answer.status_code)
    if schema is None:
        return
    found = violations(answer.json(), schema)
    mine = [one for one in found if not any(known in one for known in RECORDED)]
    assert not mine, f"{method} {path}: {mine}"


def test_answers_keep_to_the_documents(ask: Callable[..., httpx.Response]) -> None:
    ask("PUT", GROUP, ARM_API, {"location": "eastus", "tags": {"a": "b"}})
    for path in (GROUP, f"{SUB}/resourcegroups", f"{SUB}/providers", f"{SUB}/providers/Microsoft.App"):
        ask("GET", path, ARM_API)
    account = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    ask("PUT", STORAGE, STORAGE_API, account)
    ask("PUT", f"{STORAGE}/fileServices/default/shares/code", STORAGE_API, {"properties": {"shareQuota": 5}})
    for path in (STORAGE, f"{STORAGE}/fileServices", f"{STORAGE}/fileServices/default"):
        ask("GET", path, STORAGE_API)
    ask("GET", f"{STORAGE}/fileServices/default/shares", STORAGE_API)
    ask("GET", f"{STORAGE}/fileServices/default/shares/code", STORAGE_API)
    key = ask("POST", f"{STORAGE}/listKeys", STORAGE_API).json()["keys"][0]["value"]
    ask("POST", f"{STORAGE}/regenerateKey", STORAGE_API, {"keyName": "key2"})
    ask(
        "POST",
        f"{SUB}/providers/Microsoft.Storage/checkNameAvailability",
        STORAGE_API,
        {"name": "x", "type": "Microsoft.Storage/storageAccounts"},
    )
    ask("GET", f"{SUB}/providers/Microsoft.Storage/locations/eastus/usages", STORAGE_API)
    ask("PUT", LOGS, LOGS_API, {"location": "eastus", "properties": {}})
    ask("GET", LOGS, LOGS_API)
    _microsoft_app(ask, key)
    _deployments(ask)


def _microsoft_app(ask: Callable[..., httpx.Response], key: str) -> None:
    environment, app = f"{APP}/managedEnvironments/env", f"{APP}/containerApps/app"
    profiles = [{"name": "Consumption", "workloadProfileType": "Consumption"}]
    ask("PUT", environment, APP_API, {"location": "eastus", "properties": {"workloadProfiles": profiles}})
    file = {"accountName": "store", "accountKey": key, "shareName": "code", "accessMode": "ReadWrite"}
    ask("PUT", f"{environment}/storages/files", APP_API, {"properties": {"azureFile": file}})
    for below in ("", "/storages", "/storages/files", "/usages", "/workloadProfileStates"):
        ask("GET", f"{environment}{below}", APP_API)
    ask("POST", f"{environment}/getAuthtoken", APP_API)
    region = f"{SUB}/providers/Microsoft.App/locations/eastus"
    ask("GET", f"{region}/availableManagedEnvironmentsWorkloadProfileTypes", APP_API)
    ask("GET", f"{region}/usages", APP_API)
    container = {
        "name": "main",
        "image": "python",
        "env": [{"name": "A", "secretRef": "a"}],
        "probes": [{"type": "Readiness", "httpGet": {"path": "/", "port": 80}}],
    }
    body = {
        "location": "eastus",
        "properties": {
            "environmentId": environment,
            "configuration": {
                "ingress": {"external": True, "targetPort": 80},
                "secrets": [{"name": "a", "value": "b"}],
            },
            "template": {"containers": [container], "scale": {"minReplicas": 1, "maxReplicas": 1}},
        },
    }
    ask("PUT", app, APP_API, body)
    revision = ask("GET", app, APP_API).json()["properties"]["latestRevisionName"]
    replicas = f"{app}/revisions/{revision}/replicas"
    name = ask("GET", replicas, APP_API).json()["value"][0]["name"]
    for path in (
        f"{APP}/containerApps",
        f"{app}/revisions",
        f"{app}/revisions/{revision}",
        f"{replicas}/{name}",
    ):
        ask("GET", path, APP_API)
    for below in ("listSecrets", "getAuthtoken", f"revisions/{revision}/restart", "stop", "start"):
        ask("POST", f"{app}/{below}", APP_API)
    ask("PATCH", app, APP_API, {"location": "eastus", "tags": {"a": "b"}})
    ask("GET", f"{SUB}/providers/Microsoft.App/containerApps", APP_API)
    for below in ("authConfigs", "sourcecontrols"):
        ask("GET", f"{app}/{below}", APP_API)
    for below in ("certificates", "managedCertificates", "daprComponents"):
        ask("GET", f"{environment}/{below}", APP_API)
    ask("GET", f"{APP}/connectedEnvironments", APP_API)
    ask("DELETE", app, APP_API)
    _jobs(ask, environment)


def _jobs(ask: Callable[..., httpx.Response], environment: str) -> None:
    job = f"{APP}/jobs/tune"
    manual = {"parallelism": 1, "replicaCompletionCount": 1}
    properties = {
        "environmentId": environment,
        "configuration": {"triggerType": "Manual", "replicaTimeout": 60, "manualTriggerConfig": manual},
        "template": {"containers": [{"name": "main", "image": "python", "command": ["true"]}]},
    }
    ask("PUT", job, APP_API, {"location": "eastus", "properties": properties})
    for path in (job, f"{APP}/jobs", f"{SUB}/providers/Microsoft.App/jobs"):
        ask("GET", path, APP_API)
    ask("PATCH", job, APP_API, {"tags": {"a": "b"}})
    ask("POST", f"{job}/listSecrets", APP_API)
    execution = ask("POST", f"{job}/start", APP_API).json()["name"]
    for path in (f"{job}/executions", f"{job}/executions/{execution}"):
        ask("GET", path, APP_API)
    ask("POST", f"{job}/executions/{execution}/stop", APP_API)
    ask("POST", f"{job}/stop", APP_API)
    ask("DELETE", job, APP_API)


def _deployments(ask: Callable[..., httpx.Response]) -> None:
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [],
        "outputs": {"one": {"type": "int", "value": 1}},
    }
    body = {"properties": {"template": template, "mode": "Incremental"}}
    ask("POST", f"{DEPLOYMENT}/validate", ARM_API, body)
    ask("PUT", DEPLOYMENT, ARM_API, body)
    for path in (
        DEPLOYMENT,
        f"{GROUP}/providers/Microsoft.Resources/deployments/",
        f"{GROUP}/deployments/d/operations",
    ):
        ask("GET", path, ARM_API)
    ask("POST", f"{DEPLOYMENT}/exportTemplate", ARM_API)
    ask("POST", f"{DEPLOYMENT}/whatIf", ARM_API, body)
    ask("GET", f"{GROUP}/resources", ARM_API)
    ask("DELETE", DEPLOYMENT, ARM_API)


def test_the_check_itself_finds_what_is_wrong() -> None:
    document = shared(
        "specs/specification/app/resource-manager/Microsoft.App/stable/2024-03-01/ContainerApps.json"
    )
    schema = response_schema([document], "GET", f"{APP}/containerApps/app", 200)
    assert schema is not None
    body = {"location": 5, "properties": {"configuration": {"activeRevisionsMode": "Triple"}}}
    assert violations(body, schema) == [
        ".location: int is not string",
        ".properties.configuration.activeRevisionsMode: 'Triple' is none of ['multiple', 'single']",
    ]
