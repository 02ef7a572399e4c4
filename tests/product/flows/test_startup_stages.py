"""The stages of a start: seen in recorded events and published consoles, each beside its time of the last start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.errors import DeployFailed
from aitk_inference.core.model import AppRef, LogLine, ProbeResult
from aitk_inference.core.progress import Reporter
from aitk_inference.flows.deploy.startup_history import StartHistory
from aitk_inference.flows.deploy.startup_stages import StartStages, loaded_words
from aitk_inference.flows.outcome import stage_json
from support.projects import ENDPOINT, change_app, deploy_project, provisioned
from support.scripted import FakeClock, Scripted
from support.scripted_replicas import replica

if TYPE_CHECKING:
    from pathlib import Path

    from support.azure_world import World


_BEGAN = datetime(2025, 11, 4, 9, 54, 30, tzinfo=UTC)
RECORDED = (
    (0.0, "AssigningReplica: Replica 'capp--vj8vzrq-7d884b7975-brjbk' has been scheduled to run on a node."),
    (
        4.5,
        'PulledImage: Successfully pulled image "mcr.microsoft.com/k8se/quickstart:latest" in 3.84s. Image size: 35651584 bytes.',
    ),
    (7.27, "ContainerCreated: Created container 'capp000002'"),
    (7.29, "ContainerStarted: Started container 'capp000002'"),
)
"""The events of a start (containerapp-ext/test_containerapp_eventstream), in seconds after the first."""


@dataclass
class Watched:
    """A start that is watched."""

    last: dict[str, float] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    ui: Scripted = field(default_factory=Scripted)

    def __post_init__(self) -> None:
        self.stages = StartStages(self.last, self.clock.monotonic, Reporter(self.ui))

    @property
    def said(self) -> list[str]:
        return [step.message for step in self.ui.steps]


def _events() -> list[LogLine]:
    return [LogLine(_BEGAN + timedelta(seconds=after), text, "system", "capp") for after, text in RECORDED]


def test_each_stage_is_told_with_its_time_and_the_last_ones() -> None:
    watched = Watched({"image": 30.0, "packages": 12.0, "answering": 90.0})
    watched.clock.seconds = 2.0
    for _ in range(2):  # the same events are seen at each look
        watched.stages.events(_events())
    watched.stages.console("Collecting gradio")
    watched.clock.seconds = 14.0
    watched.stages.show("The web API starts")
    watched.stages.console("Loading the weights, 14.0 GB, 35 %: 5 s, 40 s in all")
    watched.clock.seconds = 20.0
    watched.stages.show("The web API starts")
    times = watched.stages.finish()
    assert watched.said == [
        "Replica assigned in 2.0 s",
        "Image pulled (35.7 MB) in 4.5 s (last time 30 s)",
        "Share mounted in 2.8 s",
        "Installing packages, 12 s (last time 12 s)",
        "Packages installed in 12 s (last time 12 s)",
        "Loading the model, 4.9 of 14.0 GB, 6.0 s",
        "Model loaded in 6.0 s",
    ]
    assert [one.name for one in times] == ["replica", "image", "share", "packages", "model", "answering"]
    assert stage_json(times[-1]) == {"stage": "answering", "seconds": 20.0, "lastSeconds": 90.0, "done": True}


def test_the_bar_moves_with_the_last_start() -> None:
    watched = Watched({"answering": 100.0})
    watched.stages.console("Loading safetensors checkpoint shards:  50% Completed | 1/2")
    for watched.clock.seconds in (0.0, 50.0, 500.0):
        watched.stages.show("")
    assert [step.percent for step in watched.ui.steps] == [50, 72, 95]
    assert "50 %" in watched.said[0]


def test_a_stage_is_never_gone_back_to() -> None:
    watched = Watched()
    watched.stages.console("Loading the weights, 1.0 GB")
    watched.stages.finish()
    watched.stages.console("Collecting late")
    watched.stages.events(_events())
    assert watched.said == ["Model loaded in 0 ms"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Fetching org/base, 14.0 GB, 35 %", "4.9 of 14.0 GB"),
        ("loading the base, 3 of 8 GB", "3 of 8 GB"),
        ("Loading the weights, 0.2 GB …", "0.2 GB"),
        ("Loading checkpoint shards:  25%|██▌       | 1/4", "25 %"),
        ("Checking the model …", ""),
    ],
)
def test_how_much_is_loaded_is_read_of_any_engines_words(line: str, words: str) -> None:
    assert loaded_words(line) == words


@pytest.mark.parametrize("damaged", ["", "[]", '{"seconds": 3}', '{"seconds": {"image": "x"}}', "\x00"])
def test_times_are_kept_for_each_app_and_damaged_ones_are_none(tmp_path: Path, damaged: str) -> None:
    history = StartHistory(tmp_path, AppRef("s", "g", "a"))
    assert history.read() == {}
    history.write({"image": 1.23456})
    assert StartHistory(tmp_path, AppRef("S", "G", "A")).read() == {"image": 1.235}
    assert StartHistory(tmp_path, AppRef("s", "g", "other")).read() == {}
    next((tmp_path / "starts").iterdir()).write_text(damaged)
    assert history.read() == {}


@pytest.fixture
def _app(project: Path, azure: World) -> None:
    provisioned(project, azure)


@pytest.mark.usefixtures("_app")
async def test_a_deploy_tells_the_stages_and_the_next_one_compares(project: Path, azure: World) -> None:
    azure.replicas.system_log = (
        ("AssigningReplica", "Replica 'new' has been scheduled to run on a node.", "new"),
        ("ContainerCreated", "Created container 'main'", "new"),
    )
    azure.replicas.log = ("Collecting gradio", "Loading the weights, 14.0 GB, 35 %")
    azure.replicas.behaviour = lambda n: [replica("new", ready=n > 12, running="Running")]
    ui = Scripted()
    outcome = await deploy_project(project, azure, ui)
    stages = [stage["stage"] for stage in outcome.data["stages"]]  # type: ignore[index,union-attr] # JSON of a known shape
    assert stages == ["replica", "share", "packages", "model", "answering"]
    assert any("4.9 of 14.0 GB" in step.message for step in ui.steps)
    again = Scripted()
    (project / "inference/gradio_chat.py").write_text("print(2)")
    azure.replicas.behaviour = lambda n: [replica("new" if azure.count("apps.restart") < 2 else "newer")]
    await deploy_project(project, azure, again)
    last = again.steps[-1]
    assert "(last time " in last.message
    assert last.stage is not None
    assert last.stage.last_seconds is not None


@pytest.mark.usefixtures("_app")
async def test_a_mount_that_fails_twice_is_not_waited_for(project: Path, azure: World) -> None:
    denied = ("VolumeMountFailure", "MountVolume.SetUp failed: mount error(13): Permission denied", "new")
    azure.replicas.system_log = (denied, denied)
    azure.replicas.behaviour = lambda _: [replica("new", ready=False)]
    with pytest.raises(DeployFailed, match="the storage account denies it") as caught:
        await deploy_project(project, azure, Scripted())
    assert caught.value.cause == "mount-denied"
    assert azure.replicas.looks < 60


@pytest.mark.usefixtures("_app")
async def test_a_model_that_is_refused_is_not_waited_for(project: Path, azure: World) -> None:
    change_app(azure, container={"env": [{"name": "READY_PATH", "value": "/ready"}]})
    azure.replicas.log = ("nothing that is known",)
    said = '{"ready": false, "status": "refused", "reason": "CUDA out of memory. The GPU is too small."}'
    azure.probe.elsewhere = {f"{ENDPOINT}/ready": [ProbeResult(503, said)]}
    with pytest.raises(
        DeployFailed, match="its model can't be served: the GPU's memory is too small"
    ) as caught:
        await deploy_project(project, azure, Scripted())
    assert caught.value.cause == "gpu-out-of-memory"
    assert azure.clock.seconds < 60
