"""The other people's programs: where they come from, and which version is there."""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from support import debian

ROOT = Path(__file__).parents[3]
AZCOPY_VERSION = "10.32.2"
AZCOPY_HOME = ROOT / "build" / "azcopy"
AZCOPY_LIBRARY = "libsecret-1-0"
AZCOPY = AZCOPY_HOME / "node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64"


class MissingProgramError(Exception):
    """A program can't be had; the text says why."""


def azcopy() -> Path:
    """Return AzCopy, fetched with npm into ``build/azcopy`` when it is not there yet.

    The library that it wants of a desktop is unpacked beside it where the system has none.
    Raises MissingProgramError.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise MissingProgramError("AzCopy's npm package is for Linux on x86-64")
    if not AZCOPY.exists():
        package = f"@azure-tools/azcopy-linux@{AZCOPY_VERSION}"
        _fetch(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(AZCOPY_HOME), package])
    AZCOPY.chmod(0o755)
    return AZCOPY if _starts(AZCOPY) else _with_library(AZCOPY)


def _starts(program: Path) -> bool:
    done = subprocess.run([program, "--version"], capture_output=True, timeout=60, check=False)
    return done.returncode == 0


def _with_library(program: Path) -> Path:
    try:
        beside = debian.unpacked(AZCOPY_LIBRARY)
    except debian.MissingPackageError as missing:
        raise MissingProgramError(f"AzCopy does not start: {missing}") from missing
    started = debian.wrapper(AZCOPY_HOME / "azcopy", program, beside)
    if not _starts(started):
        raise MissingProgramError(f"AzCopy does not start here, not even with {AZCOPY_LIBRARY} beside it")
    return started


def rclone() -> Path:
    """Return rclone from ``requirements/bench.txt``; raises MissingProgramError."""
    found = Path(sys.executable).with_name("rclone")
    if not found.exists():
        raise MissingProgramError("rclone is not beside Python: requirements/bench.txt is not installed")
    return found


def version(program: Path, *words: str) -> str:
    """Return the version that a program tells of itself."""
    told = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.search(r"\d+\.\d+[\w.]*", told)
    return found.group() if found else "?"


def _fetch(command: list[str]) -> None:
    beside = Path(sys.executable).parent  # where `make` puts Node, on a computer that has none
    environment = {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm = shutil.which("npm", path=environment["PATH"])
    if npm is None:
        raise MissingProgramError("AzCopy comes from npm, and there is no npm here: make .venv/.editor")
    AZCOPY_HOME.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [npm, *command[1:]], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode or not AZCOPY.exists():
        raise MissingProgramError(f"npm could not fetch AzCopy: {_first_line(done.stderr or done.stdout)}")


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "it said nothing")
