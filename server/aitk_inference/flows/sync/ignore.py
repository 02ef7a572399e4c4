"""What is not synced: a default list, ``.aitkignore`` with gitignore's words, and settings."""

from __future__ import annotations

import fnmatch
import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import InvalidProject, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".aitkignore"
MANIFEST_NAME = ".aitk-manifest.json"
LOCK_NAME = ".aitk-lock"
_ANY_NAME = "*"
_RESERVED = ".aitk-"
"""Names at the top of the share that begin so are ours; no file that is synced may have them."""

ANYWHERE = (
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
    ".env*",
    ".netrc",
    ".pypirc",
    "*.pem",
    "*.pfx",
    "*.p12",
    "*.key",
    "id_rsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.swp",
    "*~",
    f"/{IGNORE_FILE}",
    ".aitk-*",
)
"""Left out of every folder: version control, environments, caches, editors' folders, secrets.

Adapters and models are synced even where git ignores them, so ``.gitignore`` is not read.
"""

IN_A_PROJECT = ("/infra/", ".gitignore", ".gitattributes")
"""Left out of a project, too: what describes the cloud, and git's own files."""

PROJECT = (*ANYWHERE, *IN_A_PROJECT)


class Rule(NamedTuple):
    """One pattern and where it stands."""

    pattern: str
    origin: str


class Rules:
    """Tells whether a path (``/`` between parts, a folder ends with ``/``) is left out.

    Folders above it are known not to be: what is in a folder that is left out is not asked about.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._suspects = _names_of([_RESERVED + _ANY_NAME, *(rule.pattern for rule in rules)])

    def suspect(self, name: str) -> bool:
        """Whether a path that ends with this name can be left out at all: few can, and this is quick."""
        return self._suspects.match(name) is not None

    def __call__(self, path: str) -> bool:
        """Whether it is left out."""
        return path.startswith(_RESERVED) or self._spec.match_file(path)

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        """The rules as the library reads them, which takes ten times as long to load as a folder to list."""
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 - 10 ms; most folders have nothing to leave out

        return GitIgnoreSpec.from_lines([rule.pattern for rule in self._rules])

    def why(self, path: str) -> str:
        """Why a path is left out, for people: ``.aitkignore: *.log``."""
        index = self._spec.check_file(path).index
        if index is None:
            return "default list: .aitk-*"
        return f"{self._rules[index].origin}: {self._rules[index].pattern}"


def ignore_rules(folder: Path, more: Sequence[str] = (), *, defaults: Sequence[str] = PROJECT) -> Rules:
    """The rules of a folder: a default list, its ``.aitkignore``, what a person set.

    Later rules win, so ``!name`` in ``.aitkignore`` brings back what the default list leaves out.

    Raises:
        InvalidProject: ``.aitkignore`` can't be read.
    """
    rules = [Rule(pattern, "default list") for pattern in defaults]
    rules += [Rule(line, IGNORE_FILE) for line in _lines(folder / IGNORE_FILE)]
    return Rules([*rules, *(Rule(pattern, "settings") for pattern in more)])


def _names_of(patterns: Sequence[str]) -> re.Pattern[str]:
    """One expression that takes every name that any pattern can leave out, and some more."""
    names = {_last_part(pattern.rstrip()) for pattern in patterns}
    return re.compile("|".join(fnmatch.translate(name) for name in sorted(names)))


def _last_part(pattern: str) -> str:
    """What a name must look like for this pattern; for one that is hard to read, anything."""
    if "[" in pattern or "\\" in pattern:
        return _ANY_NAME
    return pattern.removesuffix("/").rpartition("/")[2]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} can't be read: {error}."
        raise InvalidProject(message, [Problem(path, message, code="ignore")]) from error
