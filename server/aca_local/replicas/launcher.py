"""The parent of one container's processes: started by aca-local as a script, standard library only.

It reads one line of JSON from its standard input, and keeps that pipe as its lifeline: when the pipe closes,
because aca-local asked for the end or because aca-local itself ended in whatever way, it ends everything
that it started, politely first. So no replica outlives aca-local. The line is
``{"argv": [...], "cwd": "…", "grace": seconds, "mounts": [[path, folder, read_only], …], "scratch": "…"}``;
mounts are made in a mount namespace of its own.
Exit codes: the command's own, 128 + signal, 126 (no mount namespace), 127 (the command cannot be started).
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

NO_NAMESPACE = 126
CANNOT_START = 127
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> int:
    """Start the command that standard input describes and stay until all of it has ended."""
    config = json.loads(sys.stdin.buffer.readline())
    if config["mounts"]:
        try:
            enter_namespace(config["mounts"], Path(config["scratch"]))
        except OSError as problem:
            print(f"aca-local: the volume cannot be mounted: {problem}", file=sys.stderr)  # noqa: T201 # its console
            return NO_NAMESPACE
    run = run_windows if sys.platform == "win32" else run_posix
    try:
        return run(config["argv"], config["cwd"], float(config["grace"]))
    except OSError as problem:
        print(f'exec: "{config["argv"][0]}": {problem.strerror}', file=sys.stderr)  # noqa: T201 # its console
        return CANNOT_START


def run_posix(argv: list[str], cwd: str, grace: float) -> int:
    """Run the command in a process group of its own; wait for its end or for the lifeline's."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=as_child)  # noqa: PLW1509 # one thread
    ending_at = None
    while child.poll() is None:
        timeout = None if ending_at is None else max(0.0, ending_at - time.monotonic())
        ready, _, _ = select.select([reader] if ending_at else [reader, 0], [], [], timeout)
        if reader in ready:
            os.read(reader, 4096)
        if 0 in ready and not os.read(0, 4096):
            ending_at = time.monotonic() + grace
            signal_group(child.pid, signal.SIGTERM)
        if ending_at is not None and time.monotonic() >= ending_at:
            signal_group(child.pid, signal.SIGKILL)
            child.wait()
    end_the_rest(child.pid)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def as_child() -> None:
    """Undo what the command must not inherit, and tie its life to the launcher's."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, whether or not it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_the_rest(group: int) -> None:
    """End what the command left behind, as the end of a container's first process does."""
    signal_group(group, signal.SIGKILL)
    while True:
        for pid in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            if not children():
                return
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """List the launcher's children, orphans that it adopted too (Linux)."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


def run_windows(argv: list[str], cwd: str, grace: float) -> int:
    """Run the command; end its tree when the lifeline closes (there is no polite signal for a tree)."""
    child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL)

    def end_with_lifeline() -> None:
        sys.stdin.buffer.read()
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(child.pid)], check=False, timeout=grace + 10)

    threading.Thread(target=end_with_lifeline, daemon=True).start()
    return child.wait()


def prctl(option: int, value: int) -> None:
    """Call prctl where there is one (Linux)."""
    if sys.platform.startswith("linux"):
        libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def libc() -> ctypes.CDLL:
    """Open the C library with errno kept."""
    return ctypes.CDLL(None, use_errno=True)


def call(function: str, *arguments: object) -> None:
    """Call a C function that answers 0 when all went well; raise OSError with its errno when not."""
    if getattr(libc(), function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str | None, flags: int, data: bytes | None = None) -> None:
    """Call mount(2)."""
    call("mount", source.encode(), os.fsencode(target), kind and kind.encode(), ctypes.c_ulong(flags), data)


def enter_namespace(mounts: list[tuple[str, str, bool]], scratch: Path) -> None:
    """Give this process a root of its own: the computer's root entry by entry, and the volumes in it.

    Nothing is created at the computer's own ``/``: the new root is a tmpfs that only this process tree sees.
    """
    user, group = os.geteuid(), os.getegid()
    unshare(user, group)
    mount("none", Path("/"), None, MS_REC | MS_PRIVATE)
    mount("aca-local", scratch, "tmpfs", 0, b"mode=0755")
    graft(Path("/"), scratch, [Path(path) for path, _, _ in mounts])
    for path, folder, read_only in mounts:
        target = scratch / path.lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        mount(folder, target, None, MS_BIND | MS_REC)
        if read_only:
            mount("none", target, None, MS_BIND | MS_REMOUNT | MS_RDONLY)
    os.chdir(scratch)
    call("pivot_root", b".", b".")
    call("umount2", b".", ctypes.c_int(MNT_DETACH))
    os.chdir("/")


def unshare(user: int, group: int) -> None:
    """Leave the computer's mount namespace: as root directly, as anyone else through a user namespace."""
    try:
        call("unshare", ctypes.c_int(CLONE_NEWNS))
    except PermissionError:
        call("unshare", ctypes.c_int(CLONE_NEWNS | CLONE_NEWUSER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def graft(source: Path, target: Path, volumes: list[Path]) -> None:
    """Put each entry of ``source`` into ``target``; folders above a missing mount point are made."""
    for entry in source.iterdir():
        place = target / entry.name
        if entry in volumes:
            continue
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
        elif any(entry in volume.parents and not volume.is_dir() for volume in volumes) and entry.is_dir():
            place.mkdir()
            graft(entry, place, volumes)
        else:
            bind(entry, place)


def bind(entry: Path, place: Path) -> None:
    """Bind one existing file or folder; what cannot be (it vanished, is not readable) is left out."""
    try:
        place.mkdir() if entry.is_dir() else place.touch()
        mount(str(entry), place, None, MS_BIND | MS_REC)
    except OSError:
        with contextlib.suppress(OSError):
            place.rmdir() if place.is_dir() else place.unlink()


if __name__ == "__main__":
    sys.exit(main())
