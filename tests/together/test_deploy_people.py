"""Deploys as people run them: what they must not lose, whatever happens between two runs.

The sync's own cases are in test_sync_people.py; Deploy comes to the share through its own door.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.desk import TIMEOUT, Desk
from support.projects import small_project
from support.sync_cli import lay

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

LARGE = os.urandom((5 << 20) + 3)
SLOW = {"service": "files", "method": "PUT", "path": "comp=range|part|bin", "delay": 1.5, "times": 0}
REMOTE = b'[remote "origin"]\n\turl = https://host.example/team/app\n'
ADAPTER = {
    "adapter/adapter_model.safetensors": b"w" * 100,
    "adapter/adapter_config.json": b"{}",
    "adapter/notes.json": b"[]",
}


class Journey:
    """A provisioned project, and what can be done to it from one computer or another."""

    def __init__(self, desk: Desk, project: Path) -> None:
        self.desk = desk
        self.project = project
        self.local: dict[str, str] = json.loads(desk.local("serve", "--detach", "--json").stdout)
        group = ("--subscription", "local", "--resource-group", "people")
        desk.run("provision", "--project", str(project), *group)
        assert desk.run("deploy", "--project", str(project))[-1]["type"] == "result"

    def slow_writes(self, *rules: dict[str, Any]) -> None:
        """Let pieces of large files take their time, or with no rules no longer."""
        headers = {"Authorization": f"Bearer {self.local['token']}", "Content-Type": "application/json"}
        url = f"{self.local['armHttp']}/aca-local/faults"
        request = urllib.request.Request(url, json.dumps(rules).encode(), headers, method="PUT")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status < 300

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[str]]:
        """Start a Deploy and wait until it sends."""
        with self.desk.start("deploy", "--project", str(self.project)) as running:
            try:
                assert running.stdout is not None
                seen: list[str] = []
                while not seen or " MB" not in seen[-1]:
                    seen.append(running.stdout.readline())
                    assert seen[-1], seen
                yield running
            finally:
                running.kill()

    def deploy(self, project: Path, computer: Path) -> subprocess.CompletedProcess[str]:
        """Deploy from a computer of one's own, where nobody can be asked."""
        own = {"AITK_STATE_DIR": str(computer), "AITK_LOG_DIR": str(computer)}
        command = ("deploy", "--project", str(project), "--no-input")
        return self.desk.said(*command, environment=self.desk.environment | own)

    def share(self) -> Path:
        """Return the folder that holds the share's files."""
        (found,) = self.desk.data.rglob("answer.txt")
        return found.parents[1]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    home = tmp_path_factory.mktemp("people")
    desk = Desk(home)
    project = lay(small_project(home / "project"), {".git/config": REMOTE})
    try:
        yield Journey(desk, project)
    finally:
        desk.local("stop")


@pytest.fixture
def project(journey: Journey) -> Iterator[Path]:
    yield journey.project
    journey.slow_writes()


def test_a_clone_without_the_adapter_deploys_and_leaves_it_there(
    journey: Journey, project: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(project, clone)
    lay(project, ADAPTER)
    journey.desk.run("deploy", "--project", str(project))
    lay(clone, {"inference/answer.txt": b"clone"})
    done = journey.deploy(clone, tmp_path / "other")
    assert done.returncode == 0, done.stdout + done.stderr
    there = {
        path: (journey.share() / path).read_bytes() for path in ADAPTER if (journey.share() / path).exists()
    }
    assert there == ADAPTER, done.stdout + done.stderr
    assert (journey.share() / "inference/answer.txt").read_bytes() == b"clone"


def test_a_second_deploy_from_another_state_folder_waits_its_turn(
    journey: Journey, project: Path, tmp_path: Path
) -> None:
    lay(project, {"model.bin": LARGE * 3})
    journey.slow_writes(SLOW | {"delay": 15})  # as long as another program needs to start on a busy computer
    with journey.started() as first:
        second = journey.deploy(project, tmp_path / "other")
        assert (second.returncode, "is writing to this file share" in second.stderr) == (1, True), second
        journey.slow_writes()
        assert first.wait(TIMEOUT) == 0
    assert (journey.share() / "model.bin").read_bytes() == LARGE * 3


def test_after_ctrl_c_in_a_deploy_the_next_one_knows_its_own_files(journey: Journey, project: Path) -> None:
    lay(project, {"model.bin": LARGE * 2, "inference/answer.txt": b"before"})
    journey.slow_writes(SLOW)
    with journey.started() as running:
        running.send_signal(signal.SIGINT)
        assert running.wait(TIMEOUT) == 130
    journey.slow_writes()
    lay(project, {"inference/answer.txt": b"after"})
    journey.desk.run("deploy", "--project", str(project))
    assert (journey.share() / "inference/answer.txt").read_bytes() == b"after"
