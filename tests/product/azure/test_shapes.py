"""What Azure really answered, read through the SDK's models into our own words."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aitk_inference.azure import deployments
from aitk_inference.azure.app_shapes import app_of, replica_of
from aitk_inference.core.model import AppRef, DeploymentState
from aitk_inference.flows.project.template_plan import profile_of
from azure.mgmt.appcontainers.models import ContainerApp as SdkApp
from azure.mgmt.appcontainers.models import Replica as SdkReplica
from azure.mgmt.resource.deployments.models import DeploymentExtended, DeploymentOperation
from product.azure.doubles import recorded
from support.shared import shared

REF = AppRef("s", "g", "app")


def answers(method: str, *folders: str) -> Iterator[tuple[str, Any]]:
    """Path and JSON of each good recorded answer."""
    for folder in folders:
        for file in sorted(shared(f"wire/{folder}").glob("*.yaml")):
            text = file.read_text(encoding="utf-8", errors="replace")
            if "interactions:" in text:
                yield from _good(recorded(text), method)


def _good(interactions: list[Any], method: str) -> Iterator[tuple[str, Any]]:
    for one in interactions:
        request, response = one["request"], one["response"]
        body = response.get("body")
        text = body.get("string") if isinstance(body, dict) else body
        if request["method"] == method and isinstance(text, str) and text.startswith("{"):
            try:
                value = json.loads(text)
            except ValueError:
                continue  # a log stream: several objects
            if "error" not in value:
                yield (request.get("uri") or request.get("url", "")).partition("?")[0], value


def of_type(kind: str, *folders: str) -> list[Any]:
    found = [value for _, value in answers("GET", *folders)]
    listed = [item for value in found for item in value.get("value", [value]) if isinstance(item, dict)]
    return [item for item in listed if str(item.get("type", "")).lower() == kind.lower()]


def test_recorded_apps_are_read() -> None:
    bodies = of_type("Microsoft.App/containerApps", "containerapp-ext", "containerapp-core")
    assert len(bodies) > 5
    for body in bodies:
        properties = body["properties"]
        app = app_of(REF, SdkApp(body), portal_url=None)
        fqdn = ((properties["configuration"] or {}).get("ingress") or {}).get("fqdn")
        scale = properties["template"].get("scale") or {}
        assert app.endpoint == (f"https://{fqdn}" if fqdn else None)
        assert app.latest_revision == (properties.get("latestRevisionName") or None)
        assert app.provisioning_state == properties["provisioningState"]
        assert app.running_status == properties.get("runningStatus", "Unknown")
        assert app.min_replicas == (scale.get("minReplicas") or 0)
        assert app.max_replicas == (scale.get("maxReplicas") or 10)
        assert app.environment_id.lower() == properties["environmentId"].lower()


def test_workload_profiles_of_recorded_environments_are_read() -> None:
    bodies = of_type("Microsoft.App/managedEnvironments", "containerapp-ext", "containerapp-core")
    assert len(bodies) > 5
    profiles = [
        profile_of(item) for body in bodies for item in body["properties"].get("workloadProfiles") or []
    ]
    assert {profile.type for profile in profiles} >= {"Consumption"}
    assert all(profile.name for profile in profiles)


def test_recorded_replicas_are_read() -> None:
    bodies = of_type("Microsoft.App/containerapps/revisions/replicas", "containerapp-ext")
    assert len(bodies) > 3
    states = set()
    for body in bodies:
        replica = replica_of(SdkReplica(body))
        properties = body["properties"]
        assert replica.name == body["name"]
        assert replica.created == datetime.strptime(properties["createdTime"], "%Y-%m-%dT%H:%M:%SZ").replace(
            tzinfo=UTC
        )
        assert replica.running_state == properties["runningState"]
        assert [(c.name, c.ready, c.started, c.restart_count) for c in replica.containers] == [
            (c["name"], c["ready"], c["started"], c["restartCount"]) for c in properties["containers"]
        ]
        states.add((replica.running_state, replica.ready))
    assert ("NotRunning", False) in states
    assert ("Running", True) in states


def test_recorded_deployments_are_read() -> None:
    seen = set()
    for path, body in answers("GET", "arm-azd", "arm-cli-resource", "arm-sdk-resource"):
        if str(body.get("type", "")).lower() != "microsoft.resources/deployments":
            continue
        status = deployments._status(DeploymentExtended(body))
        properties = body["properties"]
        outputs = properties.get("outputs") or {}
        assert status.state == {"Succeeded": "Succeeded", "Failed": "Failed", "Canceled": "Canceled"}.get(
            properties["provisioningState"], "Running"
        ), path
        assert dict(status.outputs) == {name: item.get("value") for name, item in outputs.items()}
        assert status.correlation_id == properties["correlationId"]
        assert status.template_hash == properties.get("templateHash", "")
        assert (status.error is not None) == ("error" in properties)
        seen.add(status.state)
    assert DeploymentState.SUCCEEDED in seen


def test_recorded_operations_are_read() -> None:
    found = []
    for path, body in answers("GET", "arm-azd", "arm-cli-resource", "arm-sdk-resource"):
        if not path.lower().endswith("/operations"):
            continue
        for item in body["value"]:
            operation = deployments._operation(DeploymentOperation(item))
            target = item["properties"].get("targetResource")
            assert (operation is None) == (target is None)
            if operation is not None:
                assert operation.resource_id == target["id"]
                assert (operation.type, operation.name) == (target["resourceType"], target["resourceName"])
                assert operation.state == item["properties"]["provisioningState"]
                found.append(operation)
    if not found:
        pytest.skip("NOT COMPARED: no operations in the recordings")
