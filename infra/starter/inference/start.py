"""Start the app with its packages from the share: ``python3 start.py``, with the image's own Python.

A container begins with an empty disk. The first start installs the locked packages there; once the app answers, they
are kept on the share as two archives, since SMB has no symbolic links and is slow with small files. Later starts unpack
the one with what a model needs, become the app, and unpack the other meanwhile. What vLLM compiled is kept, too. Only the standard library is used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
import urllib.request
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import late_packages
from archives import Kept, beside, rename
from package_parts import merge, needs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
HERE = Path(__file__).resolve().parent
LOCK_FILE = HERE / "requirements.txt"
APP = HERE / "gradio_chat.py"
KEEP = "--keep"
PATIENCE_SECONDS = 1800
"""Loading a large model may take as long."""
GPU = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
CACHES = {"VLLM_CACHE_ROOT": "vllm", "TRITON_CACHE_DIR": "triton", "TORCHINDUCTOR_CACHE_DIR": "inductor"}


class Packages(NamedTuple):
    """The app's packages in two parts: the model answers with the first, and may do so before the rest is there."""

    first: Kept
    late: Kept
    whole: Path
    """The folder that exists once the first's folder has both parts; a file where the other could not be brought."""

    @property
    def are_kept(self) -> bool:
        """Return True where both archives are on the share."""
        return self.first.archive.exists() and self.late.archive.exists()


def packages(disk: Path, share: Path) -> Packages:
    """Return the app's packages: by lock file, Python and image."""
    image = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    system = (platform.machine(), *platform.libc_ver(), image.get("PRETTY_NAME", ""))
    names = [f"packages-{_key(LOCK_FILE.read_bytes(), sys.version, *system)}{part}" for part in ("", "-late")]
    first, late = (Kept(disk / name, share / f"{name}.tar.gz", log) for name in names)
    return Packages(first, late, disk / f"{names[0]}-whole")


def engine_caches(disk: Path, share: Path) -> Kept | None:
    """Return what vLLM and Triton compile, by their version and the GPU; None where vLLM is not in the image."""
    try:
        version = metadata.version("vllm")
        gpu = subprocess.run(GPU, capture_output=True, timeout=20, check=True).stdout
    except (metadata.PackageNotFoundError, OSError, subprocess.SubprocessError):
        return None
    key = _key(gpu, version, sys.version)
    return Kept(disk / f"engine-{key}", share / f"engine-{key}.tar.gz", log)


def _key(content: bytes, *words: str) -> str:
    return hashlib.sha256(content + "\0".join(words).encode()).hexdigest()[:16]


def install(folder: Path) -> None:
    """Install the locked packages; pip's own words tell what is wrong with them."""
    part = beside(folder)
    part.parent.mkdir(parents=True, exist_ok=True)
    options = ("install", "--target", str(part), "-r", str(LOCK_FILE))
    quiet = ("--quiet", "--no-compile", "--disable-pip-version-check", "--root-user-action=ignore")
    done = subprocess.run([sys.executable, "-m", "pip", *options, *quiet], check=False)
    if done.returncode and shutil.which("uv"):
        done = subprocess.run(["uv", "pip", *options, "--python", sys.executable], check=False)
    if done.returncode:
        shutil.rmtree(part, ignore_errors=True)
        sys.exit(done.returncode)
    rename(part, folder)


def log(words: str) -> None:
    """Say what happens, with the seconds since the container's program began."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {words}", flush=True)


def stage(title: str, work: Callable[[], T]) -> T:
    """Do a piece of work and log its seconds."""
    log(f"{title} …")
    began = time.monotonic()
    result = work()
    log(f"{title}: {time.monotonic() - began:.1f} s")
    return result


def prepare(disk: Path, share: Path) -> dict[str, str]:
    """Put packages and caches on the disk; return the app's environment. :func:`keep` brings the late packages."""
    own, caches = packages(disk, share), engine_caches(disk, share)
    if own.whole.is_file():
        own.whole.unlink()
    if not own.first.folder.is_dir() and not (own.are_kept and _unpack("the packages", own.first)):
        stage("Installing the packages", lambda: install(own.first.folder))
        own.whole.mkdir(exist_ok=True)
    paths = [str(own.first.folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), late_packages.FOLDER: str(own.whole)}
    if caches is not None:
        if not caches.folder.is_dir():
            _unpack("what vLLM compiled", caches)
        environment |= {name: str(caches.folder / folder) for name, folder in CACHES.items()}
    return environment


def _unpack(what: str, kept: Kept) -> bool:
    return bool(stage(f"Unpacking {what} from the share", kept.unpack))


def keep(disk: Path, share: Path, app: int) -> None:
    """Bring the late packages, wait until the app answers, then keep on the share what it lacks.

    ``app`` is the app's process, which may have ended by now.
    """
    with contextlib.suppress(AttributeError):
        os.nice(10)  # the model and its answers come first
    own, caches = packages(disk, share), engine_caches(disk, share)
    before = _files(caches.folder) if caches else frozenset()
    if not own.whole.is_dir():
        add_late(own)
    if not _wait_ready(app):
        return
    if not own.are_kept:
        keep_packages(own, app)
    if caches is not None and _files(caches.folder) != before:
        stage("Keeping what vLLM compiled on the share", lambda: caches.pack(caches.folder, lambda _: True))


def add_late(own: Packages) -> None:
    """Put the late packages beside the first ones; where that fails, the app waits no longer and says what it lacks."""
    try:
        if not own.late.folder.is_dir() and not _unpack("the other packages", own.late):
            stage("Installing the other packages", lambda: install(own.late.folder))
        merge(own.late.folder, own.first.folder)
        own.whole.mkdir(exist_ok=True)
    except BaseException:
        own.whole.touch()
        raise


def _wait_ready(app: int) -> bool:
    """Wait until the app answers; return False where it has ended, or has not answered for long."""
    while not _is_ready(os.environ.get("PORT", "7860")):
        if os.getppid() != app or time.monotonic() - _BEGAN > PATIENCE_SECONDS:
            return False
        time.sleep(1)
    return True


def keep_packages(own: Packages, app: int) -> None:
    """Write both archives."""
    folder = own.first.folder
    needs = stage("Compiling the packages", lambda: needs_of(app, folder))
    late = partial(own.late.pack, folder, lambda path: not needs.holds(path, folder))
    first = partial(own.first.pack, folder, lambda path: needs.holds(path, folder))
    for pack in (late, first):
        stage("Keeping packages on the share", pack)


def _files(folder: Path) -> frozenset[Path]:
    return frozenset(folder.rglob("*"))


def _is_ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
            return True
    except OSError:
        return False


def run(command: list[str], environment: Mapping[str, str]) -> None:
    """Become the app, so that signals and exit codes are its own."""
    if os.name == "nt":
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    os.execve(command[0], command, environment)  # noqa: S606  no shell is wanted between the platform and the app


def own_disk() -> Path:
    """Return a folder on the container's disk that ends with it; on a computer, the environment's own."""
    prefix = Path(sys.prefix)
    return (prefix if os.access(prefix, os.W_OK) else Path.home() / ".cache") / "starter"


def main() -> None:
    """Prepare the disk, start what keeps it on the share, and become the app."""
    disk, share = own_disk(), HERE.parent / "environment-cache"
    if sys.argv[1:2] == [KEEP]:
        keep(disk, share, int(sys.argv[2]))
        return
    environment = prepare(disk, share)
    subprocess.Popen([sys.executable, __file__, KEEP, str(os.getpid())], stdin=subprocess.DEVNULL)
    run([sys.executable, str(APP)], environment)


_BEGAN = time.monotonic()

if __name__ == "__main__":
    main()
