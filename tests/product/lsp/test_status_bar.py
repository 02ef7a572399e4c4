"""The status bar's words and menu, from what the platform says of an app."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.config import read_config, write_config
from aitk_inference.core.errors import NotAuthenticated
from aitk_inference.core.model import AppRef, ContainerApp, ContainerStatus, Replica
from aitk_inference.flows.operate.app_state import Snapshot
from aitk_inference.lsp.app_status import as_status, look
from support.azure_world import World, WorldClouds
from support.projects import provision_local

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.lsp.wire import StatusParams

URI = "file:///project"
APP = ContainerApp(
    AppRef("s", "rg", "app"),
    "https://app.example",
    "app--1",
    "Succeeded",
    "Running",
    min_replicas=1,
    portal_url="https://portal.azure.com/#x",
    workload_profile="Consumption-GPU-NC24-A100",
)
READY = Replica("app--1-a", None, "Running", containers=(ContainerStatus("c", True, True, 0, "Running"),))
DOWN = Replica(
    "app--1-a", None, "Running", containers=(ContainerStatus("c", False, False, 2, "Waiting", "OOMKilled"),)
)


def said(replicas: Sequence[Replica] = (READY,), *, is_local: bool = False, **changes: Any) -> StatusParams:
    return as_status(URI, Snapshot(replace(APP, **changes), None, tuple(replicas)), is_local=is_local)


def titles(params: StatusParams) -> list[str]:
    return [action.title.partition(" ")[2] for action in params.menu]


@pytest.mark.parametrize(
    ("params", "text", "severity"),
    [
        (said(), "$(pass-filled) Inference: answering (A100, public)", "warning"),
        (said(key_file="/mnt/k"), "$(pass-filled) Inference: answering (A100)", "none"),
        (said(is_local=True, workload_profile=""), "$(pass-filled) Inference: answering (local)", "none"),
        (said((), min_replicas=0, key_file="k"), "$(clock) Inference: asleep (A100)", "none"),
        (said((), key_file="k"), "$(sync~spin) Inference: starting (A100)", "none"),
        (said((), running_status="Stopped", key_file="k"), "$(debug-stop) Inference: stopped (A100)", "none"),
        (said((DOWN,), ip_rules=("office",)), "$(error) Inference: failed (A100)", "error"),
    ],
)
def test_each_state_has_its_words(params: StatusParams, text: str, severity: str) -> None:
    assert (params.text, params.severity) == (text, severity)


def test_the_tooltip_says_what_it_means() -> None:
    lines = said().tooltip.splitlines()
    assert lines[0] == "app in rg: answering"
    assert "GPU: A100 (Consumption-GPU-NC24-A100)" in lines
    assert any(line.startswith("Public: ") for line in lines)
    assert "OOMKilled" in said((DOWN,)).tooltip
    assert "Protected: API key, which the app checks." in said(key_file="k").tooltip


def test_the_menu_has_what_can_be_done_now() -> None:
    assert titles(said())[:3] == [
        "Go to Inference Endpoint",
        "Ask the model…",
        "Protect the endpoint, which is public…",
    ]
    stopped = titles(said((), running_status="Stopped"))
    assert "Start" in stopped
    assert "Stop" not in stopped
    assert "Ask the model…" not in stopped
    assert "Open in portal" in titles(said())
    assert "Open in portal" not in titles(said(is_local=True, portal_url=None))
    targets = {action.target for action in said().menu}
    assert {"aitk-inference.logs", "aitk-inference.deploy", "https://app.example"} <= targets


class Targets:
    """Gives the targets, and counts how often that was needed."""

    def __init__(self, clouds: WorldClouds) -> None:
        self.clouds = clouds
        self.given = 0

    async def __call__(self) -> WorldClouds:
        self.given += 1
        return self.clouds


async def test_it_is_looked_up_without_asking_the_app_or_a_person(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    targets = Targets(WorldClouds(azure, running=True))
    params = await look(URI, project, targets)
    assert params.text.startswith("$(")
    assert "(local" in params.text
    assert azure.probe.asked == 0
    assert not targets.clouds.attended.can_ask
    write_config(project, replace(read_config(project), aca_app_name="gone"))
    assert "not there" in (await look(URI, project, targets)).text


async def test_a_local_target_that_does_not_run_is_not_started(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    targets = Targets(WorldClouds(azure, running=False))
    params = await look(URI, project, targets)
    assert params.text == "$(debug-stop) Inference: stopped (local)"
    assert targets.clouds.opened == []


async def test_a_project_that_was_not_provisioned_needs_no_target(project: Path, azure: World) -> None:
    targets = Targets(WorldClouds(azure))
    assert (await look(URI, project, targets)).text == ""
    assert targets.given == 0


async def test_nobody_is_asked_to_sign_in(project: Path, azure: World) -> None:
    path = project / "infra/inference.config.json"
    keys = {"SUBSCRIPTION_ID": "Team", "RESOURCE_GROUP_NAME": "models", "ACA_APP_NAME": "app"}
    await asyncio.to_thread(path.write_text, json.dumps(keys))
    with pytest.raises(NotAuthenticated):
        await look(URI, project, Targets(WorldClouds(azure, signed_in=False)))
