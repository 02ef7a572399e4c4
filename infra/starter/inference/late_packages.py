"""Packages that start.py brings while the model loads: those of the page, and libraries that few models need."""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from pathlib import Path

FOLDER = "LATE_PACKAGES"
"""The variable that names the folder which exists once they are there, or a file where they will never be."""
POLL_SECONDS = 0.2


def are_there() -> bool:
    """Return True once all packages are on the disk, or where there is nothing to wait for."""
    folder = os.environ.get(FOLDER)
    return not folder or Path(folder).exists()


async def arrive() -> None:
    """Wait until all packages are on the disk, without a thread that would hold up the end of the app."""
    while not are_there():  # noqa: ASYNC110  another process makes it, on the local disk
        await asyncio.sleep(POLL_SECONDS)
    importlib.invalidate_caches()


def wait() -> None:
    """Wait, in this thread, until all packages are on the disk."""
    while not are_there():
        time.sleep(POLL_SECONDS)
    importlib.invalidate_caches()
