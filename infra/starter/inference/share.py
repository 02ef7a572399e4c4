"""Folders on the mounted share, which is read over the network."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
NETWORK = ("cifs", "smb3")
"""NFS is not among them: vLLM itself reads ahead there."""
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container reads how much memory it may take, which is less than its node has."""
SPARE = 1.2
"""The weights, and what else needs room."""


def wants_prefetch(folder: Path, weights: float, mounts: Path = MOUNTS) -> bool:
    """Return True where weights lie on an SMB share and fit the container's memory.

    Pages read one at a time over SMB take many times as long as the files in one go.
    """
    return _is_remote(folder, mounts) and weights * SPARE < _memory()


def wants_copy(folder: Path, disk: Path, mounts: Path = MOUNTS) -> bool:
    """Return True where a model lies on an SMB share and fits the container's disk, which has 8 GiB at most."""
    size = sum(path.stat().st_size for path in _files(folder))
    return _is_remote(folder, mounts) and size * SPARE < shutil.disk_usage(disk).free


def copied(folder: Path, disk: Path) -> Path:
    """Return a copy of a model on the container's disk, where it ends with the container."""
    copy = Path(tempfile.mkdtemp(prefix="base-", dir=disk))
    for path in _files(folder):
        shutil.copyfile(path, copy / path.name)
    return copy


def _files(folder: Path) -> list[Path]:
    """Return a model's files; folders beside them hold it in other formats."""
    return [path for path in folder.iterdir() if path.is_file()]


def _is_remote(folder: Path, mounts: Path) -> bool:
    return _file_system(folder, mounts) in NETWORK


def _file_system(folder: Path, mounts: Path) -> str:
    """Return the kind of the file system that holds a folder: of the longest mount point above it."""
    kinds = {}
    try:
        for line in mounts.read_text("utf-8", errors="replace").splitlines():
            _, point, kind, *_ = line.split(" ")
            kinds[Path(point)] = kind
    except (OSError, ValueError):
        return ""
    return next((kinds[above] for above in (folder, *folder.parents) if above in kinds), "")


def _memory() -> int:
    """Return the container's memory: a cgroup's limit counts the pages of files that were read, too."""
    node = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [limit for path in LIMITS if (limit := _limit(path)) is not None]
    return min([node, *limits])


def _limit(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):  # "max", or no such cgroup
        return None
