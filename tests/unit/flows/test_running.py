"""Logs, stop and start: whose, what is told, what is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.config import CONFIG_PATH, read_config, write_config
from aitk_inference.core.errors import Busy, InvalidProject, NotFound
from aitk_inference.flows import running
from aitk_inference.flows.places import state_folder
from aitk_inference.flows.project_lock import hold
from aitk_inference.flows.requests import LogsRequest, SwitchRequest
from doubles import ENDPOINT, FakeCloud, FakeClouds
from projects import provisioned
from scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _provisioned(project: Path, world: FakeCloud) -> None:
    provisioned(project, world)


async def test_the_consoles_lines_are_told_without_secrets(project: Path, world: FakeCloud) -> None:
    world.apps.log = ("serving\n", "AccountKey=c2VjcmV0;")
    ui = Scripted()
    outcome = await running.logs(LogsRequest(project), ui=ui, clouds=FakeClouds(world))
    assert ui.said[0][1] == "serving"
    assert "c2VjcmV0" not in ui.said[1][1]
    assert (outcome.summary, outcome.data) == ("", {"lines": 2})


async def test_the_system_log_needs_no_replica(project: Path, world: FakeCloud) -> None:
    world.apps.before = ()
    ui = Scripted()
    await running.logs(LogsRequest(project, system=True), ui=ui, clouds=FakeClouds(world))
    assert [text for _, text in ui.said] == ["Created container"]
    with pytest.raises(NotFound, match="No replica of app runs") as caught:
        await running.logs(LogsRequest(project), ui=ui, clouds=FakeClouds(world))
    assert "--system" in caught.value.suggestion


async def test_an_app_that_wrote_nothing_says_so(project: Path, world: FakeCloud) -> None:
    world.apps.log = ()
    outcome = await running.logs(LogsRequest(project), ui=Scripted(), clouds=FakeClouds(world))
    assert "written nothing yet" in outcome.summary


async def test_stop_and_start_ask_only_what_is_needed(project: Path, world: FakeCloud) -> None:
    clouds = FakeClouds(world)
    outcome = await running.start(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    assert (outcome.endpoint, world.apps.starts) == (ENDPOINT, 0)
    outcome = await running.stop(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    assert (world.apps.stops, outcome.actions[0].target) == (1, "start")
    world.change_app(running_status="Stopped")
    await running.stop(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    await running.start(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    assert (world.apps.stops, world.apps.starts) == (1, 1)


async def test_a_run_that_works_on_the_project_is_not_disturbed(project: Path, world: FakeCloud) -> None:
    with hold(project, "deploy", state_folder()), pytest.raises(Busy, match="deploy, process"):
        await running.stop(SwitchRequest(project), ui=Scripted(), clouds=FakeClouds(world))
    assert world.apps.stops == 0


async def test_only_what_says_where_the_app_is_is_needed(project: Path, world: FakeCloud) -> None:
    config = replace(read_config(project), aca_app_endpoint=None, file_share_name=None)
    write_config(project, config)
    await running.stop(SwitchRequest(project), ui=Scripted(), clouds=FakeClouds(world))
    write_config(project, replace(config, aca_app_name="gone"))
    with pytest.raises(NotFound, match="There is no container app gone"):
        await running.stop(SwitchRequest(project), ui=Scripted(), clouds=FakeClouds(world))
    (project / CONFIG_PATH).unlink()
    with pytest.raises(InvalidProject, match="not provisioned yet"):
        await running.logs(LogsRequest(project), ui=Scripted(), clouds=FakeClouds(world))
