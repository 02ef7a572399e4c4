"""The command line against a real aca-local: the journey, what goes wrong, what a kill leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.desk import Desk
from support.projects import small_project

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
GROUP = ("--subscription", "local", "--resource-group")


@pytest.fixture
def own_desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.local("stop")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return small_project(tmp_path / "project")


def _get(url: object) -> str:
    with urllib.request.urlopen(str(url), timeout=30) as answer:
        return str(answer.read().decode())


def _config(project: Path) -> dict[str, str]:
    document: dict[str, str] = json.loads((project / "infra/inference.config.json").read_text())
    return document


def test_provision_deploy_change_deploy_and_the_new_code_answers(desk: Desk, project: Path) -> None:
    place = ("--project", str(project))
    provisioned = desk.run("provision", *place, *GROUP, "journey")[-1]
    deployed = desk.run("deploy", *place)[-1]
    assert provisioned["endpoint"] == deployed["endpoint"] == _config(project)["ACA_APP_ENDPOINT"]
    assert _get(deployed["endpoint"]) == "one"
    (project / "inference/answer.txt").write_text("two")
    assert desk.run("deploy", *place)[-1]["data"]["sent"] == ["inference/answer.txt"]  # type: ignore[index] # JSON of a known shape
    assert _get(deployed["endpoint"]) == "two"
    lines = desk.run("deploy", *place)  # nothing changed, and nobody is asked
    assert any("Nothing has changed" in str(line.get("text")) for line in lines)
    stages = [line for line in lines if line.get("done")]
    assert {"replica", "answering"} <= {line["stage"] for line in stages}
    assert all(line["lastSeconds"] is not None for line in stages if line["stage"] == "answering")
    assert desk.run("deploy", *place, "--no-restart")[-1]["data"]["restarted"] is False  # type: ignore[index,call-overload] # JSON of a known shape
    status = desk.run("status", *place)[-1]["data"]
    assert isinstance(status, dict)
    assert status["answers"] is True

    _two_projects_never_mix(desk, project)
    _fails_early_with_the_consoles_end(desk, project)


def _fails_early_with_the_consoles_end(desk: Desk, project: Path) -> None:
    (project / "inference/gradio_chat.py").write_text("import no_such_module_here\n")
    error = desk.run("deploy", "--project", str(project), expect=1)[-1]
    assert error["code"] == "DeployFailed"
    assert "no_such_module_here" in str(error["causes"])
    assert (error["cause"], error["problems"][0]["line"]) == ("missing-module", 1)  # type: ignore[index] # JSON of a known shape


def _two_projects_never_mix(desk: Desk, project: Path) -> None:
    other = small_project(project.parent / "other", "theirs")
    shutil.copy(project / "infra/inference.config.json", other / "infra")
    error = desk.run("deploy", "--project", str(other), expect=2)[-1]
    assert error["code"] == "InputRequired"
    assert "--yes" in str(error["suggestion"])
    assert _get(_config(project)["ACA_APP_ENDPOINT"]) == "two"


def test_killed_in_the_middle_the_same_command_finishes(desk: Desk, project: Path) -> None:
    place = ("--project", str(project))
    for lines in (2, 6):
        provision = ("provision", *place, *GROUP, f"dev{lines}")
        _kill_after(desk, provision, lines)
        assert desk.run(*provision)[-1]["type"] == "result"
        assert _config(project)["RESOURCE_GROUP_NAME"] == f"dev{lines}"
    for lines in (3, 5):
        (project / "inference/answer.txt").write_text(f"answer {lines}")
        _kill_after(desk, ("deploy", *place), lines)
        endpoint = desk.run("deploy", *place)[-1]["endpoint"]
        assert _get(endpoint) == f"answer {lines}"


def _kill_after(desk: Desk, command: tuple[str, ...], lines: int) -> None:
    with desk.start(*command) as running:
        assert running.stdout is not None
        for _ in range(lines):
            assert running.stdout.readline()
        running.kill()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_a_running_deployment_is_picked_up_and_ctrl_c_cancels_it(own_desk: Desk, project: Path) -> None:
    desk = own_desk
    assert desk.local("serve", "--detach", "--timing", "realistic").returncode == 0
    command = ("provision", "--project", str(project), *GROUP, "dev")
    with desk.start(*command) as running:
        _wait_for(running, ": creating")
        running.kill()
    with desk.start(*command) as running:
        _wait_for(running, "Picking up the deployment")
        running.send_signal(signal.SIGINT)
        assert running.stdout is not None
        rest = [json.loads(line) for line in running.stdout]
    assert running.returncode == 130
    assert rest[-1]["code"] == "Cancelled"
    assert "and the deployment with it" in rest[-1]["message"]
    assert not any(_config(project).values())


def _wait_for(running: subprocess.Popen[str], words: str) -> None:
    assert running.stdout is not None
    assert any(words in line for line in running.stdout)


def test_a_port_in_use_is_named(own_desk: Desk, project: Path) -> None:
    desk = own_desk
    started = desk.local("serve", "--detach", "--json")
    port = int(json.loads(started.stdout)["arm"].rpartition(":")[2])
    desk.local("stop")
    with socket.create_server(("127.0.0.1", port)):
        error = desk.run("provision", "--project", str(project), *GROUP, "dev", expect=1)[-1]
    assert str(port) in str(error["message"])


def test_an_edited_template_without_a_compiler_is_refused(desk: Desk, project: Path) -> None:
    desk.local("serve", "--detach")  # with a PATH, which the replicas of other tests need
    bicep = project / "infra/provision/inference.bicep"
    bicep.write_text(bicep.read_text() + "\n// mine\n")
    environment = {**desk.environment, "PATH": "/nonexistent", "HOME": str(desk.home), "BICEP": ""}
    done = desk.said("provision", "--project", str(project), *GROUP, "dev", environment=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no Bicep CLI" in done.stderr
    assert not any(_config(project).values())


FAULTS: list[tuple[dict[str, object], str, str]] = [
    (
        {"service": "arm", "method": "PUT", "path": "/deployments/", "fault": "quota"},
        "QuotaExceeded",
        "quota",
    ),
    (
        {"service": "arm", "method": "PUT", "path": "/deployments/", "fault": "policy"},
        "Forbidden",
        "olicy",
    ),
    (
        {"service": "replicas", "path": ".", "fault": "image-pull", "times": 0},
        "DeployFailed",
        "does not start",
    ),
]


def test_what_azure_refuses_is_told_in_words_and_conflicts_are_waited_for(desk: Desk, project: Path) -> None:
    place = ("--project", str(project))
    provision = ("provision", *place, *GROUP, "refused")
    local = json.loads(desk.local("serve", "--detach", "--json").stdout)
    for fault, code, words in FAULTS[:2]:
        _set_faults(local, fault)
        error = desk.run(*provision, expect=1)[-1]
        assert (error["code"], words in str(error["message"])) == (code, True), error
        assert not any(_config(project).values())
    _set_faults(local)
    desk.run(*provision)
    for fault, code, words in FAULTS[2:]:
        _set_faults(local, fault)
        error = desk.run("deploy", *place, expect=1)[-1]
        assert (error["code"], words in str(error["message"])) == (code, True), error
    _set_faults(local, {"service": "arm", "path": "/restart", "fault": "in-progress", "times": 2})
    assert desk.run("deploy", *place)[-1]["type"] == "result"


def _set_faults(local: dict[str, str], *faults: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {local['token']}", "Content-Type": "application/json"}
    url = f"{local['armHttp']}/aca-local/faults"
    request = urllib.request.Request(url, json.dumps(faults).encode(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status < 300
