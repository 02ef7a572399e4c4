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

from aca_local.kernel.replicas import ReplicasError
from aca_local.state.own_files import OwnFile, OwnFileError

SETUPTOOLS_LEFT = (3, 12)  # since then an environment begins without setuptools
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
            try:
                made_with = OwnFile(folder / "aca-local.json").document()
            except OwnFileError:
                made_with = None
            if made_with != _stamp():
                await _make(folder)
        return folder


def _stamp() -> dict[str, object]:
    return {
        "python": sys.base_prefix,
        "version": sys.version,
        "wheels": [wheel.name for wheel in bundled_wheels()],
    }


async def _make(folder: Path) -> None:
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    wheels = bundled_wheels() if os.name != "nt" else []
    await _run_venv(str(folder), *(["--without-pip"] if wheels else []))
    if wheels:
        await asyncio.to_thread(_unpack, wheels, folder)
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


def bundled_wheels() -> list[Path]:
    """Find what this Python puts into each environment that ``python -m venv`` makes: ensurepip's wheels.

    Returns:
        pip, before Python 3.12 setuptools too; nothing where ensurepip has no pip.
    """
    found = importlib.util.find_spec("ensurepip")  # Debian keeps it in a package of its own
    if found is None or not found.origin:
        return []
    folder = Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or Path(found.origin).with_name("_bundled"))
    names = ["pip"] if sys.version_info >= SETUPTOOLS_LEFT else ["pip", "setuptools"]
    wheels = [sorted(folder.glob(f"{name}-*.whl"))[-1:] for name in names]
    return [wheel for newest in wheels for wheel in newest] if wheels[0] else []


def _unpack(wheels: list[Path], venv: Path) -> None:
    """Put wheels into an environment as ensurepip does, ten times as fast: unpacked, compiled when used."""
    packages = sysconfig.get_path("purelib", "venv", {"base": str(venv), "platbase": str(venv)})
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
    for name in ("pip", "pip3"):
        script = venv / "bin" / name
        script.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n')
        script.chmod(0o755)
