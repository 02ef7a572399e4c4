"""What the share has where a sync is about to write: others' files, and edits of ours made there."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.regular_files import open_regular
from aitk_inference.sync.concurrency import each
from aitk_inference.sync.manifest import folders_of, moment, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from aitk_inference.core.share import Share, ShareEntry
    from aitk_inference.sync.manifest import Manifest, Sent
    from aitk_inference.sync.plan import Plan
    from aitk_inference.sync.scan import LocalFile

_CHUNK = 1 << 20
_RANGE = 4 << 20


class Seen(NamedTuple):
    """What the share has under the paths that were looked at.

    Attributes:
        entries: By path in lower case, as the service compares names.
    """

    entries: Mapping[str, ShareEntry]

    def at(self, path: str) -> ShareEntry | None:
        """Return the entry of that name, however it is spelled."""
        return self.entries.get(path.lower())

    def without(self, paths: Iterable[str]) -> Seen:
        """Return the same, after these were deleted."""
        gone = {path.lower() for path in paths}
        return (
            Seen({path: entry for path, entry in self.entries.items() if path not in gone}) if gone else self
        )

    def folders(self) -> frozenset[str]:
        """Return the folders, in lower case."""
        return frozenset(path for path, entry in self.entries.items() if entry.is_directory)


class Listing:
    """Lists each folder once, and only those that exist.

    Args:
        share: The share.
    """

    def __init__(self, share: Share) -> None:
        self._share = share
        self._known = {""}
        self._listed: dict[str, asyncio.Task[Sequence[ShareEntry]]] = {}
        self._entries: dict[str, ShareEntry] = {}

    def know(self, folders: Iterable[str]) -> None:
        """Take it for known that these folders are there: they hold something of ours."""
        self._known.update(folder.lower() for folder in folders)

    async def look(self, paths: Iterable[str]) -> Seen:
        """Look at these files; a folder with several of them is listed, a single one asked for."""
        folders: dict[str, list[str]] = {}
        for path in paths:
            folders.setdefault(path.rpartition("/")[0], []).append(path)
        await each(list(folders.items()), self._folder, at_once=32)
        return Seen(self._entries)

    async def folder(self, folder: str) -> Sequence[ShareEntry]:
        """Return the entries of one folder; none when it is missing."""
        key = folder.lower()
        if key not in self._listed:
            self._listed[key] = asyncio.create_task(self._list(folder))
        return await self._listed[key]

    async def _folder(self, asked: tuple[str, list[str]]) -> None:
        folder, paths = asked
        if len(paths) == 1 and folder.lower() in self._known and folder.lower() not in self._listed:
            entry = await self._share.entry(paths[0])
            if entry is not None:
                self._entries[paths[0].lower()] = entry
            return
        await self.folder(folder)

    async def _list(self, folder: str) -> Sequence[ShareEntry]:
        if not await self._exists(folder):
            return ()
        found = await self._share.list(folder)
        self._entries.update({entry.path.lower(): entry for entry in found})
        return found

    async def _exists(self, folder: str) -> bool:
        if folder.lower() in self._known:
            return True
        siblings = await self.folder(folder.rpartition("/")[0])
        return any(one.is_directory and one.path.lower() == folder.lower() for one in siblings)


def drifted(paths: Iterable[str], local: Mapping[str, LocalFile], base: Manifest, seen: Seen) -> list[str]:
    """Return files that we sent and that somebody changed on the share since.

    A file that is there just as it is here was sent by a run that was killed before it could note it.
    """
    found = []
    for path in paths:
        sent, entry = base.files.get(path), seen.at(path)
        if sent is None or entry is None or not sent.sha256 or entry.etag == sent.etag:
            continue
        if not looks_sent(entry, local.get(path)):
            found.append(path)
    return found


def foreign(plan: Plan, base: Manifest, seen: Seen) -> list[LocalFile]:
    """Return files to send whose names are taken by files that we did not send, under whatever spelling."""
    return [
        file
        for file in plan.send
        if file.path.lower() not in base.names
        and (entry := seen.at(file.path)) is not None
        and not entry.is_directory
        and not looks_sent(entry, file)
    ]


def looks_sent(entry: ShareEntry, file: LocalFile | None) -> bool:
    """Return True if the share's file has the size and the time of the local one, as only a sync gives it."""
    if file is None or entry.is_directory or entry.size != file.size:
        return False
    return nanoseconds(entry.last_write) == nanoseconds(moment(file.mtime_ns))


def refuse_blocked(root: Path, plan: Plan, base: Manifest, seen: Seen) -> None:
    """Refuse to send where the share has a folder of a file's name, or a file of a folder's.

    Raises:
        InvalidProject: names each; nothing was sent.
    """
    stay, gone = base.without(plan.delete), {path.lower() for path in plan.delete}
    found = {path for path, entry in seen.entries.items() if not entry.is_directory and path not in gone}
    emptied = {folder.lower() for folder in folders_of(plan.delete)}
    files, folders = stay.names | found, stay.folders | (seen.folders() - emptied)
    wanted = folders_of(file.path for file in plan.send)
    problems = [_blocked(root, file.path, "folder") for file in plan.send if file.path.lower() in folders]
    problems += [_blocked(root, folder, "file") for folder in wanted if folder.lower() in files]
    if problems:
        raise InvalidProject("The share has files and folders of the same names; nothing was sent.", problems)


def _blocked(root: Path, path: str, kind: str) -> Problem:
    return Problem(root / path, f"On the share a {kind} has this name. Rename one of them.", code="sync")


def misspelled(paths: Iterable[str], seen: Seen) -> list[str]:
    """Return those of these files and folders whose names on the share differ in case."""
    return [
        path
        for path in paths
        if (entry := seen.at(path)) and entry.path.rpartition("/")[2] != path.rpartition("/")[2]
    ]


async def corrupt(share: Share, sent: Mapping[str, Sent], seen: Seen) -> list[str]:
    """Return files whose content on the share is not what we sent, although nothing else shows that; reads them all."""
    found: list[str] = []

    async def compare(path: str) -> None:
        entry, row = seen.at(path), sent[path]
        if entry is not None and entry.etag == row.etag and row.sha256 != await _hash_on(share, entry):
            found.append(path)

    await each(sent, compare, at_once=8)
    return sorted(found)


async def _hash_on(share: Share, entry: ShareEntry) -> str:
    digest = hashlib.sha256()
    for offset in range(0, entry.size, _RANGE):
        content = await share.read_range(entry.path, offset, min(_RANGE, entry.size - offset))
        await asyncio.to_thread(digest.update, content or b"")
    return digest.hexdigest()


async def same_content(
    root: Path, share: Share, files: Sequence[LocalFile], seen: Seen
) -> dict[str, ShareEntry]:
    """Return those of these files that the share holds with the same MD5: they need not be sent, nor asked about."""
    same: dict[str, ShareEntry] = {}

    async def compare(file: LocalFile) -> None:
        entry = seen.at(file.path)
        if entry is None or entry.is_directory or entry.size != file.size:
            return
        found = await share.entry(file.path)
        if found and found.md5 and await asyncio.to_thread(_md5_of, root / file.path) == found.md5:
            same[file.path] = found

    await each(files, compare, at_once=32)
    return same


def _md5_of(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()
