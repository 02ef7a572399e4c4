"""What lies on the share because we sent it, and for which project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from io import BytesIO
from json.encoder import encode_basestring as text
from typing import TYPE_CHECKING, Any, NamedTuple

from aitk_inference.core.errors import Conflict
from aitk_inference.flows.sync.identity import Project
from aitk_inference.flows.sync.ignore import MANIFEST_NAME
from aitk_inference.flows.sync.paths import folders_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Share

VERSION = 1
_PUT_LIMIT = 4 << 20
_NEW_NAME = f"{MANIFEST_NAME}.new"
_PART = 1000
_KINDS = (int, str, int, str, int)
"""Of a row; a last 0 is there where the file is not ours."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Sent(NamedTuple):
    """A file as it was sent.

    Attributes:
        sha256: Of its content, hex; empty while a run was writing it: nobody knows what it holds.
        mtime_ns: Of the local file; 0 when it changed so shortly before it was read that it proves nothing.
        etag: The service's ETag after the last write, to see drift.
        written_ns: The service's last write time, nanoseconds since 1970.
        ours: False: it lay there already with this content, so it is not ours to delete.
    """

    size: int
    sha256: str
    mtime_ns: int
    etag: str
    written_ns: int = 0
    ours: bool = True


@dataclass(repr=False)
class Manifest:
    """What a project has on a share; it never changes."""

    project: Project
    files: Mapping[str, Sent]

    @cached_property
    def names(self) -> frozenset[str]:
        """The files in lower case, as the service compares names."""
        return frozenset(_lower(path) for path in self.files)

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders above them, in lower case."""
        return frozenset([folder.lower() for folder in folders_of(self.files)])

    def without(self, paths: Collection[str]) -> Manifest:
        """The same, less these files, under whatever spelling."""
        if not paths:
            return self
        gone = {path.lower() for path in paths}
        return Manifest(self.project, {p: sent for p, sent in self.files.items() if p.lower() not in gone})


class Base(NamedTuple):
    """A state of the share to compare with.

    Attributes:
        manifest: What it holds of ours; its modification times are this computer's.
        mark: The ETag of the share's manifest, which tells one state from another; empty: there is none.
    """

    manifest: Manifest
    mark: str


def _lower(path: str) -> str:
    """In lower case; most are already, and need no second copy in memory."""
    lower = path.lower()
    return path if lower == path else lower


async def read_manifest(share: Share) -> bytes | None:
    """The share's manifest as it stands, or None when nothing was ever sent."""
    return await share.read(MANIFEST_NAME)


async def mark_on(share: Share) -> str:
    """The mark of the share's manifest (``Base``), without its content."""
    found = await share.entry(MANIFEST_NAME)
    return found.etag if found else ""


async def write_manifest(share: Share, content: bytes) -> str:
    """Replace the manifest in one step, whatever its size; returns its mark."""
    if len(content) <= _PUT_LIMIT:
        return (await share.put_file(MANIFEST_NAME, content)).etag
    await share.create_file(_NEW_NAME, len(content))
    for offset in range(0, len(content), _PUT_LIMIT):
        await share.put_range(_NEW_NAME, offset, content[offset : offset + _PUT_LIMIT])
    await share.rename(_NEW_NAME, MANIFEST_NAME, replace=True)
    return await mark_on(share)


def encode(manifest: Manifest) -> bytes:
    """The manifest as bytes: JSON, one line a file; a part at a time, for there can be many thousand."""
    project = f'{{"id":{text(manifest.project.id)},"label":{text(manifest.project.label)}}}'
    paths = sorted(manifest.files)
    written = BytesIO()
    written.write(f'{{"version":{VERSION},"project":{project},"files":{{\n'.encode())
    for first in range(0, len(paths), _PART):
        lines = [_line(path, manifest.files[path]) for path in paths[first : first + _PART]]
        written.write(b",\n" if first else b"")
        written.write(",\n".join(lines).encode())
    written.write(b"\n}}\n")
    return written.getvalue()


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
            suggestion="Update this tool, then run it again.",
        )
    return _decoded(document)


def nanoseconds(moment: datetime | None) -> int:
    """A time of the service as nanoseconds since 1970; 0 for none."""
    return 0 if moment is None else (moment - _EPOCH) // _MICROSECOND * 1000


def moment(nanoseconds: int) -> datetime:
    """Nanoseconds since 1970 as a time of the service: UTC, whole microseconds."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _line(path: str, sent: Sent) -> str:
    """A fifth of the time that ``json.dumps`` takes for it."""
    ours = "" if sent.ours else ",0"
    row = f"{sent.size},{text(sent.sha256)},{sent.mtime_ns},{text(sent.etag)},{sent.written_ns}{ours}"
    return f"{text(path)}:[{row}]"


def _decoded(document: Json) -> Manifest:
    project = document.get("project") if isinstance(document, dict) else None
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(project, dict) or not isinstance(files, dict):
        raise _damaged()
    owner = Project(str(project.get("id")), str(project.get("label")))
    return Manifest(owner, _sent(files))


def _sent(rows: Mapping[str, Any]) -> Mapping[str, Sent]:
    """The files of these rows, checked column by column: there can be many thousand."""
    try:
        files = {path: Sent(*row) for path, row in rows.items()}
    except TypeError as error:
        raise _damaged() from error
    columns = zip(*files.values(), strict=True)
    if any({*map(type, column)} != {kind} for column, kind in zip(columns, _KINDS, strict=False)):
        raise _damaged()
    return files


def _damaged() -> Conflict:
    return Conflict(
        f"The share's {MANIFEST_NAME} is damaged.",
        suggestion=f"Delete {MANIFEST_NAME} on the share and run it again: every file is sent once more.",
    )
