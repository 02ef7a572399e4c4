"""Compile infra/provision/inference.bicep and note what it was compiled from.

Needs the Bicep CLI: ``$BICEP``, on PATH, Azure CLI's folder, azd's folder, or ``../shared/tools``. It is
never committed. ``--check`` writes nothing and fails when the committed files are stale; without a CLI it
says that it could not compare.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROVISION = ROOT / "infra" / "provision"
SOURCES = ("inference.bicep", "environmentStorage.bicep", "bicepconfig.json")
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
    """Return what ``inference.lock.json`` must say now."""
    present = (name for name in SOURCES if (folder / name).exists())
    return json.dumps({"sources": {name: source_hash(folder / name) for name in present}}, indent=2) + "\n"


def build(bicep: str, folder: Path = PROVISION) -> str:
    """Return the compiled template as text; warnings fail as errors do.

    Raises:
        SystemExit: with the compiler's words.
    """
    command = [bicep, "build", str(folder / "inference.bicep"), "--stdout"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode or done.stderr.strip():
        sys.exit(done.stderr.strip())
    return done.stdout.replace("\r\n", "\n")


def comparable(template: dict[str, Any]) -> dict[str, Any]:
    """Without what compilers write differently: the generator, the order of dependencies."""
    resources = [{**r, "dependsOn": sorted(r.get("dependsOn", []))} for r in template["resources"]]
    for module in (one for one in resources if one["type"] == "Microsoft.Resources/deployments"):
        module["properties"]["template"].pop("metadata", None)
    return {**template, "metadata": None, "resources": resources}


def check(bicep: str, folder: Path = PROVISION) -> None:
    """Compare the committed files with the source.

    Raises:
        SystemExit: they are stale, or the source does not compile cleanly.
    """
    made, kept = json.loads(build(bicep, folder)), json.loads((folder / "inference.json").read_text("utf-8"))
    if comparable(made) != comparable(kept):
        sys.exit("inference.json is stale: run `make infra`.")
    if (folder / "inference.lock.json").read_text("utf-8") != lock_text(folder):
        sys.exit("inference.lock.json is stale: run `make infra`.")


def main(arguments: list[str]) -> None:
    """Write, or with ``--check`` compare, the compiled template and its lock."""
    bicep = find_bicep()
    if "--check" in arguments:
        if bicep is None:
            print("NOT COMPARED: infra/provision/inference.json with its source; there is no Bicep CLI.")
        else:
            check(bicep)
        return
    if bicep is None:
        sys.exit(
            "The Bicep CLI was not found. Install it (https://aka.ms/bicep-install) or set BICEP to its path."
        )
    for name, text in {"inference.json": build(bicep), "inference.lock.json": lock_text()}.items():
        (PROVISION / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
