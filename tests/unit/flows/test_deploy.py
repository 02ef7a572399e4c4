"""Deploy: what it needs, what counts as ready, how a failing start is told."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.config import CONFIG_PATH, read_config, write_config
from aitk_inference.core.errors import (
    Busy,
    Cancelled,
    DeployFailed,
    InputRequired,
    InvalidProject,
    NotFound,
)
from aitk_inference.core.interface import ActionKind
from aitk_inference.core.model import ProbeResult
from aitk_inference.flows.deploy import deploy
from aitk_inference.flows.places import state_folder
from aitk_inference.flows.project_lock import hold
from aitk_inference.flows.requests import DeployRequest, StatusRequest
from aitk_inference.flows.scaffold import packaged_infra
from aitk_inference.flows.start_failure import without_noise
from aitk_inference.flows.status import status
from aitk_inference.flows.sync.ignore import MANIFEST_NAME
from doubles import ENDPOINT, FakeCloud, FakeClouds, replica
from projects import provisioned
from scripted import Killed, Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.flows.requests import Outcome


@pytest.fixture(autouse=True)
def _provisioned(project: Path, world: FakeCloud) -> None:
    provisioned(project, world)


async def _run(project: Path, world: FakeCloud, ui: Scripted | None = None, **given: Any) -> Outcome:
    request = DeployRequest(project)._replace(**given)
    return await deploy(request, ui=ui or Scripted(), clouds=FakeClouds(world))


def _steps(ui: Scripted, name: str) -> list[str]:
    return [step.message for step in ui.steps if step.step == name]


async def test_sends_restarts_waits_and_offers_the_endpoint(project: Path, world: FakeCloud) -> None:
    ui = Scripted()
    outcome = await _run(project, world, ui)
    assert world.share.files["inference/gradio_chat.py"] == b"print('hello')\n"
    assert world.apps.restarts == 1
    assert outcome.endpoint == ENDPOINT
    assert outcome.actions[0].kind is ActionKind.OPEN_ENDPOINT
    assert _steps(ui, "Sync")[-1].startswith("2 of 2 files changed, ")


async def test_before_provision_it_names_the_missing_keys_and_the_way(
    project: Path, world: FakeCloud
) -> None:
    (project / CONFIG_PATH).write_text('{"ACA_APP_NAME": "app"}')
    with pytest.raises(InvalidProject, match="SUBSCRIPTION_ID, RESOURCE_GROUP_NAME") as caught:
        await _run(project, world)
    assert "Provision" in caught.value.suggestion
    assert not world.steps


async def test_before_provision_it_says_so_and_makes_no_file(project: Path, world: FakeCloud) -> None:
    shutil.copy(packaged_infra() / "inference.config.json", project / "infra")
    with pytest.raises(InvalidProject, match=r"was not provisioned yet: inference.config.json is not filled"):
        await _run(project, world)
    (project / CONFIG_PATH).unlink()
    with pytest.raises(
        InvalidProject, match=r"There is no infra/inference.config.json .* not provisioned yet"
    ):
        await _run(project, world)
    assert not (project / CONFIG_PATH).exists()
    assert not world.steps


async def test_a_missing_app_names_provision(project: Path, world: FakeCloud) -> None:
    write_config(project, replace(read_config(project), aca_app_name="gone"))
    with pytest.raises(NotFound, match="no container app gone"):
        await _run(project, world)
    assert not world.share.files


async def test_ready_is_a_new_replica_never_the_old_ones_answer(project: Path, world: FakeCloud) -> None:
    asked_at: list[int] = []
    world.apps.behaviour = lambda n: (
        [replica("old")] if n < 4 else [replica("old"), replica("new")] if n < 6 else [replica("new")]
    )
    ui = Scripted()
    original = world.probe.get

    async def get(url: str, *, timeout: float) -> ProbeResult:
        asked_at.append(world.apps.looks)
        return await original(url, timeout=timeout)

    world.probe.get = get  # type: ignore[method-assign]  # to see when it is asked
    await _run(project, world, ui)
    assert asked_at == [6]
    assert "Waiting for a new replica" in _steps(ui, "Wait")
    assert "The old replica ends" in _steps(ui, "Wait")


async def test_a_container_that_started_again_in_the_same_replica_counts(
    project: Path, world: FakeCloud
) -> None:
    world.apps.behaviour = lambda n: [replica("old", restarts=1 if n > 2 else 0)]
    await _run(project, world)
    assert world.apps.looks == 3


async def test_a_bad_answer_is_not_ready(project: Path, world: FakeCloud) -> None:
    world.probe.results = (ProbeResult(502), ProbeResult(None, "refused"), ProbeResult(200))
    await _run(project, world)
    assert world.probe.asked == 3


def _another_address(project: Path, address: str = "https://typo.example.org") -> str:
    write_config(project, replace(read_config(project), aca_app_endpoint=address))
    return address


async def test_a_wrong_address_is_told_as_soon_as_the_app_answers_at_its_own(
    project: Path, world: FakeCloud
) -> None:
    typed = _another_address(project)
    world.probe.elsewhere = {typed: [ProbeResult(None, "there is no host")]}
    with pytest.raises(
        InvalidProject, match=rf"says {typed}, where nobody answers; .* at {ENDPOINT}"
    ) as caught:
        await _run(project, world)
    assert f"Set ACA_APP_ENDPOINT to {ENDPOINT}" in caught.value.suggestion
    assert world.apps.looks < 5


async def test_a_persons_own_domain_may_be_late(project: Path, world: FakeCloud) -> None:
    typed = _another_address(project)
    late = [
        ProbeResult(None, "no answer"),
        ProbeResult(503),
        ProbeResult(None, "no answer"),
        ProbeResult(404),
    ]
    world.probe.elsewhere = {typed: [*late, ProbeResult(200)]}
    assert (await _run(project, world)).endpoint == typed


async def test_a_crash_loop_ends_early_with_the_consoles_end(project: Path, world: FakeCloud) -> None:
    world.apps.behaviour = lambda n: [replica("new", ready=False, restarts=min(n, 2))]
    with pytest.raises(DeployFailed, match="ended 2 times") as caught:
        await _run(project, world)
    assert "No module named 'gradio'" in caught.value.log[-1]
    assert world.apps.looks == 2


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ("exit code '127' and reason 'ProcessExited'", "exit code 127: a command was not found"),
        ("exit code '1' and reason 'ProcessExited'", "exit code 1"),
        ("exit code '137' and reason 'ProbeFailure'", "nothing answered the probes in time"),
        ("exit code '137' and reason 'OOMKilled'", "it ran out of memory"),
    ],
)
async def test_how_the_start_command_ended_is_told(
    project: Path, world: FakeCloud, ended: str, told: str
) -> None:
    world.apps.system_log = (
        "Created container",
        f"ContainerTerminated: Container 'a' was terminated with {ended}",
    )
    world.apps.behaviour = lambda _: [replica("new", ready=False, details="CrashLoopBackOff")]
    with pytest.raises(DeployFailed, match=f"keeps ending \\({told}\\)\\.") as caught:
        await _run(project, world)
    assert "run Provision before" in caught.value.suggestion


async def test_what_pip_says_while_all_goes_well_does_not_hide_the_cause(
    project: Path, world: FakeCloud
) -> None:
    pip = [f"Requirement already satisfied: package{n} in /x (1.0)" for n in range(150)]
    world.apps.log = ("mine", *pip, "ModuleNotFoundError: No module named 'gradio'", "")
    world.apps.behaviour = lambda _: [replica("new", ready=False, details="CrashLoopBackOff")]
    with pytest.raises(DeployFailed) as caught:
        await _run(project, world)
    assert caught.value.log == ("mine", "ModuleNotFoundError: No module named 'gradio'")
    assert without_noise(pip) == tuple(pip[-40:])


@pytest.mark.parametrize(
    ("details", "way_out"),
    [
        ("ImagePullBackOff: no such image", "Correct image"),
        ("VolumeMountFailure: mount error(13): Permission denied", "provision --again"),
    ],
)
async def test_each_trouble_has_its_own_way_out(
    project: Path, world: FakeCloud, details: str, way_out: str
) -> None:
    world.apps.behaviour = lambda _: [replica("new", ready=False, details=details)]
    with pytest.raises(DeployFailed, match=re.escape(details)) as caught:
        await _run(project, world)
    assert way_out in caught.value.suggestion


async def test_a_back_off_ends_early(project: Path, world: FakeCloud) -> None:
    world.apps.behaviour = lambda _: [replica("new", ready=False, details="ImagePullBackOff: no such image")]
    with pytest.raises(DeployFailed, match="no such image"):
        await _run(project, world)


async def test_a_crash_loop_of_the_old_replica_does_not_end_the_new_one(
    project: Path, world: FakeCloud
) -> None:
    world.apps.before = (replica("old", ready=False, restarts=40, details="CrashLoopBackOff"),)
    world.apps.behaviour = lambda n: [*world.apps.before] if n < 3 else [replica("new")]
    await _run(project, world)


async def test_too_late_says_what_to_look_at(project: Path, world: FakeCloud) -> None:
    world.apps.behaviour = lambda _: [replica("new", ready=False)]
    with pytest.raises(DeployFailed, match="was not ready after 30") as caught:
        await _run(project, world, ready_timeout=30.0)
    assert "time-out" in caught.value.suggestion
    assert caught.value.log


async def test_a_busy_app_is_asked_again(project: Path, world: FakeCloud) -> None:
    world.apps.busy = 3
    ui = Scripted()
    await _run(project, world, ui)
    assert sum("busy" in step for step in _steps(ui, "Restart")) == 3


async def test_a_stopped_app_is_started(project: Path, world: FakeCloud) -> None:
    world.change_app(running_status="Stopped")
    world.apps.before = ()
    await _run(project, world)
    assert (world.apps.starts, world.apps.restarts) == (1, 0)


async def test_an_app_that_sleeps_is_woken_and_that_answer_does_not_count(
    project: Path, world: FakeCloud
) -> None:
    world.change_app(min_replicas=0)
    world.apps.behaviour = lambda n: [] if n < 3 else [replica("new")]
    await _run(project, world)
    assert world.probe.asked == 3


async def test_without_waiting_it_only_restarts(project: Path, world: FakeCloud) -> None:
    await _run(project, world, wait=False)
    assert world.apps.restarts == 1
    assert world.apps.looks == 0


async def test_a_dry_run_sends_and_restarts_nothing(project: Path, world: FakeCloud) -> None:
    outcome = await _run(project, world, dry_run=True)
    assert "send    inference/gradio_chat.py" in outcome.summary
    assert not world.share.files
    assert not world.apps.restarts


async def test_cancelling_says_what_is_left(project: Path, world: FakeCloud) -> None:
    task = asyncio.ensure_future(_run(project, world))
    world.on_step = lambda name: task.cancel() if name == "restart" else None
    with pytest.raises(Cancelled, match="files are on the share"):
        await task


@pytest.mark.parametrize("kill_at", range(9))
async def test_killed_at_any_step_the_same_command_finishes(
    project: Path, world: FakeCloud, kill_at: int
) -> None:
    world.kill_at = kill_at
    with suppress(Killed, BaseExceptionGroup):
        await _run(project, world)
    assert len(world.steps) > kill_at
    world.kill_at = None
    await _run(project, world)
    assert set(json.loads(world.share.files[MANIFEST_NAME])["files"]) == {
        "inference/gradio_chat.py",
        "inference/requirements.txt",
    }
    (project / "inference/gradio_chat.py").write_text("print('changed')")
    await _run(project, world)
    assert world.share.files["inference/gradio_chat.py"] == b"print('changed')"
    assert ".aitk-lock" not in world.share.folders


async def test_a_second_run_on_the_same_project_is_refused(project: Path, world: FakeCloud) -> None:
    with hold(project, "provision", state_folder()), pytest.raises(Busy, match="provision, process"):
        await _run(project, world)
    assert not world.share.files


async def test_two_projects_with_one_share_are_never_mixed_silently(
    project: Path, world: FakeCloud, tmp_path: Path
) -> None:
    await _run(project, world)
    other = tmp_path / "other"
    (other / "infra").mkdir(parents=True)
    (other / "theirs.py").write_text("2")
    (other / CONFIG_PATH).write_text((project / CONFIG_PATH).read_text())
    with pytest.raises(InputRequired, match=r"holds another project: .* over it\?$") as caught:
        await _run(other, world)
    assert [item.flag for item in caught.value.inputs] == ["--yes"]
    assert "its own fileShareName" in caught.value.suggestion
    assert "theirs.py" not in world.share.files
    await _run(other, world, assume_yes=True)
    assert "theirs.py" in world.share.files
    assert "inference/gradio_chat.py" in world.share.files


async def test_status_of_a_local_target_that_does_not_run_starts_nothing(
    project: Path, world: FakeCloud
) -> None:
    clouds = FakeClouds(world)
    outcome = await status(StatusRequest(project), ui=Scripted(), clouds=clouds)
    assert "The local Azure does not run" in outcome.summary
    assert outcome.data["running"] is False
    assert clouds.opened == []


async def test_status_says_what_runs_and_what_is_missing(project: Path, world: FakeCloud) -> None:
    outcome = await status(StatusRequest(project), ui=Scripted(), clouds=FakeClouds(world, running=True))
    assert "Replica    old: Running, ready" in outcome.summary
    assert outcome.data["answers"] is True
    write_config(project, replace(read_config(project), aca_app_name="gone"))
    outcome = await status(StatusRequest(project), ui=Scripted(), clouds=FakeClouds(world, running=True))
    assert "gone is not there" in outcome.summary
    (project / CONFIG_PATH).unlink()
    outcome = await status(StatusRequest(project), ui=Scripted(), clouds=FakeClouds(world, running=True))
    assert "Not provisioned" in outcome.summary
