"""What is not synced: a default list, ``.aitkignore`` with gitignore's words, and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

from aitk_inference.core.errors import InvalidProject, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

IGNORE_FILE = ".aitkignore"
MANIFEST_NAME = ".aitk-manifest.json"
LOCK_NAME = ".aitk-lock"
RESERVED = (MANIFEST_NAME, LOCK_NAME)
"""Names at the top of the share that are ours; no file of a project may have them."""

DEFAULTS = (
    ".git/",
    ".hg/",
    ".svn/",
    ".venv/",
    "venv/",
    "__pycache__/",
    "*.pyc",
    ".mypy_cache/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".ipynb_checkpoints/",
    "node_modules/",
    ".vscode/",
    ".idea/",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".env",
    ".env.*",
    "*.pem",
    "*.pfx",
    "id_rsa*",
    "id_ed25519*",
    "*.swp",
    "*~",
    "/infra/",
    f"/{IGNORE_FILE}",
    ".gitignore",
    ".gitattributes",
    ".aitk-*",
)
"""Version control, environments, caches, editors' folders, secrets, and the description of the cloud itself.

Adapters and models are synced even where git ignores them, so ``.gitignore`` is not read.
"""


def ignore_rules(project: Path, more: Sequence[str] = ()) -> Callable[[str], bool]:
    """A function that tells whether a path (``/`` between parts, a folder ends with ``/``) is left out.

    Later rules win, so ``!name`` in ``.aitkignore`` brings back what the default list leaves out.

    Raises:
        InvalidProject: ``.aitkignore`` can't be read.
    """
    spec = GitIgnoreSpec.from_lines([*DEFAULTS, *_lines(project / IGNORE_FILE), *more])
    return spec.match_file


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} can't be read: {error}."
        raise InvalidProject(message, [Problem(path, message, code="ignore")]) from error
