"""Compile infra/provision/inference.bicep and note what it was compiled from.

Needs the Bicep CLI: ``$BICEP``, on PATH, Azure CLI's folder, azd's folder, or ``../shared/tools``. It is
never committed. ``--check`` writes nothing and fails when the committed files are stale.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROVISION = ROOT / "infra" / "provision"
SOURCES = ("inference.bicep", "bicepconfig.json")
TIMEOUT_SECONDS = 120


def find_bicep(root: Path = ROOT) -> str | None:
    """Path of the Bicep CLI, or None."""
    name = "bicep.exe" if os.name == "nt" else "bicep"
    candidates = (
        os.environ.get("BICEP"),
        shutil.which("bicep"),
        str(Path.home() / ".azure" / "bin" / name),
        str(Path.home() / ".azd" / "bin" / name),
        str(root.parent / "shared" / "tools" / "bicep"),
    )
    return next((path for path in candidates if path and Path(path).is_file()), None)


def source_hash(path: Path) -> str:
    """SHA-256 of a source, as hex. Line ends count as LF, so that a checkout on Windows has the same hash."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def lock_text(folder: Path = PROVISION) -> str:
    """What ``inference.lock.json`` must say now."""
    present = (name for name in SOURCES if (folder / name).exists())
    return json.dumps({"sources": {name: source_hash(folder / name) for name in present}}, indent=2) + "\n"


def build(bicep: str, folder: Path = PROVISION) -> str:
    """The compiled template as text; warnings fail as errors do.

    Raises:
        SystemExit: with the compiler's words.
    """
    command = [bicep, "build", str(folder / "inference.bicep"), "--stdout"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode or done.stderr.strip():
        sys.exit(done.stderr.strip())
    return done.stdout.replace("\r\n", "\n")


def main(arguments: list[str]) -> None:
    """Write, or with ``--check`` compare, the compiled template and its lock."""
    bicep = find_bicep()
    if bicep is None:
        sys.exit(
            "The Bicep CLI was not found. Install it (https://aka.ms/bicep-install) or set BICEP to its path."
        )
    wanted = {"inference.json": build(bicep), "inference.lock.json": lock_text()}
    for name, text in wanted.items():
        _settle(PROVISION / name, text, write="--check" not in arguments)


def _settle(path: Path, text: str, *, write: bool) -> None:
    if write:
        path.write_text(text, encoding="utf-8", newline="\n")
    elif path.read_text(encoding="utf-8") != text:
        sys.exit(f"{path.name} is stale: run `make infra`.")


if __name__ == "__main__":
    main(sys.argv[1:])
