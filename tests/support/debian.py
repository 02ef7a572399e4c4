"""Programs and libraries from Debian's packages, unpacked beside the system, which stays as it is."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 600  # seconds; Chromium with all that it needs takes about a minute
CONFIGURATION = """\
Dir::State::Lists "{home}/lists";
Dir::Cache "{home}/cache";
APT::Sandbox::User "root";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


class MissingPackageError(Exception):
    """A package can't be had; the text says in one line why, and what to do."""


def cache() -> Path:
    """Where big things that tests need are kept: ``$XDG_CACHE_HOME/aitk-inference``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aitk-inference"


def folder_of(package: str) -> Path:
    """Return where a package for this very system stands once it is unpacked."""
    release = Path("/etc/os-release").read_bytes() if Path("/etc/os-release").exists() else b""
    return cache() / "debian" / f"{package}-{hashlib.sha256(release).hexdigest()[:8]}-{platform.machine()}"


def unpacked(package: str) -> Path:
    """Unpack a package, with what it needs and this system lacks, into the user's cache folder, once.

    Returns:
        The folder that stands for ``/``.

    Raises MissingPackageError.
    """
    home = folder_of(package)
    home.parent.mkdir(parents=True, exist_ok=True)
    with _lock(home.with_name(f"{home.name}.lock")):
        if not home.exists():
            _unpack(package, home)
    return home


def libraries(root: Path) -> str:
    """Return the folders of an unpacked package's libraries, as LD_LIBRARY_PATH takes them."""
    folders = {found.parent for found in root.glob("**/lib/**/*.so*")}
    return os.pathsep.join(map(str, sorted(folders)))


def wrapper(script: Path, program: Path, root: Path, **variables: str) -> Path:
    """Write a script that runs a program with the libraries of an unpacked package, for that program only."""
    settings = {"LD_LIBRARY_PATH": libraries(root), **variables}
    words = " ".join(f"{name}='{value}'" for name, value in settings.items())
    script.write_text(f'#!/bin/sh\n{words} exec "{program}" "$@"\n')
    script.chmod(0o755)
    return script


def _unpack(package: str, home: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise MissingPackageError(f"{package} is missing, and there is no apt-get to fetch it: install it")
    print(
        f"→ fetching {package} (Debian's, unpacked into the user's cache folder)", file=sys.stderr, flush=True
    )
    making = home.with_name(f"{home.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "root"):
        (making / folder).mkdir(parents=True)
    (making / "apt.conf").write_text(CONFIGURATION.format(home=making))
    _apt(making, package, "update")
    plan = _apt(making, package, "install", "--simulate", "--no-install-recommends", package)
    names = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
    if names:
        _apt(making, package, "download", *names)
    for archive in making.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive, making / "root"], check=True, timeout=TIMEOUT)
    (making / "root").rename(home)
    shutil.rmtree(making)


def _apt(making: Path, package: str, *words: str) -> str:
    command = ["apt-get", "-q", "--config-file", str(making / "apt.conf"), *words]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, cwd=making, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise MissingPackageError(f"{package} is missing, and apt-get can't fetch it ({said}): install it")
    return done.stdout


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
