"""What is not synced: a default list, ``.aitkignore`` with gitignore's words, and settings."""

from __future__ import annotations

import fnmatch
import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.regular_files import read_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.sync.gitignore import Pattern

IGNORE_FILE = ".aitkignore"
MANIFEST_NAME = ".aitk-manifest.json"
LOCK_NAME = ".aitk-lock"
_ANY_NAME = "*"
_HARD = re.compile(r"[\[\\]|[^/]\*\*")
"""Brackets, escapes, and stars that may take a slash after all (``gitignore.py``)."""
RESERVED = ".aitk-"
"""Names at the top of the share that begin so are ours; no file that is synced may have them."""
_OURS = rf"(?is:{re.escape(RESERVED)}.*)\Z"

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

IN_A_PROJECT = ("/infra/", "/environment-cache/", ".gitignore", ".gitattributes")
"""Left out of a project, too: what describes the cloud, the packages that containers keep, and git's own files."""

PROJECT = (*ANYWHERE, *IN_A_PROJECT)


def is_reserved(path: str) -> bool:
    """Return True if a path at the top of the share is ours: the service takes names in any case for one."""
    return path[: len(RESERVED)].lower() == RESERVED


class Rule(NamedTuple):
    """One pattern and where it stands."""

    pattern: str
    origin: str


class Rules:
    """Says whether a path is left out.

    Folders above it are known not to be: what is in a folder that is left out is not asked about.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        patterns = [rule.pattern.rstrip(" ").replace("?", _ANY_NAME) for rule in rules]  # git's ? is a byte
        names = {
            _ANY_NAME if _HARD.search(pattern) else pattern.removesuffix("/").rpartition("/")[2]
            for pattern in patterns
        }
        self._suspects = re.compile("|".join([_OURS, *(fnmatch.translate(name) for name in sorted(names))]))

    def suspect(self, name: str) -> bool:
        """Return True if a path that ends with this name can be left out at all: few can, and this is quick."""
        return self._suspects.match(name) is not None

    def __call__(self, path: str) -> bool:
        """Return True if a path (``/`` between parts, a folder ends with ``/``) is left out."""
        if is_reserved(path):
            return True
        decides = self._deciding(path)
        return decides is not None and not decides[1].brings_back

    def why(self, path: str) -> str:
        """Return why a path is left out, for people: ``.aitkignore: *.log``."""
        decides = self._deciding(path)
        if is_reserved(path) or decides is None:
            return f"default list: {RESERVED}{_ANY_NAME}"
        return f"{decides[0].origin}: {decides[0].pattern}"

    def _deciding(self, path: str) -> tuple[Rule, Pattern] | None:
        """Return the rule that decides about a path: the last one that takes it."""
        text = os.fsencode(path.removesuffix("/"))
        is_folder = path.endswith("/")
        found = (one for one in self._patterns if one[1].takes(text, is_folder=is_folder))
        return next(found, None)

    @cached_property
    def _patterns(self) -> list[tuple[Rule, Pattern]]:
        """The rules, last ones first; read when the first suspect comes, for most folders have none."""
        from aitk_inference.sync.gitignore import read_pattern  # noqa: PLC0415 - most folders have nothing to leave out

        read = [(rule, read_pattern(rule.pattern)) for rule in reversed(self._rules)]
        return [(rule, pattern) for rule, pattern in read if pattern is not None]


def ignore_rules(folder: Path, more: Sequence[str] = (), *, defaults: Sequence[str] = PROJECT) -> Rules:
    """Return the rules of a folder: a default list, its ``.aitkignore``, what a person set.

    Later rules win, so ``!name`` in ``.aitkignore`` brings back what the default list leaves out.

    Raises:
        InvalidProject: ``.aitkignore`` can't be read.
    """
    rules = [Rule(pattern, "default list") for pattern in defaults]
    rules += [Rule(line, IGNORE_FILE) for line in _lines(folder / IGNORE_FILE)]
    return Rules([*rules, *(Rule(pattern, "settings") for pattern in more)])


def _lines(path: Path) -> list[str]:
    """Return the lines of an ignore file; only a line feed ends one, with or without a carriage return."""
    try:
        text = read_text(path) if os.path.lexists(path) else ""
        if "\0" in text:
            raise ValueError(path)  # UTF-16 without a mark, as some editors write it
    except (OSError, ValueError) as error:
        message = f"{path.name} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}."
        raise InvalidProject(message, [Problem(path, message, code="ignore")]) from error
    return [line.removesuffix("\r") for line in text.split("\n")]
