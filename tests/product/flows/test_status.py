"""Status: one screen of how an app stands, and the same for programs; nothing is woken to know it."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aitk_inference.cli import run
from aitk_inference.core.config import CONFIG_PATH, read_config, write_config
from aitk_inference.flows.api import StatusRequest
from aitk_inference.flows.deploy.last_deploy import note_deploy
from aitk_inference.flows.operate.status import status
from support.azure_world import World, WorldClouds
from support.projects import provision_local
from support.scripted import Scripted
from support.scripted_replicas import EverReady

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aca_local.kernel.replicas import ContainerState
    from aitk_inference.flows.outcome import Outcome

API = "2025-01-01"


@pytest.fixture
async def app(project: Path, azure: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The path of a provisioned app that runs."""
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    azure.replicas = EverReady()
    await provision_local(project, azure)
    path = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    await asyncio.to_thread(lambda: azure.ask("POST", f"{path}/start", version=API))
    return path


async def look(project: Path, azure: World) -> Outcome:
    return await status(StatusRequest(project), ui=Scripted(), clouds=WorldClouds(azure, running=True))


def row(outcome: Outcome, name: str) -> str:
    return next(line for line in outcome.summary.splitlines() if line.startswith(f"{name} ")).split(
        maxsplit=1
    )[1]


def change_containers(azure: World, change: Callable[[ContainerState], ContainerState]) -> None:
    """Let the platform say something else of each container."""
    replicas = azure.arm().replicas
    states = replicas.states

    def changed(app_id: str, revision: str) -> Any:
        found = states(app_id, revision)
        return [replace(one, containers=tuple(change(each) for each in one.containers)) for one in found]

    replicas.states = changed  # type: ignore[method-assign]  # what the platform says is the test's


async def test_an_app_that_answers_stands_on_one_screen(project: Path, azure: World, app: str) -> None:
    await note_deploy(azure.share, "2 of 9 files changed", azure.clock.now())
    outcome = await look(project, azure)
    assert row(outcome, "App").startswith("answering since 2")
    assert ": Running, ready" in row(outcome, "Replica")
    assert row(outcome, "Endpoint").startswith("HTTP 200, ")
    assert row(outcome, "Access").startswith("public: ")
    assert " by " in row(outcome, "Deployed")
    assert row(outcome, "Deployed").endswith(": 2 of 9 files changed")
    assert " an hour" in row(outcome, "Costs")
    assert row(outcome, "GPU")
    facts: dict[str, Any] = dict(outcome.data)
    assert (facts["state"], facts["answers"], facts["httpStatus"], facts["public"]) == (
        "answering",
        True,
        200,
        True,
    )
    assert facts["lastDeploy"]["what"] == "2 of 9 files changed"
    assert facts["cost"]["currency"] == "USD"
    assert facts["cost"]["busyPerHour"] is not None
    assert facts["replicas"][0]["since"] == facts["since"]
    json.dumps(facts)


async def test_an_app_that_sleeps_is_not_woken(project: Path, azure: World, app: str) -> None:
    scaled = {"properties": {"template": {"scale": {"minReplicas": 0, "maxReplicas": 1}}}}
    await asyncio.to_thread(lambda: azure.ask("PATCH", app, scaled, version=API))
    azure.arm().replicas.states = lambda *_: []  # type: ignore[method-assign]  # what the platform says is the test's
    asked = azure.probe.asked
    outcome = await look(project, azure)
    assert azure.probe.asked == asked
    assert (outcome.data["state"], outcome.data["answers"]) == ("asleep", None)
    assert row(outcome, "Endpoint").startswith("not asked, since no replica runs")


async def test_a_stopped_app_is_said_to_be(project: Path, azure: World, app: str) -> None:
    await asyncio.to_thread(lambda: azure.ask("POST", f"{app}/stop", version=API))
    outcome = await look(project, azure)
    assert outcome.data["state"] == "stopped"
    assert outcome.in_short().startswith(f"{read_config(project).aca_app_name}: stopped.")


@pytest.mark.parametrize(
    ("restarts", "state", "is_ready", "expected"),
    [
        (0, "Waiting", False, "starting"),
        (0, "Running", False, "starting"),
        (1, "Waiting", False, "failed"),
        (5, "Running", False, "failed"),
        (5, "Running", True, "answering"),
    ],
)
async def test_the_platforms_words_on_containers_make_the_state(
    project: Path, azure: World, app: str, *, restarts: int, state: str, is_ready: bool, expected: str
) -> None:
    change_containers(
        azure,
        lambda one: replace(
            one,
            ready=is_ready,
            restart_count=restarts,
            running_state=cast("Any", state),
            running_state_details="CrashLoopBackOff",
        ),
    )
    outcome = await look(project, azure)
    assert outcome.data["state"] == expected
    assert "(CrashLoopBackOff)" in row(outcome, "Replica")


async def test_what_is_missing_is_said(project: Path, azure: World, app: str) -> None:
    outcome = await look(project, azure)
    assert row(outcome, "Deployed") == "not noted on the share"
    write_config(project, replace(read_config(project), aca_app_name="gone"))
    assert "gone is not there" in (await look(project, azure)).summary
    (project / CONFIG_PATH).unlink()
    assert "not provisioned yet" in (await look(project, azure)).summary


async def test_a_note_that_is_none_is_left_out(project: Path, azure: World, app: str) -> None:
    for content in (b"", b"[]", b"{", b'{"at": 3}', b'{"by": "me"}', b"\xff"):
        azure.share.edit(".aitk-last-deploy.json", content)
        assert (await look(project, azure)).data["lastDeploy"] is None


def test_the_terminal_has_it_as_json(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["status", "--project", str(project), "--json"]
    assert run(given, lambda *_: WorldClouds(azure, running=True)) == 0
    data = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert data["app"]["name"] == read_config(project).aca_app_name
    assert {"state", "gpu", "since", "lastDeploy", "protection", "cost", "replicas"} <= data.keys()
