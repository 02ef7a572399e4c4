"""What lies on the share because we sent it, and for which project: a file at the top of the share."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from io import BytesIO
from json.encoder import encode_basestring as text
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, cast

from aitk_inference.core.errors import Conflict
from aitk_inference.sync.ignore import MANIFEST_NAME, RESERVED, is_reserved
from aitk_inference.sync.names import is_sendable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from aitk_inference.core.share import Share

VERSION = 1
LARGEST_FILE = 4 << 40
"""Bytes that Azure Files can hold in one file."""
_LARGEST = 1 << 28
"""Bytes of a manifest that are read: a million files take less."""
_PUT_LIMIT = 4 << 20
_NEW_NAME = f"{MANIFEST_NAME}.new"
_PART = 1000
_KINDS = (int, str, int, str, int)
"""Of a row; a last 0 is there where the file is not ours."""
_SHORTEST_ROW, _LONGEST_ROW = 4, 6
_TOKEN_SIGN, _MOST_TOKENS = "+", 4
_RUN = r"(?<![^+])[0-9a-zA-Z]{1,32}(?![^+])"
_ASIDE = re.escape(RESERVED) + r"moving-[0-9a-zA-Z]{1,32}-[0-9]{1,9}"
"""Where a folder is while it is renamed (``folders.py``)."""
_LONGEST_LABEL = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_NS, _LAST_NS = -11_644_387_200 * 10**9, 253_402_128_000 * 10**9
"""The times that the service can hold: 1601-01-02 (it counts from 1601) to 9999-12-30, a day from what time zones move."""
_MICROSECOND = timedelta(microseconds=1)


class Project(NamedTuple):
    """A project: ``id`` is equal for every clone, ``label`` is for people."""

    id: str
    label: str


class ProjectRecord(TypedDict):
    """A project, as a manifest holds it."""

    id: str
    label: str


class ManifestRecord(TypedDict, total=False):
    """A manifest, as it is stored.

    Attributes:
        files: Rows by path: size, SHA-256, modification time, ETag, last write time, and 0 where it is not ours.
        moving: Folders that are being renamed: where they are to be, and where they are meanwhile.
    """

    version: int
    project: ProjectRecord
    moving: dict[str, str]
    files: dict[str, list[int | str]]


class Sent(NamedTuple):
    """A file as it was sent.

    Attributes:
        sha256: Of its content, hex; empty while a run was writing it: nobody knows what it holds.
        mtime_ns: Of the local file; 0 when it changed so shortly before it was read that it proves nothing.
        etag: The service's ETag after the last write, to see drift; of a file in doubt the runs that wrote it.
        written_ns: The service's last write time, nanoseconds since 1970.
        ours: False: it lay there already with this content, so it is not ours to delete.
    """

    size: int
    sha256: str
    mtime_ns: int
    etag: str
    written_ns: int = 0
    ours: bool = True


def in_doubt(token: str = "", before: Sent | None = None) -> Sent:
    """Return the row of a file of which nobody knows what it holds.

    Args:
        token: The run that writes it in parts; empty: none does.
        before: The row that it had: runs that were interrupted earlier left parts, too.
    """
    tokens = [token, *tokens_of(before)] if token else []
    return Sent(0, "", 0, _TOKEN_SIGN.join(tokens[:_MOST_TOKENS]))


def tokens_of(row: Sent | None) -> list[str]:
    """Return the runs that began to write a file in parts and did not complete it, the latest first."""
    if row is None or row.sha256:
        return []
    return re.findall(_RUN, row.etag)[:_MOST_TOKENS]


@dataclass(repr=False)
class Manifest:
    """What a project has on a share; it never changes.

    Attributes:
        moving: Folders that a run was renaming: where they are to be, and where they are meanwhile.
        refused: Rows that no sync can have written, with the reason; they are not among the files.
    """

    project: Project
    files: Mapping[str, Sent]
    moving: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()

    @cached_property
    def names(self) -> frozenset[str]:
        """The files in lower case, as the service compares names; most are, and need no second copy in memory."""
        return frozenset(path if (lower := path.lower()) == path else lower for path in self.files)

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders above them, in lower case."""
        return frozenset([folder.lower() for folder in folders_of(self.files)])

    def without(self, paths: Collection[str]) -> Manifest:
        """Return the same, less these files, under whatever spelling."""
        if not paths:
            return self
        gone = {path.lower() for path in paths}
        return Manifest(self.project, {p: sent for p, sent in self.files.items() if p.lower() not in gone})


class Base(NamedTuple):
    """A state of the share to compare with.

    Attributes:
        manifest: What it holds of ours; its modification times are this computer's.
        etag: Of the share's manifest, which tells one state from another; empty: there is none.
        unknown: Files of it that this folder never had.
    """

    manifest: Manifest
    etag: str
    unknown: frozenset[str] = frozenset()


def folders_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Return every folder above these paths, parents first."""
    found: set[str] = set()
    for path in paths:
        cut = path.rfind("/")
        while cut > 0 and (folder := path[:cut]) not in found:
            found.add(folder)
            cut = path.rfind("/", 0, cut)
    return tuple(sorted(found, key=lambda folder: (folder.count("/"), folder)))


async def read_manifest(share: Share, size: int) -> bytes | None:
    """Return the share's manifest as it stands, or None when it is gone meanwhile.

    Raises:
        Conflict: it is larger than one can be.
    """
    if size > _LARGEST:
        raise _damaged("it is too large")
    return await share.read(MANIFEST_NAME)


async def manifest_etag(share: Share) -> str:
    """Return the ETag of the share's manifest; empty when there is none."""
    found = await share.entry(MANIFEST_NAME)
    return found.etag if found else ""


async def write_manifest(share: Share, content: bytes) -> str:
    """Replace the manifest in one step, whatever its size; return its ETag."""
    if len(content) <= _PUT_LIMIT:
        return (await share.put_file(MANIFEST_NAME, content)).etag
    await share.create_file(_NEW_NAME, len(content))
    for offset in range(0, len(content), _PUT_LIMIT):
        await share.put_range(_NEW_NAME, offset, content[offset : offset + _PUT_LIMIT])
    await share.rename(_NEW_NAME, MANIFEST_NAME, replace=True)
    return await manifest_etag(share)


def encode(manifest: Manifest) -> bytes:
    """Return the manifest as bytes: JSON, one line a file; a part at a time, for there can be many thousand."""
    project = f'{{"id":{text(manifest.project.id)},"label":{text(manifest.project.label)}}}'
    moving = f'"moving":{json.dumps(dict(manifest.moving))},' if manifest.moving else ""
    paths = sorted(manifest.files)
    written = BytesIO()
    written.write(f'{{"version":{VERSION},"project":{project},{moving}"files":{{\n'.encode())
    for first in range(0, len(paths), _PART):
        lines = [_line(path, manifest.files[path]) for path in paths[first : first + _PART]]
        written.write(b",\n" if first else b"")
        written.write(",\n".join(lines).encode())
    written.write(b"\n}}\n")
    return written.getvalue()


def decode(content: bytes, *, trusted: bool = False) -> Manifest:
    """Return the manifest of those bytes.

    Args:
        content: What was read.
        trusted: It was written by this computer, so its rows need no look.

    Raises:
        Conflict: damaged, or of a newer version.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged("it is no JSON") from error
    if not isinstance(document, dict):
        raise _damaged("it is no JSON object")
    if isinstance(version := document.get("version"), int | float) and version > VERSION:
        raise Conflict(
            f"The share's {MANIFEST_NAME} was written by a newer version of this tool.",
            suggestion="Update this tool, then run it again.",
        )
    project, rows = document.get("project"), document.get("files")
    if not isinstance(project, dict) or not isinstance(rows, dict):
        raise _damaged("it has no project or no files")
    record = cast("ManifestRecord", document)
    owner = Project(str(project.get("id")), str(project.get("label"))[:_LONGEST_LABEL])
    moving, wrong = _moving(record)
    if trusted:
        return Manifest(owner, _sent(rows), moving)
    found = _checked(owner, rows, moving)
    return replace(found, refused=(*found.refused, *wrong)) if wrong else found


def nanoseconds(moment: datetime | None) -> int:
    """Return a time of the service as nanoseconds since 1970; 0 for none."""
    return 0 if moment is None else (moment - _EPOCH) // _MICROSECOND * 1000


def moment(nanoseconds: int) -> datetime:
    """Return nanoseconds since 1970 as a time of the service: UTC, whole microseconds, the nearest that it can hold."""
    held = min(max(nanoseconds, _FIRST_NS), _LAST_NS)
    return _EPOCH + timedelta(microseconds=held // 1000)


def is_time_held(nanoseconds: int) -> bool:
    """Return True if the service can hold a time."""
    return _FIRST_NS < nanoseconds < _LAST_NS


def _line(path: str, sent: Sent) -> str:
    """Return a row as JSON, in a fifth of the time that ``json.dumps`` takes for it."""
    ours = "" if sent.ours else ",0"
    row = f"{sent.size},{text(sent.sha256)},{sent.mtime_ns},{text(sent.etag)},{sent.written_ns}{ours}"
    return f"{text(path)}:[{row}]"


def _moving(record: ManifestRecord) -> tuple[Mapping[str, str], list[str]]:
    """Return the folders that are being renamed, and what no sync can have written of any."""
    moving = record.get("moving")
    if not isinstance(moving, dict):
        return {}, []
    right = {
        target: aside
        for target, aside in moving.items()
        if _is_ours(target) and isinstance(aside, str) and re.fullmatch(_ASIDE, aside)
    }
    wrong = moving.keys() - right.keys()
    return right, [f"{target[:_LONGEST_LABEL]!r} (no sync renames a folder so)" for target in sorted(wrong)]


def _is_ours(path: str) -> bool:
    """Return True if a sync can have made a file or folder of this path."""
    return is_sendable(path) and not is_reserved(path)


def _sent(rows: Mapping[str, Any]) -> dict[str, Sent]:
    """Return the files of these rows, checked column by column: there can be many thousand.

    Raises:
        Conflict: a row has the wrong shape.
    """
    try:
        files = {path: Sent(*row) for path, row in rows.items()}
    except TypeError as error:
        raise _damaged("a row has the wrong shape") from error
    columns = zip(*files.values(), strict=True)
    if any({*map(type, column)} != {kind} for column, kind in zip(columns, _KINDS, strict=False)):
        raise _damaged("a row has the wrong shape")
    return files


def _checked(owner: Project, rows: Mapping[str, Any], moving: Mapping[str, str]) -> Manifest:
    """Return the manifest of these rows, less those that no sync can have written."""
    try:
        files = _sent(rows)
        sizes = [sent.size for sent in files.values()]
        has_sizes = 0 <= min(sizes, default=0) <= max(sizes, default=0) <= LARGEST_FILE
        is_whole = has_sizes and all(map(is_sendable, files))
        found = Manifest(owner, files, moving)
        has_clashes = len(found.names) != len(files) or found.names & found.folders
        if is_whole and not has_clashes and not any(map(is_reserved, files)):
            return found
    except Conflict:
        pass  # row by row, to name the one
    return _row_by_row(owner, rows, moving)


def _row_by_row(owner: Project, rows: Mapping[str, Any], moving: Mapping[str, str]) -> Manifest:
    """Check each row; one in doubt may be of a file that was to become a folder, or the other way round."""
    files: dict[str, Sent] = {}
    names: set[str] = set()
    sure: set[str] = set()
    folders: set[str] = set()
    refused: list[str] = []
    for path, row in rows.items():
        above = {folder.lower() for folder in folders_of([path])}
        why = _row_problem(path, row)
        if not why and path.lower() in names:
            why = "another row has this name in other case"
        is_sure = not why and row[1] != ""
        if is_sure and (path.lower() in folders or above & sure):
            why = "another row says that a file is a folder"
        if why:
            refused.append(f"{path[:200]!r} ({why})")
        else:
            names.add(path.lower())
            sure |= {path.lower()} if is_sure else set()
            folders |= above if is_sure else set()
            files[path] = Sent(*row)
    return Manifest(owner, files, moving, tuple(refused))


def _row_problem(path: str, row: Any) -> str:
    """Return why no sync can have written a row; empty when one can."""
    if not _is_ours(path):
        return "no sync sends a file of this path"
    if not isinstance(row, list) or not _SHORTEST_ROW <= len(row) <= _LONGEST_ROW:
        return "it has the wrong shape"
    if any(type(value) is not kind for value, kind in zip(row, _KINDS, strict=False)):
        return "it has the wrong shape"
    return "" if 0 <= row[0] <= LARGEST_FILE else "no file has this size"


def _damaged(why: str) -> Conflict:
    return Conflict(
        f"The share's {MANIFEST_NAME} is damaged: {why}.",
        suggestion=f"Delete {MANIFEST_NAME} on the share and run it again: every file is sent once more.",
    )
