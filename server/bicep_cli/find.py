"""Finds the Bicep CLI where people have it: the setting, PATH, Azure CLI's and azd's folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bicep_cli.messages import BicepError

RPC_SINCE = (0, 29, 0)
VERSION = re.compile(r"version (\d+)\.(\d+)\.(\d+)")
VERSION_LIMIT = 30.0  # seconds; a cold start on a slow disk
FOLDERS = (".azure/bin", ".azd/bin")
INSTALL = (
    "Install it with `az bicep install`, or name its path in the settings (in a terminal: AITK_BICEP_PATH)."
)


@dataclass(frozen=True, slots=True)
class Bicep:
    """A Bicep CLI on this computer."""

    path: Path
    version: tuple[int, int, int]

    @property
    def speaks_rpc(self) -> bool:
        """Whether it can be kept running and asked (since 0.29)."""
        return self.version >= RPC_SINCE

    @property
    def version_text(self) -> str:
        """The version as people write it."""
        return ".".join(str(part) for part in self.version)


def candidates(setting: str | None, environment: dict[str, str], home: Path) -> list[Path]:
    """List where the CLI may be, best first. With a setting, nothing else is tried."""
    name = "bicep.exe" if sys.platform == "win32" else "bicep"
    if setting:
        return [Path(setting).expanduser()]
    on_path = shutil.which(name, path=environment.get("PATH", ""))
    return [*([Path(on_path)] if on_path else []), *(home / folder / name for folder in FOLDERS)]


def find(setting: str | None = None, *, home: Path | None = None) -> Bicep:
    """Find the CLI. Raises BicepError, saying where it was looked for."""
    places = candidates(setting, dict(os.environ), home or Path.home())
    for path in places:
        if path.is_file() and os.access(path, os.X_OK):
            return Bicep(path, version_of(path, path.stat().st_mtime_ns))
    if setting:
        raise BicepError(
            f"There is no Bicep CLI at {places[0]}, which the setting names.",
            "Correct the setting, or empty it to use the one on PATH.",
        )
    raise BicepError("No Bicep CLI was found on PATH, in ~/.azure/bin or in ~/.azd/bin.", INSTALL)


@lru_cache(maxsize=16)
def version_of(path: Path, _changed: int = 0) -> tuple[int, int, int]:
    """Ask a CLI for its version. Raises BicepError when it does not answer like one."""
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=VERSION_LIMIT,
            check=False,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise BicepError(f"The Bicep CLI at {path} does not answer.", INSTALL) from error
    except OSError as error:
        raise BicepError(f"The Bicep CLI at {path} cannot be started: {error.strerror}.", INSTALL) from error
    match = VERSION.search(done.stdout)
    if match is None:
        raise BicepError(f"{path} is not a Bicep CLI: it does not tell its version.", INSTALL)
    return int(match[1]), int(match[2]), int(match[3])


def environment() -> dict[str, str]:
    """Give the environment for the CLI: no culture data needed (ICU is often not installed), no telemetry."""
    wanted = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_CLI_TELEMETRY_OPTOUT": "1"}
    return {**wanted, **os.environ}
