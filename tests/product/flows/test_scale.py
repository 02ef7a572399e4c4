"""Scale: what is changed, kept, refused and said of the bill."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.cli import run
from aitk_inference.core.config import read_config
from aitk_inference.flows.api import ScaleRequest
from aitk_inference.flows.operate.scale import scale
from support.azure_world import World, WorldClouds
from support.projects import provision_local
from support.scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.fixture
def app(project: Path, azure: World) -> str:
    """A provisioned app's path, with a rule and a name of its revision that somebody else gave it."""
    assert (
        run(
            ["provision", "--project", str(project), "--subscription", "local", "--resource-group", "models"],
            lambda *_: WorldClouds(azure),
        )
        == 0
    )
    path = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    rule = {"name": "http", "http": {"metadata": {"concurrentRequests": "7"}}}
    scale_settings = {"minReplicas": 1, "maxReplicas": 1, "cooldownPeriod": 900, "rules": [rule]}
    changes = {"properties": {"template": {"revisionSuffix": "mine", "scale": scale_settings}}}
    azure.ask("PATCH", path, changes, version="2025-01-01")
    return path


def _scale(project: Path, azure: World, *flags: str) -> int:
    return run(["scale", "--project", str(project), *flags], lambda *_: WorldClouds(azure))


def _template(azure: World, app: str) -> dict[str, Any]:
    template: dict[str, Any] = azure.ask("GET", app, version="2025-01-01")["properties"]["template"]
    return template


def test_only_the_numbers_change_and_the_bill_is_said(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _template(azure, app)
    assert _scale(project, azure, "--min", "0", "--max", "3") == 0
    after = _template(azure, app)
    assert after["scale"] == {**before["scale"], "minReplicas": 0, "maxReplicas": 3}
    assert (after["containers"], after["volumes"]) == (before["containers"], before["volumes"])
    out = capsys.readouterr().out
    assert "has 0 to 3 replicas now, in a new revision" in out
    assert "nothing is billed for it, while nobody asks" in out
    assert _scale(project, azure, "--min", "1") == 0
    assert _template(azure, app)["scale"]["maxReplicas"] == 3
    assert "One replica is billed around the clock" in capsys.readouterr().out
    assert _scale(project, azure, "--min", "1", "--max", "3") == 0
    assert "has 1 to 3 replicas already" in capsys.readouterr().out


@pytest.mark.parametrize(
    "case",
    [
        (["--min", "-1"], "The least replicas can't be -1."),
        (["--max", "0"], "to run none at all: aitk-inference stop"),
        (["--max", "1001"], "a number from 1 to 1000"),
        (["--min", "3", "--max", "2"], "At least 3 replicas and at most 2 can't both be."),
        (["--min", "2"], "At least 2 replicas and at most 1 can't both be."),
    ],
)
def test_nonsense_is_refused_in_words(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str], case: tuple[list[str], str]
) -> None:
    flags, words = case
    before = _template(azure, app)
    assert _scale(project, azure, *flags) == 2
    assert words in capsys.readouterr().err
    assert _template(azure, app) == before


def test_without_numbers_a_program_is_told_the_flags(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert _scale(project, azure, "--json") == 2
    error = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [item["flag"] for item in error["inputs"]] == ["--min N", "--max N"]


async def test_a_person_without_numbers_is_asked(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    ui = Scripted({"least": "0", "most": "2"})
    outcome = await scale(ScaleRequest(project), ui=ui, clouds=WorldClouds(azure))
    assert outcome.data == {"minReplicas": 0, "maxReplicas": 2}
    assert azure.count("resources.patch") == 1
