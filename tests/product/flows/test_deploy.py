"""Deploy: what it needs, what counts as ready, how a failing start is told."""

from __future__ import annotations

import asyncio
import json
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.actions import ActionKind
from aitk_inference.core.config import CONFIG_PATH, read_config, write_config
from aitk_inference.core.errors import (
    Busy,
    Cancelled,
    Conflict,
    DeployFailed,
    Dismissed,
    InputRequired,
    InvalidProject,
    NotFound,
)
from aitk_inference.core.model import ProbeResult
from aitk_inference.core.params import PARAMETER_PATHS
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.api import StatusRequest
from aitk_inference.flows.deploy.startup_diagnosis import without_noise
from aitk_inference.flows.operate.status import status
from aitk_inference.flows.project.scaffold import packaged_infra
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.sync.ignore import MANIFEST_NAME
from support.azure_world import AZURE, LOCAL, World, WorldClouds
from support.projects import ENDPOINT, change_app, deploy_project, provisioned
from support.scripted import Killed, Scripted
from support.scripted_replicas import replica
from support.tiny_models import make_adapter, make_base, write_json

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _provisioned(project: Path, azure: World) -> None:
    provisioned(project, azure)


def _steps(ui: Scripted, name: str) -> list[str]:
    return [step.message for step in ui.steps if step.step == name]


async def test_sends_restarts_waits_and_offers_the_endpoint(project: Path, azure: World) -> None:
    ui = Scripted()
    outcome = await deploy_project(project, azure, ui)
    assert azure.share.files["inference/gradio_chat.py"] == b"print('hello')\n"
    assert azure.count("apps.restart") == 1
    assert outcome.endpoint == ENDPOINT
    assert outcome.actions[0].kind is ActionKind.OPEN_ENDPOINT
    assert _steps(ui, "Sync")[-1].startswith("2 of 2 files changed, ")


async def test_before_provision_it_names_the_missing_keys_and_the_way(project: Path, azure: World) -> None:
    (project / CONFIG_PATH).write_text('{"ACA_APP_NAME": "app"}')
    with pytest.raises(InvalidProject, match="SUBSCRIPTION_ID, RESOURCE_GROUP_NAME") as caught:
        await deploy_project(project, azure)
    assert "Provision" in caught.value.suggestion
    assert not azure.calls


async def test_before_provision_it_says_so_and_makes_no_file(project: Path, azure: World) -> None:
    shutil.copy(packaged_infra() / "inference.config.json", project / "infra")
    with pytest.raises(
        InvalidProject, match=r"was not provisioned yet: infra/inference.config.json is not filled"
    ):
        await deploy_project(project, azure)
    (project / CONFIG_PATH).unlink()
    with pytest.raises(
        InvalidProject, match=r"There is no infra/inference.config.json .* not provisioned yet"
    ):
        await deploy_project(project, azure)
    assert not (project / CONFIG_PATH).exists()
    assert not azure.calls


async def test_a_missing_app_names_provision(project: Path, azure: World) -> None:
    write_config(project, replace(read_config(project), aca_app_name="gone"))
    with pytest.raises(NotFound, match="no container app gone"):
        await deploy_project(project, azure)
    assert not azure.share.files


async def test_ready_is_a_new_replica_never_the_old_ones_answer(project: Path, azure: World) -> None:
    asked_at: list[int] = []
    azure.replicas.behaviour = lambda n: (
        [replica("old")] if n < 4 else [replica("old"), replica("new")] if n < 6 else [replica("new")]
    )
    ui = Scripted()
    original = azure.probe.get

    async def get(url: str, *, timeout: float) -> ProbeResult:
        asked_at.append(azure.replicas.looks)
        return await original(url, timeout=timeout)

    azure.probe.get = get  # type: ignore[method-assign]  # to see when it is asked
    await deploy_project(project, azure, ui)
    assert asked_at == [6]
    assert "Waiting for a new replica" in _steps(ui, "Wait")
    assert any(step.startswith("The old replica ends") for step in _steps(ui, "Wait"))


async def test_a_container_that_started_again_in_the_same_replica_counts(project: Path, azure: World) -> None:
    azure.replicas.behaviour = lambda n: [replica("old", restarts=1 if n > 2 else 0)]
    await deploy_project(project, azure)
    assert azure.replicas.looks == 3


async def test_a_bad_answer_is_not_ready(project: Path, azure: World) -> None:
    azure.probe.results = (ProbeResult(502), ProbeResult(None, "refused"), ProbeResult(200))
    await deploy_project(project, azure)
    assert azure.probe.asked == 3


def _another_address(project: Path, address: str = "https://typo.example.org") -> str:
    write_config(project, replace(read_config(project), aca_app_endpoint=address))
    return address


async def test_a_wrong_address_is_told_as_soon_as_the_app_answers_at_its_own(
    project: Path, azure: World
) -> None:
    typed = _another_address(project)
    azure.probe.elsewhere = {typed: [ProbeResult(None, "there is no host")]}
    with pytest.raises(
        InvalidProject, match=rf"says {typed}, where nobody answers; .* at {ENDPOINT}"
    ) as caught:
        await deploy_project(project, azure)
    assert f"Set ACA_APP_ENDPOINT to {ENDPOINT}" in caught.value.suggestion
    assert azure.replicas.looks < 5


async def test_a_persons_own_domain_may_be_late(project: Path, azure: World) -> None:
    typed = _another_address(project)
    late = [
        ProbeResult(None, "no answer"),
        ProbeResult(503),
        ProbeResult(None, "no answer"),
        ProbeResult(404),
    ]
    azure.probe.elsewhere = {typed: [*late, ProbeResult(200)]}
    assert (await deploy_project(project, azure)).endpoint == typed


async def test_a_crash_loop_ends_early_with_the_consoles_end(project: Path, azure: World) -> None:
    azure.replicas.behaviour = lambda n: [replica("new", ready=False, restarts=min(n, 2))]
    with pytest.raises(
        DeployFailed, match="does not start: the Python module gradio is not installed"
    ) as caught:
        await deploy_project(project, azure)
    assert "No module named 'gradio'" in caught.value.log[-1]
    assert caught.value.cause == "missing-module"
    assert azure.replicas.looks == 2


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (
            "exit code '127' and reason 'ProcessExited'",
            r"keeps ending \(exit code 127: a command was not found\)",
        ),
        ("exit code '1' and reason 'ProcessExited'", r"keeps ending \(exit code 1\)"),
        (
            "exit code '137' and reason 'ProbeFailure'",
            "nothing answered its probes in the time that they give",
        ),
        ("exit code '137' and reason 'OOMKilled'", "it ran out of memory and was killed"),
    ],
)
async def test_how_the_start_command_ended_is_told(
    project: Path, azure: World, ended: str, told: str
) -> None:
    azure.replicas.system_log = (
        ("ContainerCreated", "Created container"),
        ("ContainerTerminated", f"Container 'a' was terminated with {ended}"),
    )
    azure.replicas.log = ("words that nobody knows",)
    azure.replicas.behaviour = lambda _: [replica("new", ready=False, details="CrashLoopBackOff")]
    with pytest.raises(DeployFailed, match=rf"{told}\.") as caught:
        await deploy_project(project, azure)
    assert "run Provision" in caught.value.suggestion


async def test_what_pip_says_while_all_goes_well_does_not_hide_the_cause(project: Path, azure: World) -> None:
    pip = [f"Requirement already satisfied: package{n} in /x (1.0)" for n in range(150)]
    azure.replicas.log = ("mine", *pip, "ModuleNotFoundError: No module named 'gradio'", "")
    azure.replicas.behaviour = lambda _: [replica("new", ready=False, details="CrashLoopBackOff")]
    with pytest.raises(DeployFailed) as caught:
        await deploy_project(project, azure)
    assert caught.value.log == ("mine", "ModuleNotFoundError: No module named 'gradio'")
    assert without_noise(pip) == tuple(pip)


@pytest.mark.parametrize(
    ("details", "words", "way_out"),
    [
        ("ImagePullBackOff: no such image", "its image can't be pulled", "Correct image"),
        ("VolumeMountFailure: mount error(13): Permission denied", "denies it", "provision --again"),
    ],
)
async def test_each_trouble_has_its_own_way_out(
    project: Path, azure: World, details: str, words: str, way_out: str
) -> None:
    azure.replicas.behaviour = lambda _: [replica("new", ready=False, details=details)]
    with pytest.raises(DeployFailed, match=words) as caught:
        await deploy_project(project, azure)
    assert way_out in caught.value.suggestion
    assert details in caught.value.log


async def test_a_back_off_ends_early(project: Path, azure: World) -> None:
    azure.replicas.behaviour = lambda _: [
        replica("new", ready=False, details="ImagePullBackOff: no such image")
    ]
    with pytest.raises(DeployFailed, match="image can't be pulled") as caught:
        await deploy_project(project, azure)
    assert any("no such image" in line for line in caught.value.log)


async def test_a_crash_loop_of_the_old_replica_does_not_end_the_new_one(project: Path, azure: World) -> None:
    azure.replicas.before = (replica("old", ready=False, restarts=40, details="CrashLoopBackOff"),)
    azure.replicas.behaviour = lambda n: [*azure.replicas.before] if n < 3 else [replica("new")]
    await deploy_project(project, azure)


async def test_too_late_says_what_to_look_at(project: Path, azure: World) -> None:
    azure.replicas.log = ("Loading the weights, 14.0 GB, 35 %",)
    azure.replicas.behaviour = lambda _: [replica("new", ready=False)]
    with pytest.raises(DeployFailed, match=r"was not ready after 3\d s") as caught:
        await deploy_project(project, azure, ready_timeout=30.0)
    assert "time-out" in caught.value.suggestion
    assert caught.value.log


async def test_a_busy_app_is_asked_again(project: Path, azure: World) -> None:
    refusals = iter([Conflict("Another change of the container app is under way.")] * 3)

    def refuse(step: str) -> None:
        if step == "apps.restart" and (refusal := next(refusals, None)):
            raise refusal

    azure.on_step = refuse
    ui = Scripted()
    await deploy_project(project, azure, ui)
    assert sum("busy" in step for step in _steps(ui, "Restart")) == 3


async def test_a_stopped_app_is_started(project: Path, azure: World) -> None:
    path = azure.provider("Microsoft.App/containerApps/app/stop")
    azure.ask("POST", path, subscription=AZURE)
    await deploy_project(project, azure)
    assert (azure.count("apps.start"), azure.count("apps.restart")) == (1, 0)


async def test_an_app_that_sleeps_is_woken_and_that_answer_does_not_count(
    project: Path, azure: World
) -> None:
    change_app(azure, template={"scale": {"minReplicas": 0, "maxReplicas": 1}})
    azure.replicas.behaviour = lambda n: [] if n < 3 else [replica("new")]
    await deploy_project(project, azure)
    assert azure.probe.asked == 2  # once to wake it, once when it was ready


async def test_without_waiting_it_only_restarts(project: Path, azure: World) -> None:
    await deploy_project(project, azure, wait=False)
    assert azure.count("apps.restart") == 1
    assert azure.replicas.looks == 0


async def test_a_dry_run_sends_and_restarts_nothing(project: Path, azure: World) -> None:
    outcome = await deploy_project(project, azure, dry_run=True)
    assert "send    inference/gradio_chat.py" in outcome.summary
    assert not azure.share.files
    assert not azure.count("apps.restart")


async def test_cancelling_says_what_is_left(project: Path, azure: World) -> None:
    task = asyncio.ensure_future(deploy_project(project, azure))
    azure.on_step = lambda name: task.cancel() if name == "apps.restart" else None
    with pytest.raises(Cancelled, match="files are on the share"):
        await task


@pytest.mark.parametrize("kill_at", range(14))
async def test_killed_at_any_step_the_same_command_finishes(
    project: Path, azure: World, kill_at: int
) -> None:
    azure.kill_at = kill_at
    with suppress(Killed, BaseExceptionGroup):
        await deploy_project(project, azure)
    assert len(azure.calls) == kill_at
    azure.kill_at = None
    await deploy_project(project, azure)
    assert set(json.loads(azure.share.files[MANIFEST_NAME])["files"]) == {
        "inference/gradio_chat.py",
        "inference/requirements.txt",
    }
    (project / "inference/gradio_chat.py").write_text("print('changed')")
    await deploy_project(project, azure)
    assert azure.share.files["inference/gradio_chat.py"] == b"print('changed')"
    assert ".aitk-lock" not in azure.share.folders


async def test_a_second_run_on_the_same_project_is_refused(project: Path, azure: World) -> None:
    with hold(project, "provision", state_folder()), pytest.raises(Busy, match="provision, process"):
        await deploy_project(project, azure)
    assert not azure.share.files


async def test_two_projects_with_one_share_are_never_mixed_silently(
    project: Path, azure: World, tmp_path: Path
) -> None:
    await deploy_project(project, azure)
    other = tmp_path / "other"
    (other / "infra").mkdir(parents=True)
    (other / "theirs.py").write_text("2")
    (other / CONFIG_PATH).write_text((project / CONFIG_PATH).read_text())
    with pytest.raises(InputRequired, match=r"holds another project: .* over it\?$") as caught:
        await deploy_project(other, azure)
    assert [item.flag for item in caught.value.inputs] == ["--yes"]
    assert "its own fileShareName" in caught.value.suggestion
    assert "theirs.py" not in azure.share.files
    await deploy_project(other, azure, assume_yes=True)
    assert "theirs.py" in azure.share.files
    assert "inference/gradio_chat.py" in azure.share.files


async def test_status_of_a_local_target_that_does_not_run_starts_nothing(project: Path, azure: World) -> None:
    write_config(project, replace(read_config(project), subscription_id=LOCAL.id))
    clouds = WorldClouds(azure)
    outcome = await status(StatusRequest(project), ui=Scripted(), clouds=clouds)
    assert "The local Azure does not run" in outcome.summary
    assert outcome.data["running"] is False
    assert clouds.opened == []


async def test_who_deployed_when_and_what_is_noted_on_the_share(project: Path, azure: World) -> None:
    await deploy_project(project, azure, Scripted())
    noted = json.loads(azure.share.files[".aitk-last-deploy.json"])
    assert noted["at"].startswith("2026-01-01T00:")
    assert noted["what"] == "2 of 2 files changed"
    assert noted["by"]
    assert noted["host"]
    before = dict(azure.share.files)
    await deploy_project(project, azure, Scripted(), dry_run=True)
    assert azure.share.files == before


def _served(project: Path, **changes: Any) -> None:
    make_base(project / "model-cache/org/base")
    make_adapter(project / "models/adapter", **changes)
    write_json(project / "inference/config.json", {"base": "org/base", "adapter": "../models/adapter"})
    parameters = project / PARAMETER_PATHS[0]
    parameters.write_text(parameters.read_text().replace('"Consumption"', '"Consumption-GPU-NC24-A100"'))


async def test_a_model_that_could_not_be_served_is_refused_before_anything_is_sent(
    project: Path, azure: World
) -> None:
    _served(project, use_dora=True)
    with pytest.raises(InputRequired, match="The model could not be served: The adapter is a DoRA") as caught:
        await deploy_project(project, azure, Scripted())
    assert "--yes" in caught.value.suggestion
    assert azure.share.files == {}
    with pytest.raises(Dismissed):
        await deploy_project(project, azure, Scripted(answers={"brokenModel": "no"}))
    assert azure.share.files == {}


async def test_a_person_may_deploy_it_all_the_same(project: Path, azure: World) -> None:
    _served(project, use_dora=True)
    await deploy_project(project, azure, Scripted(answers={"brokenModel": "yes"}))
    assert "models/adapter/adapter_config.json" in azure.share.files
    ui = Scripted()
    await deploy_project(project, azure, ui, assume_yes=True)
    assert any("DoRA" in text for _, text in ui.said)


async def test_a_sound_model_is_deployed_without_a_question(project: Path, azure: World) -> None:
    _served(project)
    ui = Scripted()
    await deploy_project(project, azure, ui)
    assert "models/adapter/adapter_model.safetensors" in azure.share.files
