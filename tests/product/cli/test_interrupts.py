"""Ctrl+C: once cancels and says how it ended, twice leaves at once and says what goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
PROGRAM = """\
import asyncio, sys
from contextlib import ExitStack
from pathlib import Path
from aca_local import certificates
from aitk_inference.azure.deployments import ArmDeployments
from aitk_inference.cli import run
from support.azure_world import World, WorldClouds

original = ArmDeployments.cancel

async def cancel(self, ref):
    await asyncio.sleep(3600 if sys.argv[2] == "stuck" else 0)
    return await original(self, ref)

ArmDeployments.cancel = cancel
folder = Path(sys.argv[3])
with ExitStack() as stack:
    world = World(folder, stack, certificates.ensure(folder / "certificates"))
    world.arm().ingress.held = True
    arguments = ["provision", "--project", sys.argv[1], "--subscription", "local", "--resource-group", "models"]
    ended = run(arguments, lambda *_: WorldClouds(world))
    sys.stdout.flush()
    sys.stderr.flush()
    import os
    os._exit(ended)
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")


def _start(project: Path, how: str, tmp_path: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "AITK_LOG_DIR": str(tmp_path / "log")}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(project), how, str(tmp_path / "azure")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment,
    )


def _wait_for(running: subprocess.Popen[str], words: str) -> None:
    assert running.stdout is not None
    assert any(words in line for line in running.stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_cancels_the_deployment_and_says_so(
    project: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with _start(project, "well", tmp_path) as running:
        _wait_for(running, ": creating")
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "and the deployment with it" in said


def test_twice_leaves_at_once_and_says_what_goes_on(project: Path, tmp_path: Path) -> None:
    with _start(project, "stuck", tmp_path) as running:
        _wait_for(running, ": creating")
        running.send_signal(signal.SIGINT)
        _wait_for(running, "Cancelling the deployment")
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "goes on there" in said
    assert "Traceback" not in said
