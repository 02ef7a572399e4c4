"""One flow a project at a time.

The lock is the operating system's own lock on a file in the user's state folder: it ends with the process
that holds it, however that process ends, so nothing has to be healed. The file says who holds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Busy
from aitk_inference.core.regular_files import check_kind, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCKED_BYTE = 1 << 20
"""Windows locks ranges, and a locked range can't be read: a byte far behind the text is locked."""


class Holder(NamedTuple):
    """Who holds a project.

    Attributes:
        key: The same for every run of one project by one user on one computer.
        host: The computer's name.
    """

    key: str
    host: str

    def __str__(self) -> str:
        return f"{self.host}/{self.key}"


def holder_of(project: Path) -> Holder:
    """Return the name under which runs of this project hold locks."""
    digest = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()
    return Holder(digest[:24], socket.gethostname())


@contextmanager
def hold(project: Path, verb: str, state: Path) -> Iterator[Holder]:
    """Hold a project while a flow runs.

    Raises:
        Busy: another run holds it; says which and since when.
    """
    holder = holder_of(project)
    with _open(_path(state, holder.key)) as file:
        if not _try_lock(file):
            raise _busy(project, file)
        with suppress(OSError):  # on a full disk the lock holds without its note
            since = datetime.now(UTC).isoformat(timespec="seconds")
            file.truncate(0)
            file.write(json.dumps({"verb": verb, "pid": os.getpid(), "since": since}).encode())
        try:
            yield holder
        finally:
            file.truncate(0)
            _unlock(file)


def note_run(token: str, holder: Holder, state: Path, *, share: str = "") -> None:
    """Note that a run of this holder writes to a share under a token, so that a later run knows how it ended."""
    with suppress(OSError):
        path = _token_path(state, token)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(f"{share}\n{holder}", encoding="utf-8", errors="replace")


def forget_run(token: str, state: Path) -> None:
    """Forget a run that ended."""
    with suppress(OSError):
        _token_path(state, token).unlink(missing_ok=True)


def killed_runs(us: Holder, state: Path, *, share: str) -> list[str]:
    """Return the tokens of runs of ours that wrote to a share and ended without a word; none of them runs now."""
    found: list[str] = []
    with suppress(OSError, ValueError):
        for path in (state / "locks").glob("*.run"):
            noted, _, holder = read_text(path).partition("\n")
            if noted == share and holder.rpartition("/")[2] == us.key:
                found.append(path.stem)
    return found


def has_ended(token: str, us: Holder, state: Path) -> bool:
    """Return True if a run of this computer and user is known to have ended; False when nobody can know.

    Args:
        token: The run's.
        us: Who asks; holds its own project, so that an earlier run of it has ended.
        state: The user's folder.
    """
    if not token.isalnum():
        return False
    try:
        key = read_text(_token_path(state, token)).rpartition("/")[2]
    except (OSError, ValueError):
        return False
    return key == us.key or (key.isalnum() and _is_free(_path(state, key)))


def _is_free(path: Path) -> bool:
    """Return True if nobody holds a lock file's lock."""
    with _open(path) as file:
        free = _try_lock(file)
        if free:
            _unlock(file)
        return free


def _token_path(state: Path, token: str) -> Path:
    return state / "locks" / f"{token}.run"


def _path(state: Path, key: str) -> Path:
    return state / "locks" / f"{key}.lock"


def _open(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        check_kind(os.fstat(descriptor), path)  # a pipe can be locked, and read for ever
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "r+b", buffering=0)


def _busy(project: Path, file: IO[bytes]) -> Busy:
    try:
        note = json.loads(file.read(4096) or b"{}")
    except (ValueError, RecursionError):
        note = {}
    known = note if isinstance(note, dict) else {}
    verb, pid, since = (known.get(key) for key in ("verb", "pid", "since"))
    who = f" ({verb}, process {pid}, since {_clock(since)})" if verb else ""
    return Busy(
        f"Another run works on {project.name or project}{who}.",
        suggestion="Wait for it to end, or stop it, and run the command again.",
    )


def _clock(since: object) -> str:
    """Return a moment as a clock on the wall shows it; with its day when that is not today."""
    try:
        then = datetime.fromisoformat(str(since)).astimezone()
    except ValueError:
        return str(since)
    today = datetime.now(UTC).astimezone().date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
