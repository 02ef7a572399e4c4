"""Restart to answering on aca-local, with the container's disk empty each time, as in Azure: starter_restart.py.

The first start installs the packages; the second unpacks them from the share. ``--old``: the commands of before, pip
at each start. Each is a Deploy of a new project with nothing left to send: restart until the model answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil

OLD = ["cd /mount/inference", "pip install --no-compile --disable-pip-version-check -r requirements.txt"]
LOCAL = [
    "--subscription",
    "local",
    "--resource-group",
    "restart",
    "--location",
    "eastus",
    "--yes",
    "--no-input",
]
KEEPING_SECONDS = 900
ARCHIVES = 2


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="restart-") as name:
        folder = Path(name)
        environment = {**os.environ, "XDG_DATA_HOME": name, "AITK_STATE_DIR": str(folder / "state")}
        environment |= {"PIP_CACHE_DIR": str(folder / "pip")}  # a container begins without one
        try:
            _measure(folder, environment)
        finally:
            subprocess.run([sys.executable, "-m", "aca_local", "stop"], env=environment, check=False)


def _measure(folder: Path, environment: dict[str, str]) -> None:
    project = folder / "project"
    _run(environment, "new", str(project))
    if "--old" in sys.argv:
        _use_old_commands(project / "infra/provision/inference.parameters.json")
    _run(environment, "provision", "--project", str(project), *LOCAL)
    for start in ("first", "second", "third"):
        if start != "first":
            _empty_disks(folder / "aca-local")
        shutil.rmtree(folder / "pip", ignore_errors=True)
        lines = _run(environment, "deploy", "--project", str(project), "--yes", "--no-input", "--json")
        print(
            f"{start} start: {_seconds(lines):.1f} s, {_processor_seconds(folder):.1f} s of a processor",
            flush=True,
        )
        print(_stages(folder / "aca-local"), flush=True)
        if "--old" not in sys.argv:
            _wait_for_archives(folder / "aca-local")


def _run(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "aitk_inference", *words]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def _seconds(lines: str) -> float:
    """Return what passed from the restart to the answer, of the seconds in Deploy's JSON lines."""
    steps = [line for line in map(json.loads, lines.splitlines()) if line.get("step") in ("Restart", "Wait")]
    return float(steps[-1]["elapsedSeconds"] - steps[0]["elapsedSeconds"])


def _processor_seconds(folder: Path) -> float:
    """Return what the container has taken so far, pip or tar included: the clock shows other programs, too."""
    spent = [sum(one.cpu_times()[:4]) for one in psutil.process_iter() if _is_app(one, folder)]
    return max(spent)


def _is_app(process: psutil.Process, folder: Path) -> bool:
    """Return True for the app, which start.py becomes; what keeps its packages is another process."""
    with contextlib.suppress(psutil.Error):
        return process.cmdline()[-1:] == ["/mount/inference/gradio_chat.py"] and str(folder) in str(
            process.environ()
        )
    return False


def _use_old_commands(path: Path) -> None:
    parameters = json.loads(path.read_text())
    parameters["parameters"]["defaultCommands"]["value"] = [*OLD, "python gradio_chat.py"]
    path.write_text(json.dumps(parameters))


def _empty_disks(cloud: Path) -> None:
    """Take away what starts have put into the replicas' environments, which stand for the disks of containers.

    Nothing is deleted before the end: ext4 makes new files slowly for minutes after many were deleted, and a
    container's disk is new.
    """
    for environment in cloud.glob("apps/*/venv"):
        disk = environment if "--old" in sys.argv else environment / "starter"
        if disk.exists():
            disk.rename(cloud / f"old-disk-{uuid.uuid4().hex}")


def _stages(cloud: Path) -> str:
    """Return what the newest replica's console says of its stages."""
    console = max(cloud.rglob("console.log"), key=lambda path: path.stat().st_mtime)
    return "\n".join(line for line in console.read_text("utf-8").splitlines() if " s] " in line)


def _wait_for_archives(cloud: Path) -> None:
    """Wait until both archives of the packages are whole, before the folders that they are made from go."""
    deadline = time.monotonic() + KEEPING_SECONDS
    while len(list(cloud.rglob("environment-cache/packages-*.tar.gz"))) < ARCHIVES:
        if time.monotonic() > deadline:
            raise TimeoutError("the packages were not kept on the share")
        time.sleep(1)


if __name__ == "__main__":
    main()
