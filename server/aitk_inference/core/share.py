"""A file share as a sync sees it: its entries, and the port that reads and writes them.

It stands apart from the other ports, for a sync of files starts without the nouns of those (``model.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from aitk_inference.core.errors import AppError


class ShareEntry(NamedTuple):
    """A file or folder on a share.

    Attributes:
        path: Relative to the share, ``/`` between parts, no leading slash.
        is_directory: True for a folder.
        size: Bytes; 0 for a folder.
        etag: The service's ETag, quotes included; it changes with every write.
        last_write: SMB last write time, UTC: the client's own file time where it was kept.
        md5: Base64; only where somebody noted it, and never in a list.
    """

    path: str
    is_directory: bool
    size: int = 0
    etag: str = ""
    last_write: datetime | None = None
    md5: str = ""


class Directory(NamedTuple):
    """A folder as the service described it in one answer.

    Attributes:
        metadata: What its maker noted.
        instance: Tells this folder from an earlier or later one of the same name; empty where it can't be known.
        modified: When it or its metadata changed last, by the service's clock.
        answered: The service's clock at this answer.
    """

    metadata: Mapping[str, str]
    instance: str = ""
    modified: datetime | None = None
    answered: datetime | None = None


class Share(Protocol):
    """One file share, or a folder of one, opened. Paths are relative to it, ``/`` between parts.

    Requests that can be sent again are, with growing waits, as the service asks; how many are in flight at
    once is the share's to decide: callers start as many as they have memory for.
    """

    @property
    def requests(self) -> int:
        """The number of requests sent so far, repeated ones included."""
        ...

    def before_writes(self, check: Callable[[], Awaitable[None]] | None) -> None:
        """Run a check before each request that changes files, repeated ones included; None ends that.

        What the check raises ends the request. Metadata of folders can be set without it: the check itself may
        do that.
        """
        ...

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        """Return the entries of one folder, one level deep, with ETag and last write time; none when it is missing."""
        ...

    async def entry(self, path: str) -> ShareEntry | None:
        """Return one file as a list would show it, with its MD5 where somebody noted it; None when it is missing."""
        ...

    async def read(self, path: str) -> bytes | None:
        """Return the content of a small file, or None."""
        ...

    async def read_range(self, path: str, offset: int, length: int) -> bytes | None:
        """Return at most so many bytes of a file, or None when it is missing; the range begins inside it."""
        ...

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> Directory | None:
        """Make one folder; None when the name was taken: atomic, so a lock can be built on it.

        Metadata that nobody else would write (a random owner) makes it exact: a folder that is there with
        this very metadata counts as made now, since the first answer may have been lost.
        """
        ...

    async def directory(self, path: str) -> Directory | None:
        """Return one folder, or None when it is missing."""
        ...

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        """Replace a folder's metadata."""
        ...

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of at most 4 MiB, atomically where the service can, keeping its time."""
        ...

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of a size, zeros inside; its ranges follow."""
        ...

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        """Write at most 4 MiB at an offset; the file's last write time stays."""
        ...

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        """Return the parts of a file that were written: first byte and the one after the last, ascending."""
        ...

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        """Copy a file within the share, without its content passing through here; waits for the end."""
        ...

    async def rename(self, source: str, target: str, *, replace: bool) -> ShareEntry:
        """Rename a file; atomic. With ``replace`` the target may exist.

        Returns:
            The file under its new name.
        """
        ...

    async def rename_directory(self, source: str, target: str) -> bool:
        """Rename a folder; False when the source is gone or the target exists: one of several racers wins."""
        ...

    async def delete_file(self, path: str) -> bool:
        """Delete a file; False when it was not there."""
        ...

    async def delete_directory(self, path: str) -> bool:
        """Delete an empty folder; False when it was not there or is not empty."""
        ...


class OpenedShare(NamedTuple):
    """A share, or a folder of one, that a URL names.

    Attributes:
        name: Share and folder, without a signature.
        read_only: Why nothing can be written, where the URL says so by itself.
    """

    share: Share
    name: str
    read_only: AppError | None = None
