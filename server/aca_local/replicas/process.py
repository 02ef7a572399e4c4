"""One run of a container's command as processes of this computer, under the launcher (``launcher.py``)."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from aca_local.kernel.replicas import Mount
from aca_local.state.own_files import OwnFile, OwnFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LAUNCHER = Path(__file__).with_name("launcher.py")
LONGEST_LINE = 16 * 1024  # characters; Kubernetes splits longer lines there
LOOK = 0.5  # seconds between two looks whether the launcher was killed
SLACK = 5.0  # seconds that the launcher may take on top of the grace period
TOLERANCE = 2.0  # seconds between two readings of one process's start time


@dataclass(frozen=True)
class Command:
    """What to run and where; ``mounts`` are made in a mount namespace (none: nothing is mounted)."""

    argv: tuple[str, ...]
    folder: Path
    env: Mapping[str, str]
    mounts: tuple[Mount, ...] = ()
    grace: float = 10.0


class Run:
    """A running command: its output goes to ``on_line``, its processes are found through the launcher."""

    def __init__(self, process: asyncio.subprocess.Process, command: Command, on_line: Callable[[str], None]):
        self._process, self._command = process, command
        self._reading = asyncio.create_task(_read_lines(process, on_line))
        self._record = command.folder / "process.json"
        self._started = start_time(process.pid)
        record = json.dumps({"pid": process.pid, "started": self._started})
        OwnFile(self._record).write(record.encode())

    @property
    def pid(self) -> int:
        """The launcher's process id."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the end of the command and of its output; answer the exit code."""
        code = await self._exit_code()
        if code < 0:  # the launcher itself was killed: nobody ended what it had started
            end_session(self.pid, self._started)
            code = 128 - code
        await asyncio.wait({self._reading}, timeout=SLACK)
        self._record.unlink(missing_ok=True)
        return code

    async def _exit_code(self) -> int:
        """Wait for the launcher alone: asyncio waits for its pipes too, which others may hold open."""
        waiting = asyncio.ensure_future(self._process.wait())
        try:
            while self._process.returncode is None:
                await asyncio.wait({waiting}, timeout=LOOK)
        finally:
            waiting.cancel()
        return self._process.returncode

    async def stop(self) -> None:
        """End the command and everything that it started: politely, and after the grace period by force."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(self._command.grace + SLACK):
                await self.wait()
        except TimeoutError:
            kill_tree(self.pid)
            await self.wait()

    def kill(self) -> None:
        """Kill the command's processes as the kernel does; the launcher stays and tells the exit code."""
        for one in tree(self.pid)[1:]:
            with contextlib.suppress(psutil.Error):
                one.kill()

    def listening(self) -> set[int]:
        """List the ports that the command's processes listen on (where the system tells)."""
        return listening_ports([self.pid])


async def start(command: Command, on_line: Callable[[str], None]) -> Run:
    """Start a command under the launcher; what it writes comes line by line."""
    command.folder.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(LAUNCHER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(command.env),
        start_new_session=os.name != "nt",
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(_order(command)).encode() + b"\n")
    return Run(process, command, on_line)


def _order(command: Command) -> dict[str, object]:
    scratch, work = command.folder / "root", command.folder / "work"
    scratch.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    return {
        "argv": command.argv,
        "cwd": str(work),
        "grace": command.grace,
        "mounts": [[one.path, str(one.folder), one.read_only] for one in command.mounts],
        "scratch": str(scratch),
    }


async def _read_lines(process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None
    rest, decoder = "", codecs.getincrementaldecoder("utf-8")("replace")
    while chunk := await process.stdout.read(64 * 1024):
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        while len(rest) > LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        for line in lines:
            on_line(line.rstrip("\r"))
    if rest:
        on_line(rest.rstrip("\r"))


def start_time(pid: int) -> float:
    """Answer when a process started (seconds since 1970); 0 when it is gone, or a zombie."""
    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (psutil.Error, ValueError, OverflowError):  # a damaged record may name any number
        return 0.0


def is_alive(pid: int, started: float) -> bool:
    """Return True if this very process still runs: process ids come back, start times do not."""
    return started > 0 and abs(start_time(pid) - started) < TOLERANCE


def tree(pid: int) -> list[psutil.Process]:
    """List a process and all below it, as far as they still run."""
    try:
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []


def listening_ports(launchers: Sequence[int]) -> set[int]:
    """List the ports that processes below the launchers listen on (where the system tells)."""
    return {port for pid in launchers for port, listens in _ports(pid) if listens}


def holds_connection(launchers: Sequence[int], port: int) -> bool:
    """Return True if a process below one of the launchers has a TCP connection from this local port."""
    return any(held == port for pid in launchers for held, _ in _ports(pid))


def kill_tree(pid: int) -> None:
    """Kill a process and all below it at once."""
    for one in reversed(tree(pid)):
        with contextlib.suppress(psutil.Error):
            one.kill()


def end_session(session: int, since: float) -> int:
    """Kill what is left of a launcher's session; answer how many processes that were."""
    ended = 0
    for pid in psutil.pids() if os.name != "nt" else ():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(pid) == session and start_time(pid) >= since - TOLERANCE:
                psutil.Process(pid).kill()
                ended += 1
    return ended


def reap(folder: Path) -> int:
    """Kill what an earlier aca-local left behind under this folder; answer how many commands that were.

    Only our own records count, whatever an app's programs named like them in their working folders.
    """
    reaped = 0
    for record in (*folder.glob("*/process.json"), *folder.glob("*/replicas/*/*/process.json")):
        with contextlib.suppress(OwnFileError, ValueError, TypeError, KeyError, OverflowError):
            found = OwnFile(record).document() or {}
            pid, started = int(found["pid"]), float(found["started"])
            alive = is_alive(pid, started)
            if alive:
                kill_tree(pid)
            reaped += bool(end_session(pid, started) or alive)
        with contextlib.suppress(OSError):
            record.unlink(missing_ok=True)
    return reaped


def _ports(launcher: int) -> Iterator[tuple[int, bool]]:
    """List the local TCP ports of all processes below a launcher, and whether they listen there."""
    for process in tree(launcher):
        with contextlib.suppress(psutil.Error):
            for one in process.net_connections(kind="tcp"):
                if one.laddr:
                    yield one.laddr.port, one.status == psutil.CONN_LISTEN


async def can_mount(folder: Path) -> bool:
    """Return True if this system gives a process a mount namespace of its own."""
    if not sys.platform.startswith("linux"):
        return False
    lines: list[str] = []
    shared = folder / "shared"
    shared.mkdir(parents=True, exist_ok=True)
    mount = Mount("/aca-local-probe/volume", shared)
    command = Command(("/bin/sh", "-c", "test -d /aca-local-probe/volume"), folder, {}, (mount,), grace=1)
    return await (await start(command, lines.append)).wait() == 0
