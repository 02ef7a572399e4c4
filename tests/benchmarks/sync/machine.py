"""What the numbers were taken on."""

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.sync import programs

STARTS = 5


def facts(scratch: Path) -> dict[str, str]:
    """Facts by label; none of them names this computer or its folders."""
    return {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.1f} (1 minute)",
        "trees and shares on": file_system(scratch),
        "Python": platform.python_version(),
        "aitk-inference": f"{importlib.metadata.version('aitk-inference')}, commit {_commit()}",
        "azure-storage-file-share": importlib.metadata.version("azure-storage-file-share"),
        "aiohttp": importlib.metadata.version("aiohttp"),
        "Python starts in": f"{_seconds([sys.executable, '-c', 'pass']):.3f} s",
    }


def version_of(peer: str) -> dict[str, str]:
    """A peer's version, for the facts; the SDK's is among them anyway."""
    if peer == "azcopy":
        return {"AzCopy": programs.version(programs.azcopy(), "--version")}
    return {"rclone": programs.version(programs.rclone(), "version")} if peer == "rclone" else {}


def file_system(path: Path) -> str:
    """The kind of file system that a folder is on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    whole = str(path.resolve())
    around = [(len(place), kind) for place, kind in mounts if whole.startswith(place.rstrip("/") + "/")]
    kind = max(around)[1] if around else "?"
    return "tmpfs (memory)" if kind == "tmpfs" else f"disk ({kind})"


def _processor() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()


def _commit() -> str:
    git = ["git", "-C", str(programs.ROOT)]
    head = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "server"], check=False).returncode
    return f"{head or '?'}{' with changes' if changed else ''}"


def _seconds(command: Sequence[str]) -> float:
    found = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        found.append(time.perf_counter() - began)
    return median(found)
