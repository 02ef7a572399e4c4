"""A region with one environment, and what tests of its container apps ask of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.resource.resources import ResourceManagementClient
from support.arm_server import LIMIT, SUBSCRIPTION, TOKEN, Credential, Running, client_options, run_arm

GROUP = "group"
BASE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
ENVIRONMENT = f"{BASE}/Microsoft.App/managedEnvironments/env"
STORE = f"{BASE}/Microsoft.Storage/storageAccounts/store"

CONSUMPTION = {"name": "Consumption", "workloadProfileType": "Consumption"}


@contextmanager
def run_region(folder: Path) -> Iterator[Running]:
    """Serve a region with the group and its environment."""
    with run_arm(folder) as running:
        with ResourceManagementClient(Credential(), SUBSCRIPTION, **client_options(running)) as client:
            client.resource_groups.create_or_update(GROUP, {"location": "eastus"})
        with apps_of(running) as client:
            client.managed_environments.begin_create_or_update(GROUP, "env", environment()).result()
        yield running


def apps_of(running: Running) -> ContainerAppsAPIClient:
    """Microsoft's client of the region's container apps."""
    return ContainerAppsAPIClient(Credential(), SUBSCRIPTION, **client_options(running))


def plain_client(running: Running) -> httpx.Client:
    """Ask without an SDK."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    query = {"api-version": "2024-03-01"}
    return httpx.Client(base_url=running.url, headers=headers, params=query, timeout=LIMIT)


def ended(http: httpx.Client, answer: httpx.Response) -> httpx.Response:
    """Return an answer once what it began has ended; a refusal at once."""
    if address := answer.headers.get("Azure-AsyncOperation"):
        until(lambda: http.get(address).json()["status"] != "InProgress")
    return answer


def environment(*profiles: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {
        "location": "eastus",
        "properties": {"workloadProfiles": list(profiles or [CONSUMPTION]), **properties},
    }


def app(**changes: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "python", "command": ["/bin/bash", "-c", "serve"]}
    container |= changes.pop("container", {})
    configuration = {"ingress": {"external": True, "targetPort": 7860}} | changes.pop("configuration", {})
    template = {"containers": [container], "scale": {"minReplicas": 1, "maxReplicas": 1}} | changes.pop(
        "template", {}
    )
    properties = {
        "environmentId": ENVIRONMENT,
        "configuration": configuration,
        "template": template,
        **changes,
    }
    return {"location": "eastus", "properties": properties}


def create(client: ContainerAppsAPIClient, name: str, **changes: Any) -> Any:
    return client.container_apps.begin_create_or_update(GROUP, name, app(**changes)).result()


def revisions_of(client: ContainerAppsAPIClient, name: str) -> dict[str, bool]:
    return {one.name: one.active for one in client.container_apps_revisions.list_revisions(GROUP, name)}


def error_of(caught: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str | None]:
    assert caught.value.error is not None
    return caught.value.status_code, caught.value.error.code


def until(condition: Any) -> None:
    """Wait for something that happens in the background; the test's own time-out is the limit."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
