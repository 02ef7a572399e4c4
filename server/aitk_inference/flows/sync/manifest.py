"""What lies on the share because we sent it, and for which project."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aitk_inference.core.errors import Conflict
from aitk_inference.flows.sync.ignore import MANIFEST_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Share

VERSION = 1
_PUT_LIMIT = 4 << 20
_NEW_NAME = f"{MANIFEST_NAME}.new"


@dataclass(frozen=True)
class Sent:
    """A file as it was sent.

    Attributes:
        sha256: Of its content, hex.
        etag: The service's ETag after the last write, to see drift.
    """

    size: int
    sha256: str
    mtime_ns: int
    etag: str


@dataclass(frozen=True)
class Project:
    """Which project a share belongs to: equal for every clone, told in words without credentials."""

    id: str
    label: str


@dataclass(frozen=True)
class Manifest:
    """What a project has on a share."""

    project: Project
    files: Mapping[str, Sent] = field(default_factory=dict)


async def read_manifest(share: Share) -> Manifest | None:
    """The share's manifest, or None when nothing was ever sent.

    Raises:
        Conflict: it is damaged, or of a newer version of this product.
    """
    content = await share.read(MANIFEST_NAME)
    return None if content is None else decode(content)


async def write_manifest(share: Share, manifest: Manifest) -> None:
    """Replace the manifest in one step, whatever its size."""
    content = encode(manifest)
    if len(content) <= _PUT_LIMIT:
        await share.put_file(MANIFEST_NAME, content)
        return
    await share.create_file(_NEW_NAME, len(content))
    for offset in range(0, len(content), _PUT_LIMIT):
        await share.put_range(_NEW_NAME, offset, content[offset : offset + _PUT_LIMIT])
    await share.rename(_NEW_NAME, MANIFEST_NAME, replace=True)


def encode(manifest: Manifest) -> bytes:
    """The manifest as bytes: compact JSON, one list a file."""
    files = {p: [f.size, f.sha256, f.mtime_ns, f.etag] for p, f in sorted(manifest.files.items())}
    project = {"id": manifest.project.id, "label": manifest.project.label}
    document = {"version": VERSION, "project": project, "files": files}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def decode(content: bytes) -> Manifest:
    """The manifest of those bytes.

    Raises:
        Conflict: damaged, or of a newer version.
    """
    try:
        document: Json = json.loads(content)
    except ValueError as error:
        raise _damaged() from error
    if isinstance(document, dict) and isinstance(v := document.get("version"), int) and v > VERSION:
        raise Conflict(
            f"The share's {MANIFEST_NAME} was written by a newer version of this tool.",
            suggestion="Update this tool, then deploy again.",
        )
    return _decoded(document)


def _decoded(document: Json) -> Manifest:
    project = document.get("project") if isinstance(document, dict) else None
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(project, dict) or not isinstance(files, dict):
        raise _damaged()
    owner = Project(str(project.get("id")), str(project.get("label")))
    return Manifest(owner, {path: _sent(entry) for path, entry in files.items()})


def _sent(entry: Json) -> Sent:
    match entry:
        case [int(size), str(sha256), int(mtime_ns), str(etag)]:
            return Sent(size, sha256, mtime_ns, etag)
        case _:
            raise _damaged()


def _damaged() -> Conflict:
    return Conflict(
        f"The share's {MANIFEST_NAME} is damaged.",
        suggestion=f"Delete {MANIFEST_NAME} on the share and deploy again: every file is sent once more.",
    )


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
