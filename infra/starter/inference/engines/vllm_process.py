"""vLLM as a child process: started in a session of its own, listened to, and ended with all its children."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
from collections import deque
from typing import TYPE_CHECKING

from engines.base import CannotServe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

IDLE_SECONDS = 600
"""How long a connection to vLLM stays open unused, so that many requests at once need not open theirs first."""
KEPT_LINES = 60
STOP_SECONDS = 15.0
_LINE_ENDS = re.compile(rb"[\r\n]+")
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "PYTHONUNBUFFERED": "1",
}
_PATIENT = {
    "VLLM_HTTP_TIMEOUT_KEEP_ALIVE": str(IDLE_SECONDS + 60)
}  # we close first: a request never meets an end
_LOOPBACK = {"VLLM_HOST_IP": "127.0.0.1"}
_PR_SET_PDEATHSIG = 1


class ChildProcess:
    """A running child; its lines go to ``on_line``, and the last ones are kept."""

    def __init__(self, process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
        self._process = process
        self._on_line = on_line
        self._stopping = False
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        """Return the process id, which is the group's id, too."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait until the child has ended and its last lines are read; returns its exit code."""
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reading), 2)  # a grandchild may hold the pipe open
        return code

    async def stop(self) -> None:
        """End the child and its children: politely, then at once."""
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        self._signal(signal.SIGKILL)
        await self._process.wait()
        self._reading.cancel()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    async def _read(self) -> None:
        stdout, rest = self._process.stdout, b""
        while stdout is not None and (read := await stdout.read(1 << 16)):
            *lines, rest = _LINE_ENDS.split(rest[-(1 << 16) :] + read)
            for line in lines:
                self._note(line.decode(errors="replace"))
        self._note(rest.decode(errors="replace"))

    def _note(self, line: str) -> None:
        if line.strip():
            self.lines.append(line)
            self._on_line(line)


async def start_child(command: Sequence[str], on_line: Callable[[str], None]) -> ChildProcess:
    """Start a child.

    Raises:
        CannotServe: the program is not there.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=child_environment(os.environ),
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )
    except (FileNotFoundError, PermissionError):
        raise CannotServe(
            f"The program {command[0]} is not in this image. Choose an image with vLLM, such as"
            " vllm/vllm-openai (parameter image), or a base in OpenVINO's format for a CPU."
        ) from None
    return ChildProcess(process, on_line)


def child_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without our own Python's variables; nothing calls home or listens outside."""
    kept = {name: value for name, value in own.items() if name not in _OURS}
    return {**_LOOPBACK, **kept, **_QUIET, **_PATIENT}


def _end_with_parent() -> Callable[[], None] | None:
    """Return what makes the kernel end the child when we are killed and can't do it ourselves (Linux)."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):
        return None
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) and None
