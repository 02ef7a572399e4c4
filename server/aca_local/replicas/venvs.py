"""The virtual environment of an app: made once, kept in the data folder, found first by its commands."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import sys
import sysconfig
import zipfile
from pathlib import Path

from aca_local.replicas.model import ReplicasError

TIME_LIMIT = 180.0  # seconds; a slow disk takes some ten


class EnvironmentFailedError(ReplicasError):
    """The virtual environment cannot be made; the text says why."""


class VirtualEnvironments:
    """Makes each app's environment once, however many replicas ask for it at the same time."""

    def __init__(self) -> None:
        self._locks: dict[Path, asyncio.Lock] = {}

    async def ensure(self, folder: Path) -> Path:
        """Answer the folder of a working environment for this Python; make it when there is none."""
        async with self._locks.setdefault(folder, asyncio.Lock()):
            if not _is_fresh(folder):
                await _make(folder)
        return folder


def _stamp() -> dict[str, str]:
    return {"python": sys.base_prefix, "version": sys.version}


def _is_fresh(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "aca-local.json").read_text()) == _stamp())
    except (OSError, ValueError):
        return False


async def _make(folder: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    wheel = pip_wheel() if os.name != "nt" else None
    await _run_venv(str(folder), *(["--without-pip"] if wheel else []))
    if wheel:
        await asyncio.to_thread(_unpack_pip, wheel, folder)
    (folder / "aca-local.json").write_text(json.dumps(_stamp()))


async def _run_venv(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "venv",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(TIME_LIMIT):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        last = output.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no output"]
        raise EnvironmentFailedError(
            f"The app's virtual environment cannot be made ({last[0]}). "
            "On Debian: apt-get install python3-venv."
        )


def pip_wheel() -> Path | None:
    """Find the pip that comes with this Python (ensurepip's wheel), where it has one."""
    found = importlib.util.find_spec("ensurepip")  # Debian keeps it in a package of its own
    if found is None or not found.origin:
        return None
    folder = sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(found.origin).with_name("_bundled")
    return next(Path(folder).glob("pip-*.whl"), None)


def _unpack_pip(wheel: Path, venv: Path) -> None:
    """Put pip into an environment as ensurepip does, ten times as fast: unpacked, compiled when used."""
    python = venv / "bin" / "python"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(_purelib(venv))
    for name in ("pip", "pip3"):
        script = python.with_name(name)
        script.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n')
        script.chmod(0o755)


def _purelib(venv: Path) -> str:
    return sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)})
