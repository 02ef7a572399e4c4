"""Deployments that fail, nest or are cancelled, through their port; on Azure, too, with ``AITK_AZURE=1``."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aitk_inference.core.errors import (
    Conflict,
    NotFound,
    ProvisionFailed,
)
from aitk_inference.core.model import (
    DeploymentRef,
    DeploymentState,
    Json,
)
from support.cloud_place import Place, a_place, ended, parameters, shipped


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A target with an empty resource group."""
    with a_place(tmp_path_factory.mktemp("cloud")) as made:
        asyncio.run(make_group(made))
        yield made


async def make_group(place: Place) -> None:
    async with place.open() as cloud:
        await cloud.subscriptions.create_resource_group(place.subscription, place.group, place.location)


def template(*resources: Json) -> Json:
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": list(resources),
    }


async def test_a_wrong_template_is_refused_with_its_place(place: Place) -> None:
    wrong = template(
        {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-05-01", "name": "[nonsense(1)]"}
    )
    async with place.open() as cloud:
        with pytest.raises(ProvisionFailed) as caught:
            await cloud.deployments.start(place.deployment("wrong"), wrong, {}, fingerprint="x")
    assert "nonsense" in caught.value.message
    assert "infra/provision" in caught.value.suggestion


async def test_a_wrong_parameter_is_refused_by_its_name(place: Place) -> None:
    async with place.open() as cloud:
        with pytest.raises(ProvisionFailed) as caught:
            await cloud.deployments.start(
                place.deployment("wrong"), shipped(), parameters(place, noSuchThing=1), fingerprint="x"
            )
    assert "noSuchThing" in caught.value.message


async def test_a_deployment_in_a_missing_group_is_told(place: Place) -> None:
    async with place.open() as cloud:
        with pytest.raises(NotFound, match="no resource group no-such-group"):
            await cloud.deployments.start(
                DeploymentRef(place.subscription, "no-such-group", "d"), template(), {}, fingerprint="x"
            )


async def test_the_resources_of_a_nested_deployment_stand_in_its_place(place: Place) -> None:
    inner = template(
        {
            "type": "Microsoft.OperationalInsights/workspaces",
            "apiVersion": "2023-09-01",
            "name": "inner-log",
            "location": place.location,
            "properties": {"sku": {"name": "PerGB2018"}},
        }
    )
    outer = template(
        {
            "type": "Microsoft.Resources/deployments",
            "apiVersion": "2022-09-01",
            "name": "inner",
            "properties": {"mode": "Incremental", "template": inner},
        }
    )
    ref = place.deployment("outer")
    async with place.open() as cloud:
        await cloud.deployments.start(ref, outer, {}, fingerprint="x")
        assert (await ended(cloud, ref)).state is DeploymentState.SUCCEEDED
        found = await cloud.deployments.operations(ref)
    assert [(item.type, item.name) for item in found] == [
        ("Microsoft.OperationalInsights/workspaces", "inner-log")
    ]


async def test_a_failed_deployment_tells_which_resource_and_why(place: Place) -> None:
    wrong = template(
        {
            "type": "Microsoft.App/managedEnvironments/storages",
            "apiVersion": "2024-03-01",
            "name": "no-such-environment/storage",
            "properties": {
                "azureFile": {
                    "accountName": "a",
                    "accountKey": "",
                    "shareName": "s",
                    "accessMode": "ReadWrite",
                }
            },
        }
    )
    ref = place.deployment("failing")
    async with place.open() as cloud:
        await cloud.deployments.start(ref, wrong, {}, fingerprint="x")
        status = await ended(cloud, ref)
        [operation] = await cloud.deployments.operations(ref)
    assert status.state is DeploymentState.FAILED
    assert status.error is not None
    assert operation.state == "Failed"
    assert operation.error is not None
    assert "no-such-environment" in operation.error.root_causes()[0].message


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Place]:
    """A target whose resources take as long as Azure's."""
    with a_place(tmp_path, "--timing", "realistic") as made:
        yield made


async def test_a_running_deployment_is_kept_and_cancelled(slow: Place) -> None:
    ref = slow.deployment("slow")
    await make_group(slow)
    async with slow.open() as cloud:
        await cloud.deployments.start(ref, shipped(), parameters(slow), fingerprint="one")
        running = await cloud.deployments.status(ref)
        assert running is not None
        assert (running.state, running.fingerprint) == (DeploymentState.RUNNING, "one")
        await cloud.deployments.start(ref, shipped(), parameters(slow), fingerprint="one")
        with pytest.raises(Conflict, match="still running"):
            await cloud.deployments.start(ref, shipped(), parameters(slow), fingerprint="two")
        assert await cloud.deployments.cancel(ref) is True
        status = await ended(cloud, ref)
    assert (status.state, status.fingerprint) == (DeploymentState.CANCELED, "one")
