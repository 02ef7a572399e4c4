"""Which project a share belongs to: equal for every clone, told in words without credentials."""

from __future__ import annotations

import hashlib
import re
import socket
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path


class Project(NamedTuple):
    """A project: ``id`` is equal for every clone, ``label`` is for people."""

    id: str
    label: str


def project_identity(root: Path) -> Project:
    """Which project a folder is: git remote and place in the repository, else this computer and folder."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    remote = _remote(top) if top else None
    if top is None or remote is None:
        return _project(f"{socket.gethostname()}:{root}", f"{root.name} on {socket.gethostname()} ({root})")
    inside = root.relative_to(top).as_posix()
    place = remote if inside == "." else f"{remote}, folder {inside}"
    return _project(f"{remote}#{inside}", place)


def _project(text: str, label: str) -> Project:
    return Project(hashlib.sha256(text.encode()).hexdigest()[:32], label)


def _remote(top: Path) -> str | None:
    """The address of ``origin`` without credentials; None where it can't be told."""
    try:
        config = (_git_folder(top) / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r'^\s*\[remote "origin"\][^\[]*?^\s*url\s*=\s*(\S+)', config, re.MULTILINE | re.DOTALL)
    return _bare(found.group(1)) if found else None


def _git_folder(top: Path) -> Path:
    """The folder that holds ``config``; a worktree's ``.git`` is a file that points to it."""
    git = top / ".git"
    if git.is_dir():
        return git
    pointed = top / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
    common = pointed / "commondir"
    return pointed / common.read_text(encoding="utf-8").strip() if common.exists() else pointed


def _bare(url: str) -> str:
    if "://" in url:
        parts = urlsplit(url)
        url = f"{parts.hostname or ''}{parts.path}"
    else:
        url = url.rpartition("@")[2].replace(":", "/", 1)
    return url.removesuffix("/").removesuffix(".git").lower()
