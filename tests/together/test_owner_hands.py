"""What an owner meets by hand: the next command, names of folders, a terminal's clock, a command stopped in the middle."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.desk import TIMEOUT, Desk
from support.projects import set_parameters, small_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = "infra/inference.config.json"
WHERE = ["--subscription", "local", "--resource-group", "hands"]
SLOW_MS = "700"
OWN_TERMINAL = """\
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the program's own, so that Ctrl+C in it reaches it."""


def command(*words: str) -> list[str]:
    """Return the command line of the program that is tried."""
    return [sys.executable, "-m", "aitk_inference", *words]


def run(desk: Desk, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb in a folder, to its end."""
    return subprocess.run(
        command(*words),
        env=desk.environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


class Window:
    """A command on a terminal of its own, without colours."""

    def __init__(self, desk: Desk, folder: Path, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *command(*words)],
            env={**desk.environment, "NO_COLOR": "1", "TERM": "xterm"},
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.text = ""

    def until(self, words: str) -> None:
        """Read until something stands there."""
        end = time.monotonic() + TIMEOUT
        while words not in self.text:
            assert time.monotonic() < end, self.text
            assert self._read(), self.text

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Read to the end; return how it ended."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(TIMEOUT)

    def _read(self) -> bool:
        try:
            piece = os.read(self._ours, 1 << 16)
        except OSError:  # how Linux says that nobody has the other end
            return False
        self.text += piece.decode(errors="replace")
        return bool(piece)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("hands"))
    yield made
    made.local("stop")


@pytest.fixture(scope="module")
def fresh(desk: Desk) -> Path:
    return small_project(desk.home / "mein modell")


@pytest.fixture(scope="module")
def provisioned(desk: Desk) -> Path:
    """A project whose share has an adapter."""
    project = small_project(desk.home / "made")
    set_parameters(project, minReplicas=0)
    (project / "adapters/lora").mkdir(parents=True)
    (project / "adapters/lora/adapter_config.json").write_text("{}")
    assert run(desk, project, "provision", *WHERE, "--no-input").returncode == 0
    assert run(desk, project, "deploy", "--no-wait", "--no-input").returncode == 0
    return project


def next_command(result: dict[str, Any]) -> str:
    """Return the command that a result names."""
    (action,) = [one for one in result["actions"] if one["kind"] == "run"]
    assert action["target"] == "provision"
    return str(action["command"])


@pytest.mark.parametrize("only", ["--plan", "--check"])
def test_the_next_command_goes_where_the_plan_and_the_checks_were_for(
    desk: Desk, fresh: Path, only: str
) -> None:
    given = ["--subscription", "local", "--resource-group", "fresh_(1)", "--location", "westeurope"]
    given += ["--tenant", "contoso.com", "--project", str(fresh)]
    result = desk.run("provision", only, "--set", "minReplicas=1", *given)[-1]
    assert sorted(shlex.split(next_command(result))) == sorted(["aitk-inference", "provision", *given])
    parameters = json.loads((fresh / "infra/provision/inference.parameters.json").read_text())["parameters"]
    assert parameters["minReplicas"]["value"] == 1  # so it need not be given again


def test_the_next_command_has_no_region_of_a_computer_or_of_a_group_that_is_there(
    desk: Desk, fresh: Path, provisioned: Path
) -> None:
    for group, project in (("other", fresh), ("hands", provisioned)):
        where = ["--subscription", "local", "--resource-group", group]
        result = desk.run("provision", "--plan", *where, "--project", str(project))[-1]
        whole = ["aitk-inference", "provision", *where, "--project", str(project)]
        assert shlex.split(next_command(result)) == whole


def test_a_dot_is_named_by_the_folder_that_it_stands_for(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "prüf ordner"
    folder.mkdir()
    made = run(desk, folder, "new", ".")
    assert f"Made a starter project in {folder}.\n" in made.stdout
    again = run(desk, folder, "new", ".")
    assert again.stderr.splitlines()[0] == f"{folder} holds a project already."
    inside = run(desk, folder / "infra", "new", "..")
    assert inside.stderr.splitlines()[0] == f"{folder} holds a project already."


def test_a_folder_without_a_name_is_none(desk: Desk, tmp_path: Path) -> None:
    done = run(desk, tmp_path, "new", "")
    assert done.returncode == 2
    assert "it is empty" in done.stderr
    assert not list(tmp_path.iterdir())
    assert run(desk, tmp_path, "status", "--project", "").returncode == 2


@pytest.mark.parametrize("verb", ["status", "provision --check", "deploy", "protect"])
def test_a_folder_of_a_project_names_the_project(desk: Desk, provisioned: Path, verb: str) -> None:
    done = run(desk, provisioned / "inference", *verb.split())
    assert done.returncode == 1
    assert f"It lies in the project {provisioned}: " in done.stdout + done.stderr


def test_nobody_is_asked_who_may_use_the_endpoint_of_no_project(desk: Desk, tmp_path: Path) -> None:
    lines = desk.run("protect", "--project", str(tmp_path), expect=1)
    assert lines[-1]["code"] == "InvalidProject"


def test_a_check_without_a_compiler_says_what_was_edited_and_vouches_for_nothing_after_it(
    desk: Desk, tmp_path: Path
) -> None:
    project = small_project(tmp_path / "edited")
    source = project / "infra/provision/inference.bicep"
    source.write_text(f"{source.read_text()}// edited\n")
    bare = {**desk.environment, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    bare.pop("AITK_BICEP_PATH", None)
    lines = desk.run_in(bare, "provision", "--check", *WHERE, "--project", str(project), expect=1)
    data: Any = lines[-1]["data"]
    states = {one["name"]: one["state"] for one in data["checks"]}
    assert states == {"configuration": "ok", "template": "problem", "model": "ok"}
    (wrong,) = [one["message"] for one in data["checks"] if one["state"] == "problem"]
    assert wrong == "inference.bicep was edited, and there is no Bicep CLI to compile it."


def test_the_configuration_is_named_with_its_folder(desk: Desk, provisioned: Path) -> None:
    again = run(desk, provisioned, "provision", *WHERE, "--no-input")
    assert f"Wrote {CONFIG}" in again.stdout


def test_delete_names_the_share_that_its_flag_wants(desk: Desk, provisioned: Path) -> None:
    share = json.loads((provisioned / CONFIG).read_text())["FILE_SHARE_NAME"]
    done = run(desk, provisioned, "delete", "--yes")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"→ Give --share {share}."


def test_the_clock_of_a_step_goes_on_while_azure_says_nothing(desk: Desk, provisioned: Path) -> None:
    desk.local("stop")
    desk.local("serve", "--detach", "--latency-ms", SLOW_MS)
    window = Window(desk, provisioned, "stop")
    assert window.end() == 0
    shown = re.findall(r"(\d:\d\d\.\d)  Stop ", window.text)
    desk.local("stop")
    assert len(set(shown)) > 1, window.text
    kept = re.findall(r"(\d:\d\d\.\d)  Stop [^\r]*\r\n", window.text)
    assert kept == [shown[0]]  # the line that stays says when it began


def test_ctrl_c_at_a_question_begins_a_line_of_its_own(desk: Desk, provisioned: Path) -> None:
    window = Window(desk, provisioned, "protect")
    window.until("Number: ")
    window.type("\x03")
    assert window.end() == 130
    assert "Number: ^C\r\nCancelling…" in window.text


def test_a_delete_that_is_cancelled_says_so_and_the_next_one_ends_it(desk: Desk) -> None:
    project = small_project(desk.home / "going")
    where = ["--subscription", "local", "--resource-group", "going"]
    assert run(desk, project, "provision", *where, "--no-input").returncode == 0
    desk.local("stop")
    desk.local("serve", "--detach", "--latency-ms", SLOW_MS)
    deleting = subprocess.Popen(
        command("delete", "--all", "--yes", "--project", str(project)),
        env=desk.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert deleting.stdout is not None
    for line in deleting.stdout:
        if "Deleting Container Apps environment" in line:
            deleting.send_signal(signal.SIGINT)
            break
    _, said = deleting.communicate(timeout=TIMEOUT)
    desk.local("stop")
    assert deleting.returncode == 130
    assert said.splitlines() == [
        "Delete was cancelled; what it had asked for in going goes on there.",
        "→ Run delete again: it lists what is left, and deletes that.",
    ]
    assert json.loads((project / CONFIG).read_text())["RESOURCE_GROUP_NAME"] == "going"
    done = run(desk, project, "delete", "--all", "--yes")
    assert done.returncode == 0
    assert "the resource group going" in done.stdout.splitlines()[-1]
    assert set(json.loads((project / CONFIG).read_text()).values()) == {None}
