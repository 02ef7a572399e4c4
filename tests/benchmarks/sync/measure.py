"""Runs a client as a process of its own and takes its time, processor time and memory.

Linux folds the memory of the process that starts another into the other's highest: the process that measures
stays small, and imports neither Azure's SDK nor a plotting library.
"""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import resource

LIMIT = 180.0
"""Seconds after which a client is given up."""


class ClientFailedError(Exception):
    """A client did not do what it was asked for; the text holds its last words."""


@dataclass(frozen=True)
class Usage:
    """Seconds by the clock, of the processor, and the highest memory (bytes) of the largest process."""

    seconds: float
    cpu: float
    memory: int


def run(command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Usage:
    """Run a client to its end; its output goes to a file.

    Processor time is that of the process and of all children that it waited for; memory is in bytes.

    Raises ClientFailedError when it fails or exceeds the limit.
    """
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status, used = _wait(process.pid)
        except BaseException:  # stopped by a person: a client in a session of its own would go on
            os.killpg(process.pid, signal.SIGKILL)
            raise
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ClientFailedError(
            f"{Path(command[0]).name} ended with {process.returncode}\n{_last_lines(log)}"
        )
    return Usage(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def _wait(pid: int) -> "tuple[int, resource.struct_rusage]":
    """Wait for a client, no longer than the limit, and return its status and what it used."""
    killer = Timer(LIMIT, os.killpg, (pid, signal.SIGKILL))
    killer.start()
    try:
        _, status, used = os.wait4(pid, 0)
        return status, used
    finally:
        killer.cancel()


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
