"""One instance a data directory: the lock that it holds, the state file that others find it by.

The lock is the system's own (``flock``, ``msvcrt``): it ends with its holder, in whatever way that one ends,
so a state file that a ``kill -9`` left behind is never taken for a running instance.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPException
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import platformdirs
import psutil

from aca_local.replicas.process import is_alive, kill_tree, start_time
from aca_local.state.own_files import OwnFile, OwnFileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

# One fixed subscription and tenant, so that configurations written on one computer name the same on another.
SUBSCRIPTION_ID: Final = "aca10ca1-0000-4000-8000-000000000001"
TENANT_ID: Final = "aca10ca1-0000-4000-8000-000000000002"
PING_LIMIT = 5.0  # seconds
STOP_LIMIT = 30.0  # seconds; replicas get their grace period in it
FORCE_LIMIT = 5.0  # seconds that one which does not answer gets to end by itself
LOOK = 0.05  # seconds between two looks at another process
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{32,}=*")  # RFC 6750: a person may put one of their own there
_TEXTS = ("arm", "arm_http", "token", "subscription_id", "tenant_id", "ca_file")  # of an instance
LONGEST_ANSWER = 64 * 1024  # bytes of an admin route; on our port another program may answer


@dataclass(frozen=True)
class Instance:
    """A running aca-local as others see it; ``started`` tells its process from a later one's.

    ``version`` is that of the code it runs: after an update the old code may go on running.
    """

    arm: str
    arm_http: str
    token: str
    subscription_id: str
    tenant_id: str
    ca_file: str
    pid: int
    started: float
    version: tuple[int, ...] = ()

    def is_older(self) -> bool:
        """Return True if it runs the code of an earlier release than this process does."""
        return self.version < installed_version()

    def line(self) -> str:
        """Write the one line of ``serve --json``."""
        return json.dumps(
            {
                "arm": self.arm,
                "armHttp": self.arm_http,
                "token": self.token,
                "subscriptionId": self.subscription_id,
                "tenantId": self.tenant_id,
                "caFile": self.ca_file,
                "pid": self.pid,
            }
        )


class Holder(NamedTuple):
    """The process that has a data directory; ``was_ready``: it had announced itself."""

    pid: int
    started: float
    was_ready: bool


def describe(arm: str, arm_http: str, token: str, ca_file: Path) -> Instance:
    """Describe the process that asks as an instance."""
    pid = os.getpid()
    started, release = start_time(pid), installed_version()
    return Instance(arm, arm_http, token, SUBSCRIPTION_ID, TENANT_ID, str(ca_file), pid, started, release)


def installed_version() -> tuple[int, ...]:
    """Answer the release of this code, ``(0, 1, 0)``; empty when it is not installed as a package."""
    try:
        words = version("aitk-inference")
    except PackageNotFoundError:
        return ()
    return tuple(int(part) for part in words.split(".") if part.isdecimal())


class DataFolder:
    """The data directory: its layout, its lock, its state file."""

    def __init__(self, path: Path | None) -> None:
        self.path = (path or Path(platformdirs.user_data_dir("aca-local", appauthor=False))).resolve()
        self._state = OwnFile(
            self.path / "instance.json", "Delete it, then stop aca-local and start it again."
        )
        self._holder = OwnFile(self.path / "holder.json")
        self._lock_file = OwnFile(self.path / "instance.lock")
        self._lock: IO[bytes] | None = None

    def prepare(self) -> None:
        """Make the directory, for its owner only."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def lock(self) -> bool:
        """Become the one instance of this directory; False when there is another."""
        if not self._take_lock():
            return False
        for file in (self._holder, self._state):
            file.check_kind()
        self._state.path.unlink(missing_ok=True)  # of one that was killed
        self._holder.write(json.dumps({"pid": os.getpid(), "started": start_time(os.getpid())}).encode())
        return True

    def _take_lock(self) -> bool:
        self._lock_file.check_kind()
        file = self._lock_file.path.open("ab")
        if not _try_lock(file):
            file.close()
            return False
        self._lock = file
        return True

    def holder(self) -> Holder | None:
        """Return the process that has this directory, whether or not it answers; None when there is none."""
        if not self.is_locked():
            return None
        ready, holder = self._process(self._state), self._process(self._holder)
        found = holder or ready
        return found and Holder(*found, was_ready=found == ready)

    def _process(self, file: OwnFile) -> tuple[int, float] | None:
        """Return the process that a file names, if it still runs."""
        try:
            read = file.document() or {}
            pid, started = int(read["pid"]), float(read["started"])
        except (OwnFileError, ValueError, TypeError, KeyError):
            return None
        return (pid, started) if is_alive(pid, started) else None

    def unlock(self) -> None:
        """Give the directory back."""
        self._state.path.unlink(missing_ok=True)
        self._holder.path.unlink(missing_ok=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def is_locked(self) -> bool:
        """Return True if an instance, starting or running, has this directory."""
        if not self.path.exists():
            return False
        free = self._take_lock()
        if free and self._lock:
            self._lock.close()
            self._lock = None
        return not free

    def announce(self, instance: Instance) -> None:
        """Write the state file, for its owner only."""
        self._state.write(json.dumps(asdict(instance)).encode())

    def find(self) -> Instance | None:
        """Find the running instance: its state file, its process, its answer.

        Raises OwnFileError where the state file is damaged, unless nothing runs: then the next start replaces it.
        """
        self._state.check_kind()
        try:
            found = self._announced()
        except OwnFileError:
            if self.is_locked():
                raise
            return None
        return found if found and is_alive(found.pid, found.started) and ping(found) else None

    def _announced(self) -> Instance | None:
        read = self._state.document()
        if read is None:
            return None
        try:
            return Instance(
                **{name: str(read[name]) for name in _TEXTS},
                pid=int(read["pid"]),
                started=float(read["started"]),
                version=tuple(map(int, read.get("version", ()))),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            raise self._state.damaged("it does not describe an aca-local") from None

    def wait_for(self, limit: float, starting: Callable[[], bool]) -> Instance | None:
        """Wait for an instance that is starting; None when it does not come, or no longer is ``starting``."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            still = starting()
            if found := self.find():
                return found
            if not still:
                return None
            time.sleep(LOOK)
        return None

    def lock_or_find(self, limit: float) -> Instance | Literal[True] | None:
        """Become the one instance (True) or find the one that is; None when neither comes to pass.

        Both are tried until one holds: another's look at the lock (``is_locked``) takes it for a moment.
        """
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if self.lock():
                return True
            if found := self.find():
                return found
            time.sleep(LOOK)
        return None

    def token(self) -> str:
        """Answer the bearer token of this directory: random, made once, kept for its owner only."""
        file = OwnFile(self.path / "token", "Delete it: aca-local makes a new token when it starts.")
        text = file.text()
        if text is None:
            text = secrets.token_urlsafe(32)
            file.write(text.encode())
        if not TOKEN.fullmatch(text.strip()):  # an empty one would let everybody in
            raise file.damaged("it holds no token of aca-local")
        return text.strip()


def ping(instance: Instance) -> bool:
    """Ask an instance who it is."""
    try:
        answer = _ask(instance, "GET", "/aca-local/ping")
    except (OSError, ValueError):
        return False
    return bool(answer.get("pid") == instance.pid)


def stop(instance: Instance) -> None:
    """Ask an instance to end and wait for it; end it by force when it does not."""
    try:
        _ask(instance, "POST", "/aca-local/stop")
    except (OSError, ValueError):
        end(instance.pid, instance.started, FORCE_LIMIT)
    _wait_for_end(instance.pid, instance.started, STOP_LIMIT)


def end(pid: int, started: float, limit: float) -> None:
    """End a process that does not answer: politely, then by force with all that it started."""
    with suppress(psutil.Error):
        if is_alive(pid, started):
            psutil.Process(pid).terminate()
    _wait_for_end(pid, started, limit)


def _wait_for_end(pid: int, started: float, limit: float) -> None:
    latest = time.monotonic() + limit
    while is_alive(pid, started):
        if time.monotonic() > latest:
            kill_tree(pid)
        time.sleep(LOOK)


def _ask(instance: Instance, method: str, path: str) -> dict[str, object]:
    """Ask the admin route, past any proxy of the environment. Raises OSError or ValueError."""
    request = urllib.request.Request(instance.arm_http + path, method=method)  # noqa: S310 # our own address
    request.add_header("Authorization", f"Bearer {instance.token}")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=PING_LIMIT) as answer:
            found = json.loads(answer.read(LONGEST_ANSWER))
    except (HTTPException, RecursionError):  # another program's answer
        raise ValueError("This is not aca-local's answer.") from None
    return found if isinstance(found, dict) else {}


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 # Windows only

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 # not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
