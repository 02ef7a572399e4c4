"""Small templates of the oracle, deployed through the official SDK, leave what the engine predicts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient
from support.arm_process import Token, start
from support.oracle_comparing import difference
from support.shared import shared

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "rg-oracle"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
KNOWN = "Microsoft.Storage/storageAccounts"
LEGAL = re.compile(r"[a-z0-9]{3,24}")  # most of the other documents name their accounts "a"
SERVICES_OWN = {"apiVersion", "properties"}  # a service answers the properties that it knows
FAST = 0.1  # seconds between two looks


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[tuple[ResourceManagementClient, DeploymentsMgmtClient, str]]:
    """Both official clients of an aca-local."""
    local = start(tmp_path / "data")
    options: dict[str, Any] = {**local.options, "polling_interval": FAST}
    token = Token(local.line["token"])
    try:
        with (
            ResourceManagementClient(token, local.subscription, **options) as resources,
            DeploymentsMgmtClient(token, local.subscription, **options) as deployments,
        ):
            yield resources, deployments, local.subscription
    finally:
        local.stop()


def documents() -> list[dict[str, Any]]:
    """The documents that predict resources which the local Azure has, under names that it takes."""
    found = json.loads(shared("oracle/documents.json").read_text("utf-8"))
    return [document for document in found if _deployable(document.get("snapshot", {}))]


def _deployable(snapshot: dict[str, Any]) -> bool:
    predicted = snapshot.get("predictedResources", [])
    return bool(predicted) and all(
        resource["type"] == KNOWN and LEGAL.fullmatch(resource["name"]) for resource in predicted
    )


def test_deployed_templates_leave_the_resources_that_the_engine_predicts(
    clients: tuple[ResourceManagementClient, DeploymentsMgmtClient, str],
) -> None:
    resources, deployments, subscription = clients
    chosen = documents()
    assert len(chosen) >= 10
    for document in chosen:
        resources.resource_groups.create_or_update(GROUP, {"location": "westus"})
        properties = {"mode": "Incremental", "template": document["template"], "parameters": {}}
        done = deployments.deployments.begin_create_or_update(GROUP, "oracle", {"properties": properties})
        assert done.result().properties.provisioning_state == "Succeeded", document["name"]
        wanted = document["snapshot"]["predictedResources"]
        found = {item.id: item for item in resources.resources.list_by_resource_group(GROUP)}
        expected = {item["id"].replace(SUBSCRIPTION, subscription): item for item in wanted}
        assert found.keys() == expected.keys(), document["name"]
        for key, item in expected.items():
            answer = resources.resources.get_by_id(key, api_version=item["apiVersion"]).as_dict()
            compared = {name: value for name, value in item.items() if name not in SERVICES_OWN}
            compared["id"] = key
            assert difference(_only(answer, compared), compared) is None, document["name"]
        resources.resource_groups.begin_delete(GROUP).result()


def _only(answer: Any, wanted: Any) -> Any:
    """Of an answer what the engine speaks of: a service adds much (a SKU's tier, addresses)."""
    if isinstance(answer, dict) and isinstance(wanted, dict):
        return {name: _only(answer[name], value) for name, value in wanted.items() if name in answer}
    return answer
