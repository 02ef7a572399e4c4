"""Who takes part: our command, our engine in a warm process, AzCopy, rclone, the SDK, and the bare server."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.sync import programs
from benchmarks.sync.measure import ClientFailedError, Usage, run
from benchmarks.sync.place import TESTS, Place
from benchmarks.sync.scenarios import Scenario
from benchmarks.sync.trees import Tree

WITH_TESTS = {"PYTHONPATH": str(TESTS)}


@dataclass(frozen=True)
class Visit:
    """One sync to be done: which tree to which share, through which door."""

    tree: Tree
    scenario: Scenario
    place: Place
    latency: int
    share: str
    scratch: Path

    @property
    def url(self) -> str:
        return self.place.url(self.latency, self.share)

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """A small environment, the same for all: no proxies, and a home of its own."""
        home = self.scratch / "home"
        home.mkdir(exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **more}


class Arm(Protocol):
    """One of those who are compared.

    Attributes:
        name: A short word.
        sees_changes: One that sends everything each time takes part in the first sync only.
        waits: It tells old from new by whole seconds.
        fills: What it leaves on the share is the tree.
        from_latency: Where it takes part, in milliseconds a request.
    """

    @property
    def name(self) -> str: ...
    @property
    def sees_changes(self) -> bool: ...
    @property
    def waits(self) -> bool: ...
    @property
    def fills(self) -> bool: ...
    @property
    def from_latency(self) -> int: ...

    def sync(self, visit: Visit) -> Usage:
        """Bring the share to what the tree has, and tell what it took."""
        ...


@dataclass(frozen=True)
class Program:
    """A program that is started for each sync."""

    name: str
    command: Callable[[Visit], Sequence[str]]
    settings: Callable[[Visit], Mapping[str, str]] = field(default=lambda visit: {})
    sees_changes: bool = True
    waits: bool = False
    fills: bool = True
    from_latency: int = 0

    def sync(self, visit: Visit) -> Usage:
        environment = visit.environment(self.settings(visit))
        return run(self.command(visit), environment=environment, log=visit.scratch / f"{self.name}.log")


@dataclass(frozen=True)
class Warm:
    """Our engine in a process that stays, as in the language server."""

    process: "subprocess.Popen[str]"
    name: str = "warm"
    sees_changes: bool = True
    waits: bool = False
    fills: bool = True
    from_latency: int = 0

    def sync(self, visit: Visit) -> Usage:
        answer = self._asked(json.dumps({"folder": str(visit.tree.root), "url": visit.url}))
        if not answer:
            raise ClientFailedError("the warm process ended; its last words stand on the terminal")
        return Usage(**json.loads(answer))

    def _asked(self, line: str) -> str:
        """Return the answer to a line; empty when the process has ended."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
        return self.process.stdout.readline()


@dataclass(frozen=True)
class Ceiling:
    """As many requests as a safe sync needs, sent by the bare load generator."""

    name: str = "ceiling"
    sees_changes: bool = True
    waits: bool = False
    fills: bool = False
    from_latency: int = 0

    def sync(self, visit: Visit) -> Usage:
        shape, changed = visit.tree.shape, visit.scenario.changed
        large = changed if shape.is_large else 0
        creates = visit.scenario.floor(shape) - large * shape.pieces
        connections = 32 if visit.latency == 0 or large else 256
        sizes = [creates, min(shape.size, 2048), large, shape.size, connections]
        command = [sys.executable, "-m", "benchmarks.sync.ceiling", str(visit.place.ports[visit.latency])]
        log = visit.scratch / "ceiling.log"
        whole = run(
            [*command, f"{visit.share}", *map(str, sizes)], environment=visit.environment(WITH_TESTS), log=log
        )
        return Usage(float(log.read_text()), whole.cpu, whole.memory)


def ours(command: Sequence[str]) -> Program:
    """Our command line; ``command`` comes before DIR and SHARE_URL."""
    return Program(
        "ours",
        lambda visit: [*command, str(visit.tree.root), visit.url, "--yes"],
        lambda visit: {"AITK_STATE_DIR": str(visit.scratch / "state"), "AITK_LOG_DIR": str(visit.scratch)},
    )


def azcopy() -> Program:
    """AzCopy's sync, without a log; it chooses its own concurrency.

    Raises MissingProgramError.
    """
    program = str(programs.azcopy())
    words = ["--from-to", "LocalFileSMB", "--log-level", "NONE", "--skip-version-check"]
    return Program(
        "azcopy",
        lambda visit: [program, "sync", str(visit.tree.root), visit.url, *words],
        lambda visit: {
            "AZCOPY_LOG_LOCATION": str(visit.scratch / "azcopy"),
            "AZCOPY_JOB_PLAN_LOCATION": str(visit.scratch / "azcopy"),
            "AZCOPY_DISABLE_SYSLOG": "true",
        },
        waits=True,
    )


def rclone(name: str = "rclone", at_once: int = 32, from_latency: int = 0) -> Program:
    """rclone's sync without partial files, so many files at a time; 32 serve it best where nothing is far.

    Raises MissingProgramError.
    """
    program = str(programs.rclone())
    words = [":azurefiles:", "--inplace", "--transfers", str(at_once), "--checkers", str(at_once)]
    return Program(
        name,
        lambda visit: [program, "sync", str(visit.tree.root), *words],
        lambda visit: {
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_AZUREFILES_SAS_URL": visit.url.replace(f"/{visit.share}?", "?"),
            "RCLONE_AZUREFILES_SHARE_NAME": visit.share,
        },
        from_latency=from_latency,
    )


def sdk() -> Program:
    """The SDK's ``upload_file``, in parallel."""
    command = [sys.executable, "-m", "benchmarks.sync.sdk_upload"]
    return Program(
        "sdk",
        lambda visit: [*command, str(visit.tree.root), visit.url],
        lambda visit: WITH_TESTS,
        sees_changes=False,
    )


def warm(stack: ExitStack, state: Path) -> Warm:
    """Our engine, warm until the stack is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sync.warm"],
        env={**os.environ, **WITH_TESTS, "AITK_STATE_DIR": str(state), "AITK_LOG_DIR": str(state)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.callback(_end, process)
    return Warm(process)


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    with suppress(BrokenPipeError):  # it may have ended by itself, with a command unread
        process.communicate()
