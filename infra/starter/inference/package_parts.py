"""Which files of the packages a model needs before its first answer; the others may come while it loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).resolve().parent
IMPORTED = """
import silence, sys
silence.silence()
import app, service, uvicorn, engines.openvino_model, engines.vllm
server = uvicorn.Config(app)
server.load()
server.get_loop_factory()
names = lambda: {name.partition(".")[0] for name in sys.modules}
before = names()
print(*before, flush=True)
import web.chat_page, huggingface_hub.hf_api
print(*names() - before)
"""
"""Prints what the app imports before it can answer, and what the page imports besides. Python compiles all of it."""
EMPTY: frozenset[str] = frozenset()
LARGE = 1 << 20
FOR_BUILDING = frozenset((".h", ".hpp", ".pyi", ".lib", ".a", ".cmake"))


class Needs(NamedTuple):
    """What a model that answers has used.

    Attributes:
        packages: First names of what the app has imported or mapped; empty where that can't be told.
        mapped: Files that it has mapped into its memory; None where that can't be told.
    """

    packages: frozenset[str]
    mapped: frozenset[Path] | None

    def holds(self, path: Path, folder: Path) -> bool:
        """Return True for a file that has to be there before the app starts.

        OpenVINO's libraries for hardware and formats that are not used are a fifth of all packages.
        """
        parts = path.relative_to(folder).parts
        if not self.packages:
            return True
        if _first_name(parts[0]) not in self.packages and not _is_for_all(parts[0]):
            return False
        if path.suffix in FOR_BUILDING or "tests" in parts:
            return False
        return self.mapped is None or path.stat().st_size < LARGE or path.resolve() in self.mapped


def _first_name(entry: str) -> str:
    """Return the package of an entry: ``numpy`` for ``numpy.libs``."""
    return entry.partition(".")[0]


def _is_for_all(name: str) -> bool:
    """Return True for what describes packages, which Python reads as a whole, and for compiled modules."""
    return name.endswith(".dist-info") or name == "__pycache__"


def needs_of(app: int, folder: Path) -> Needs:
    """Return what an app that answers has needed; ``app`` is its process."""
    mapped = _mapped(app)  # before the page is loaded, if possible
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
    imported, page, *_ = (*(frozenset(line.split()) for line in done.stdout.splitlines()), EMPTY, EMPTY)
    return Needs(imported and imported | _packages_of(mapped or (), folder.resolve()) - page, mapped)


def _packages_of(files: Iterable[Path], folder: Path) -> frozenset[str]:
    """Return the packages of files below the folder: one library finds another where nobody imports its package."""
    inside = (path.relative_to(folder) for path in files if path.is_relative_to(folder))
    return frozenset(_first_name(path.parts[0]) for path in inside)


def _mapped(process: int) -> frozenset[Path] | None:
    """Return the files that a process has mapped; None on systems without /proc."""
    try:
        lines = Path(f"/proc/{process}/maps").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return frozenset(Path(line.split(maxsplit=5)[5]) for line in lines if "/" in line)


def merge(part: Path, folder: Path) -> None:
    """Put what came later beside what was there: libraries of one package look for others in its own folder."""
    for entry in part.iterdir():
        target = folder / entry.name
        if not target.exists():
            entry.rename(target)
        elif entry.is_dir():
            merge(entry, target)
