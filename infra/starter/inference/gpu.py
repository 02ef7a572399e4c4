"""The NVIDIA GPUs of this container."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia/version", "/dev/dxg")
QUERY = ("nvidia-smi", "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits")
SECONDS = 20
MEBIBYTE = 1 << 20
BFLOAT16_FROM = 8.0
"""Compute capability."""


class Gpus(NamedTuple):
    """As ``model_check.Hardware``: name, the container's memory, how many, memory of one, bfloat16."""

    name: str
    memory: int
    gpus: int
    gpu_memory: int
    bfloat16: bool


def has_gpu() -> bool:
    """Return True where the container sees an NVIDIA GPU."""
    return any(Path(device).exists() for device in DEVICES)


def read_gpus() -> Gpus | None:
    """Return what nvidia-smi says of the GPUs; None where there is none, or no nvidia-smi."""
    if not has_gpu():
        return None
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=SECONDS, check=True)
        return parse_gpus(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def parse_gpus(text: str) -> Gpus:
    """Return the GPUs in nvidia-smi's lines; raise ValueError for others."""
    lines = [line for line in text.splitlines() if line.strip()]
    name, memory, capability = (part.strip() for part in lines[0].split(",")) if lines else ("", "", "")
    return Gpus(name, _own_memory(), len(lines), int(memory) * MEBIBYTE, float(capability) >= BFLOAT16_FROM)


def _own_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
