"""Stop and start: whose, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.config import CONFIG_PATH, read_config, write_config
from aitk_inference.core.errors import Busy, InvalidProject, NotFound
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.api import SwitchRequest
from aitk_inference.flows.operate import app_lifecycle
from aitk_inference.flows.user_dirs import state_folder
from support.azure_world import World, WorldClouds
from support.projects import ENDPOINT, provisioned
from support.scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _provisioned(project: Path, azure: World) -> None:
    provisioned(project, azure)


async def test_stop_and_start_ask_only_what_is_needed(project: Path, azure: World) -> None:
    clouds = WorldClouds(azure)
    outcome = await app_lifecycle.start(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    assert (outcome.endpoint, azure.count("apps.start")) == (ENDPOINT, 0)
    outcome = await app_lifecycle.stop(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    assert (azure.count("apps.stop"), outcome.actions[0].target) == (1, "start")
    await app_lifecycle.stop(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    await app_lifecycle.start(SwitchRequest(project), ui=Scripted(), clouds=clouds)
    assert (azure.count("apps.stop"), azure.count("apps.start")) == (1, 1)


async def test_a_run_that_works_on_the_project_is_not_disturbed(project: Path, azure: World) -> None:
    with hold(project, "deploy", state_folder()), pytest.raises(Busy, match="deploy, process"):
        await app_lifecycle.stop(SwitchRequest(project), ui=Scripted(), clouds=WorldClouds(azure))
    assert azure.count("apps.stop") == 0


async def test_only_what_says_where_the_app_is_is_needed(project: Path, azure: World) -> None:
    config = replace(read_config(project), aca_app_endpoint=None, file_share_name=None)
    write_config(project, config)
    await app_lifecycle.stop(SwitchRequest(project), ui=Scripted(), clouds=WorldClouds(azure))
    write_config(project, replace(config, aca_app_name="gone"))
    with pytest.raises(NotFound, match="There is no container app gone"):
        await app_lifecycle.stop(SwitchRequest(project), ui=Scripted(), clouds=WorldClouds(azure))
    (project / CONFIG_PATH).unlink()
    with pytest.raises(InvalidProject, match="not provisioned yet"):
        await app_lifecycle.stop(SwitchRequest(project), ui=Scripted(), clouds=WorldClouds(azure))
