"""Delete as people run it, on a whole aca-local: beside changes that are under way, and after an end in the middle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from support.projects import set_parameters, small_project
from support.real_projects import CONFIG, STORAGE, Arm, config_of

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from support.desk import Desk

BUSY = {
    "code": "ManagedEnvironmentOperationInProgress",
    "message": "Cannot modify Container Apps environment env because another operation is in progress.",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return small_project(tmp_path / "project")


def delete(desk: Desk, project: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run it as a person who is not there."""
    return desk.said("delete", "--project", str(project), "--no-input", *flags)


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


def test_what_another_projects_app_stands_on_stays(desk: Desk, project: Path, tmp_path: Path) -> None:
    arm = provision(desk, project, "both")
    other = small_project(tmp_path / "other")
    set_parameters(other, acaAppName="their-app")
    provision(desk, other, "both")  # by the template's names, in the first project's share and environment
    ours, theirs = arm.app_path(project), arm.app_path(other)
    done = delete(desk, project, "--yes", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    accounts = [
        one["name"] for one in arm.ask("GET", "Microsoft.Storage/storageAccounts", version=STORAGE)["value"]
    ]
    assert accounts == [config_of(other)["STORAGE_ACCOUNT_NAME"]], done.stdout
    share = f"{arm.account_path(other)}/fileServices/default/shares/{config_of(other)['FILE_SHARE_NAME']}"
    arm.ask("GET", share, version=STORAGE)
    apps = arm.ask("GET", "Microsoft.App/containerApps")["value"]
    assert [f"Microsoft.App/containerApps/{one['name']}" for one in apps] == [theirs] != [ours]
    volume = apps[0]["properties"]["template"]["volumes"][0]["storageName"]
    environment = apps[0]["properties"]["environmentId"].partition("/providers/")[2]
    arm.ask("GET", f"{environment}/storages/{volume}")
    (logs,) = arm.ask("GET", "Microsoft.OperationalInsights/workspaces", version="2023-09-01")["value"]
    assert f"{logs['name']} (what stays needs it)" in done.stdout
    assert "takes what fine-tuning uses" not in done.stdout  # nothing stays for that

    assert delete(desk, other, "--yes").returncode == 0
    where = ("--subscription", "local", "--resource-group", "both")
    done = delete(desk, project, "--yes", "--all", *where)  # now nobody needs the rest
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the resource group both" in done.stdout
