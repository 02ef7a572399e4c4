"""Delete as people run it, on a whole aca-local: beside changes that are under way, and after an end in the middle."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.desk import TIMEOUT, Desk
from support.projects import small_project
from support.real_projects import CONFIG, Arm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY = {
    "code": "ManagedEnvironmentOperationInProgress",
    "message": "Cannot modify Container Apps environment env because another operation is in progress.",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.local("stop")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return small_project(tmp_path / "project")


def delete(desk: Desk, project: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run it as a person who is not there."""
    return subprocess.run(
        [sys.executable, "-m", "aitk_inference", "delete", "--project", str(project), "--no-input", *flags],
        env=desk.environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def refusing(times: int) -> dict[str, Any]:
    """What Azure answers while an environment is still being made: a cancelled deployment does not end that."""
    path = "managedEnvironments/[^/]+$"
    return {
        "service": "arm",
        "method": "DELETE",
        "path": path,
        "times": times,
        "status": 409,
        "body": {"error": BUSY},
    }


def provision(desk: Desk, project: Path, group: str) -> Arm:
    where = ("--subscription", "local", "--resource-group", group)
    desk.run("provision", "--project", str(project), *where)
    return Arm.of(desk, group)


def test_an_environment_that_is_still_being_made_is_waited_for(desk: Desk, project: Path) -> None:
    arm = provision(desk, project, "busy")
    arm.break_with(refusing(1))
    done = delete(desk, project, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is still being made or changed: waiting for that" in done.stdout
    assert set(json.loads((project / CONFIG).read_text()).values()) == {None}


def test_the_question_stands_apart_from_the_list(desk: Desk, project: Path) -> None:
    provision(desk, project, "asked")
    done = delete(desk, project)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Give --yes."
