"""The virtual environment that each app gets: its own Python and pip."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aca_local.replicas.replica import Workshop
from aca_local.replicas.supervisor import Supervisor
from aca_local.replicas.venvs import VirtualEnvironments, bundled_wheels
from support.replica_programs import (
    PATIENCE,
    QUICK,
    bash,
    lines,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for bash")


async def test_pip_and_python_are_those_of_the_apps_own_environment(tmp_path: Path) -> None:
    workshop = Workshop(VirtualEnvironments(), dict(os.environ), mounting=False, pace=QUICK)
    supervisor = Supervisor(tmp_path / "apps", workshop)
    script = "python -c 'import sys; print(sys.prefix)'; pip --version; sleep 60"
    await supervisor.apply(bash(script, tmp_path))
    prefix, pip = await lines(supervisor, 2)
    await supervisor.close()
    assert Path(prefix).is_relative_to(tmp_path / "apps")
    assert prefix in pip


def test_an_apps_environment_begins_as_pythons_own(tmp_path: Path) -> None:
    """Before Python 3.12 that is pip with setuptools, which inference code of that time imports."""
    made = asyncio.run(VirtualEnvironments().ensure(tmp_path / "app" / "venv"))
    own = tmp_path / "own"
    subprocess.run([sys.executable, "-m", "venv", own], check=True, timeout=PATIENCE)
    assert packages(made) == packages(own)


def packages(venv: Path) -> str:
    """List the packages of an environment, with their versions."""
    command = [venv / "bin" / "python", "-m", "pip", "list", "--format=freeze"]
    environment = {"PATH": os.defpath, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout


async def test_an_apps_pip_installs_and_replaces_itself(tmp_path: Path) -> None:
    """Offline: pip's own wheel, as it comes with Python, is the package."""
    venv = await VirtualEnvironments().ensure(tmp_path / "an app" / "venv")
    wheel = next(iter(bundled_wheels()), None)
    if wheel is None:
        pytest.skip("NOT TRIED: this Python brings no wheel of pip")
    for words in (["--force-reinstall", str(wheel)], ["--upgrade", str(wheel)]):
        process = await asyncio.create_subprocess_exec(
            venv / "bin" / "pip", "install", "--no-index", *words, env={"PATH": os.defpath}
        )
        assert await process.wait() == 0
    (stamp,) = venv.glob("aca-local.json")
    made = stamp.stat().st_mtime_ns
    await VirtualEnvironments().ensure(venv)
    assert stamp.stat().st_mtime_ns == made
