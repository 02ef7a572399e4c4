"""A project whose template and parameters are Bicep, deployed to a real aca-local with the real CLI."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.desk import Desk
from support.shared import shared

if TYPE_CHECKING:
    import subprocess

INFRA = Path(__file__).resolve().parents[2] / "infra"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    shutil.copytree(INFRA / "provision", root / "infra/provision")
    return root


def provision(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with an aca-local of its own, which ends with it."""
    desk = Desk(project.parent)
    environment = desk.environment | {"AITK_BICEP_PATH": str(shared("tools/bicep"))}
    try:
        return desk.said("provision", "--project", str(project), *arguments, environment=environment)
    finally:
        desk.local("stop")


LOCAL = ("--subscription", "local", "--resource-group", "bicep")


def test_parameters_in_bicep_are_deployed(project: Path) -> None:
    folder = project / "infra/provision"
    (folder / "inference.bicepparam").write_text(
        "using 'inference.bicep'\n\nvar team = 'lights'\nparam acaAppName = '${team}-app'\n"
    )
    done = provision(project, *LOCAL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"ACA_APP_NAME": "lights-app"' in (project / "infra/inference.config.json").read_text()
    assert "inference.parameters.json is not used" in done.stdout + done.stderr


def test_a_refused_template_is_told_line_by_line_and_nothing_is_deployed(project: Path) -> None:
    source = project / "infra/provision/inference.bicep"
    text = source.read_text("utf-8")
    line = text.count("\n") + 1
    source.write_text(f"{text}output one string = nowhere\noutput two string = 7\n", "utf-8")
    done = provision(project, *LOCAL)
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert f'Line {line}: The name "nowhere" does not exist in the current context.' in told
    assert f"{source}:{line}:21\n" in told
    assert f"{source}:{line + 1}:21: " in told
    assert "Traceback" not in told
    assert not (project / "infra/inference.config.json").exists()
