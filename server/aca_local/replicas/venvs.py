"""The virtual environment of an app: made once, kept in the data folder, found first by its commands."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from typing import TYPE_CHECKING

from aca_local.replicas.model import ReplicasError

if TYPE_CHECKING:
    from pathlib import Path

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
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "venv",
        str(folder),
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
    (folder / "aca-local.json").write_text(json.dumps(_stamp()))
