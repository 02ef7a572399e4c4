"""Provision where resources exist already: they are read first, kept, and never reset."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.errors import (
    Conflict,
    InvalidProject,
)
from aitk_inference.core.model import Environment, WorkloadProfile
from aitk_inference.core.naming import default_names
from doubles import LOCAL, FakeCloud
from projects import provision_local, set_parameters
from scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.core.interface import ProgressEvent


async def test_what_exists_is_read_and_handed_to_the_template(project: Path, world: FakeCloud) -> None:
    await provision_local(project, world)
    set_parameters(project, minReplicas=2, maxReplicas=2)
    await provision_local(project, world)
    first, second = (run.parameters for run in world.deployments.started)
    assert first["storageAccountExists"] is first["acaEnvironmentExists"] is False
    assert "existingApp" not in first
    assert second["storageAccountExists"] is second["acaEnvironmentExists"] is True
    assert second["acaEnvironmentLocation"] == "westus3"
    assert second["existingApp"] == {"name": default_names(LOCAL.id, "models").app}
    assert second["existingAppSecrets"] == {"value": [{"name": "s", "value": "hidden"}]}


async def test_secrets_are_never_told(
    project: Path, world: FakeCloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await provision_local(project, world)
    ui = Scripted()
    await provision_local(project, world, ui, again=True)
    assert "hidden" not in caplog.text
    assert "hidden" not in repr(ui.steps) + repr(ui.said) + repr(world.apps.existing_resources)


def _change_environment(world: FakeCloud, **changes: Any) -> None:
    existing = world.apps.existing_resources
    assert existing.environment is not None
    changed = replace(existing.environment, **changes)
    world.apps.existing_resources = replace(existing, environment=changed)


async def test_a_half_made_environment_is_made_again(project: Path, world: FakeCloud) -> None:
    await provision_local(project, world)
    _change_environment(world, provisioning_state="Failed")
    await provision_local(project, world)
    assert world.deployments.started[1].parameters["acaEnvironmentExists"] is False


async def test_a_broken_environment_with_other_profiles_is_left_alone(
    project: Path, world: FakeCloud
) -> None:
    await provision_local(project, world)
    profiles = (WorkloadProfile("Consumption", "Consumption"), WorkloadProfile("theirs", "D4"))
    _change_environment(world, provisioning_state="Failed", workload_profiles=profiles)
    with pytest.raises(Conflict, match="theirs"):
        await provision_local(project, world)
    assert len(world.deployments.started) == 1


async def test_an_environment_in_the_making_is_waited_for(project: Path, world: FakeCloud) -> None:
    await provision_local(project, world)
    existing = world.apps.existing_resources
    _change_environment(world, provisioning_state="Waiting")

    def finish(_: ProgressEvent) -> None:
        if world.clock.seconds > 20:
            world.apps.existing_resources = existing

    await provision_local(project, world, Scripted(on_step=finish), again=True)
    assert world.deployments.started[1].parameters["acaEnvironmentExists"] is True


async def test_another_location_than_that_of_the_environment_is_named_before_deploying(
    project: Path, world: FakeCloud
) -> None:
    await provision_local(project, world)
    path = set_parameters(project, location="eastus")
    with pytest.raises(InvalidProject, match="exists in westus3") as caught:
        await provision_local(project, world)
    assert caught.value.problems[0].path == path
    assert path.read_text().splitlines()[caught.value.problems[0].line].strip().startswith('"location"')
    assert len(world.deployments.started) == 1


async def test_a_profile_of_another_type_is_named_before_deploying(project: Path, world: FakeCloud) -> None:
    await provision_local(project, world)
    set_parameters(project, workloadProfileType="Consumption-GPU-NC8as-T4", workloadProfileName="Consumption")
    with pytest.raises(Conflict, match="has a workload profile Consumption of the type Consumption"):
        await provision_local(project, world)
    assert len(world.deployments.started) == 1


async def test_a_missing_serverless_profile_is_added_first(project: Path, world: FakeCloud) -> None:
    await provision_local(project, world)
    set_parameters(project, workloadProfileType="Consumption-GPU-NC8as-T4")
    await provision_local(project, world)
    assert world.apps.added == [WorkloadProfile("serverless-T4", "Consumption-GPU-NC8as-T4")]


async def test_a_second_gpu_is_spoken_of_only_when_an_app_is_updated(project: Path, world: FakeCloud) -> None:
    set_parameters(project, workloadProfileType="Consumption-GPU-NC8as-T4")
    first, second, third = Scripted(), Scripted(), Scripted()
    await provision_local(project, world, first)
    await provision_local(project, world, second)
    await provision_local(project, world, third, again=True)
    assert ["second GPU" in repr(ui.said) for ui in (first, second, third)] == [False, False, True]


async def test_a_dedicated_gpu_can_not_join_an_environment_that_exists(
    project: Path, world: FakeCloud
) -> None:
    await provision_local(project, world)
    set_parameters(project, workloadProfileType="NC24-A100")
    with pytest.raises(Conflict, match="from its creation"):
        await provision_local(project, world)


async def test_an_app_of_another_environment_is_named_before_deploying(
    project: Path, world: FakeCloud
) -> None:
    await provision_local(project, world)
    other = Environment("other", "westus3", ())
    world.apps.existing_resources = replace(world.apps.existing_resources, environment=other)
    with pytest.raises(Conflict, match="belongs to the environment"):
        await provision_local(project, world)
