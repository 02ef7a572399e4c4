"""Logs that can be read from their end and followed: the last lines in memory, all recent ones in a file."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Generic, TypeVar

from aca_local.state.own_files import OwnFile, OwnFileError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

Entry = TypeVar("Entry")
KEPT = 50_000
"""Entries in memory. Azure's streams give at most the last 300, but a program may write thousands of lines at once."""
log = logging.getLogger(__name__)
FILE_LIMIT = 4 * 1024 * 1024  # bytes; one older file is kept beside


class RotatingFile:
    """A file of lines that never grows beyond a limit: the older half moves to ``<name>.1``."""

    def __init__(self, path: Path, limit: int = FILE_LIMIT) -> None:
        self._path, self._limit = path, limit
        self._file = self._open()

    def write(self, line: str) -> None:
        """Add one line (its end included here); on a full disk it is lost, the program goes on."""
        if self._file and self._file.tell() > self._limit:
            self._file.close()
            with suppress(PermissionError):  # Windows, while it is being read: tried again with the next line
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._open()
        if self._file:
            with suppress(OSError):
                self._file.write(line.encode("utf-8", "replace") + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _open(self) -> IO[bytes] | None:
        """Return the file; None where there can't be one: then memory alone keeps the last lines."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            OwnFile(self._path).check_kind()
            return self._path.open(
                "ab", buffering=0
            )  # what can't be written now isn't tried again at the end
        except (OSError, OwnFileError) as problem:
            log.warning("a log is not kept: %s", problem)
            return None


class Journal(Generic[Entry]):
    """A bounded log: appended by one, read and followed by many; a slow reader misses old entries."""

    def __init__(self, file: RotatingFile | None = None, text: Callable[[Entry], str] = str) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0
        self._changed = asyncio.Event()
        self._closed = False
        self._file, self._text = file, text

    def append(self, entry: Entry) -> None:
        """Add an entry and wake those who follow."""
        self._entries.append(entry)
        self._count += 1
        if self._file and not self._closed:
            self._file.write(self._text(entry))
        self._wake()

    def close(self) -> None:
        """End the log: those who follow read to its end and stop."""
        if self._file and not self._closed:
            self._file.close()
        self._closed = True
        self._wake()

    async def read(self, *, tail: int, follow: bool) -> AsyncIterator[Entry]:
        """Give the last ``tail`` entries, then, when following, what comes."""
        position = self._count - min(max(tail, 0), len(self._entries))
        while True:
            changed = self._changed
            while position < self._count:
                position = max(position, self._count - len(self._entries))
                entry = self._entries[len(self._entries) - (self._count - position)]
                position += 1
                yield entry
            if self._closed or not follow:
                return
            if changed is self._changed:
                await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
