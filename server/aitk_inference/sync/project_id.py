"""Which project a share belongs to: equal for every clone, in words without credentials."""

from __future__ import annotations

import hashlib
import re
import socket
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from aitk_inference.core.regular_files import read_bytes, read_text
from aitk_inference.sync.manifest import Project

if TYPE_CHECKING:
    from pathlib import Path

_SECTION = r'(?i)\s*\[(?:\s*remote\s+"(?P<remote>(?:[^"\\]|\\.)*)"|[^\]]*)\s*\]'
"""The head of a section; only one of a remote has that group."""
_URL = r'(?i)\s*url\s*=\s*((?:"(?:[^"\\]|\\.)*"|\\.|[^"\\#;])*)'
"""An address, as far as no comment begins."""


class Identity(NamedTuple):
    """Which project a folder is.

    Attributes:
        project: Now.
        earlier: Ids that it had before, as far as the folder itself shows: from a time without a remote.
    """

    project: Project
    earlier: tuple[str, ...] = ()


def project_identity(root: Path) -> Identity:
    """Return which project a folder is: git remote and folder in the repository, else this computer and folder."""
    host = socket.gethostname()
    here = _project(f"{host}:{root}", f"{root.name} on {host} ({root})")
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    remote = _remote(top) if top else None
    if top is None or remote is None:
        return Identity(here)
    inside = root.relative_to(top).as_posix()
    label = remote if inside == "." else f"{remote}, folder {inside}"
    return Identity(_project(f"{remote}#{inside}", label), (here.id,))


def _project(text: str, label: str) -> Project:
    shown = label.encode("utf-8", "replace").decode()  # a folder's name may be no text
    return Project(hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32], shown)


def _remote(top: Path) -> str | None:
    """Return the address of ``origin``, else of the only remote, without credentials; None where nobody can know it."""
    try:
        config = read_bytes(_git_folder(top) / "config").decode("utf-8", "replace")
        remotes = _remotes(config)
        only = next(iter(remotes.values())) if len(remotes) == 1 else None  # it may have been renamed
        address = remotes.get("origin", only)
        return _bare(address) if address else None
    except (OSError, ValueError):
        return None  # it can't be read, or looks like a URL and is none


def _remotes(config: str) -> dict[str, str]:
    """Return the first address of each remote of a git configuration (git-config(1), "Syntax")."""
    found: dict[str, str] = {}
    name: str | None = None
    for line in config.splitlines():
        head = re.match(_SECTION, line)
        name = head["remote"] if head else name
        value = re.match(_URL, line[head.end() if head else 0 :])
        address = re.sub(r'\\(.)|"', r"\1", value[1].strip()) if value else ""
        if name is not None and address:
            found.setdefault(name, address)
    return found


def _git_folder(top: Path) -> Path:
    """Return the folder that holds ``config``; a worktree's ``.git`` is a file that points to it."""
    git = top / ".git"
    if git.is_dir():
        return git
    pointed = top / read_text(git).partition("gitdir:")[2].strip()
    common = pointed / "commondir"
    return pointed / read_text(common).strip() if common.exists() else pointed


def _bare(url: str) -> str:
    """Return a remote's address without helper, scheme, credentials and ending: equal for https and ssh."""
    url = re.sub(r"^\w+::", "", url)
    if "://" in url:
        parts = urlsplit(url)
        url = f"{parts.hostname or ''}{parts.path}"
    else:
        url = url.rpartition("@")[2].replace(":", "/", 1)
    return url.removesuffix("/").removesuffix(".git").lower()
