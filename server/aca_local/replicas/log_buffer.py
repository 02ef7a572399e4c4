"""Logs that can be read from their end and followed: the last lines in memory, all recent ones in a file."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

Entry = TypeVar("Entry")
KEPT = 50_000
"""Entries in memory. Azure's streams give at most the last 300, but a program may write thousands of lines at once."""
FILE_LIMIT = 4 * 1024 * 1024  # bytes; one older file is kept beside


class RotatingFile:
    """A file of lines that never grows beyond a limit: the older half moves to ``<name>.1``."""

    def __init__(self, path: Path, limit: int = FILE_LIMIT) -> None:
        self._path, self._limit = path, limit
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def write(self, line: str) -> None:
        """Add one line (its end included here)."""
        if self._file.tell() > self._limit:
            self._file.close()
            with suppress(PermissionError):  # Windows, while it is being read: tried again with the next line
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


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
