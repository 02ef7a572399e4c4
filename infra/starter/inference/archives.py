"""Folders on the container's disk that are kept on the share, each as one archive. Only the standard library is used."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import subprocess
import tarfile
import time
import uuid
import zlib
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAMAGED = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)
PIECE = 1 << 20
ABANDONED_SECONDS = 900
"""A replica that has been writing for longer was killed."""
UNUSED_SECONDS = 3600
"""An archive that was unpacked since may be wanted by a replica of another revision."""


class Kept:
    """A folder on this container's disk, and the archive on the share that it is kept in."""

    def __init__(self, folder: Path, archive: Path, log: Callable[[str], None]) -> None:
        self.folder = folder
        self.archive = archive
        self._log = log

    def unpack(self) -> bool:
        """Unpack the archive; return False without one. A damaged one is deleted, and made again later."""
        part = beside(self.folder)
        try:
            with contextlib.suppress(PermissionError):
                os.utime(self.archive)  # in use: see _delete_unused
            _extract(self.archive, part)
        except FileNotFoundError:
            return False
        except DAMAGED as error:
            self._log(f"{self.archive.name} is damaged ({error}) and is made again.")
            self.archive.unlink(missing_ok=True)
            shutil.rmtree(part, ignore_errors=True)
            return False
        rename(part, self.folder)
        return True

    def pack(self, folder: Path, holds: Callable[[Path], bool]) -> None:
        """Write the archive of a folder's files that it holds, under another name until it is whole.

        One replica does it at a time.
        """
        self.archive.parent.mkdir(parents=True, exist_ok=True)
        lock = self.archive.with_suffix(".lock")
        if not _acquire(lock):
            return
        part = self.archive.with_name(f"{self.archive.name}.{uuid.uuid4().hex}.part")
        try:
            _write(part, folder, holds)
            part.replace(self.archive)
            _delete_unused(self.archive)
        finally:
            part.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)


def _write(part: Path, folder: Path, holds: Callable[[Path], bool]) -> None:
    with tarfile.open(part, "w:gz", compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            with contextlib.suppress(FileNotFoundError):  # the app writes compiled files, which it renames
                if not path.is_dir() and holds(path):
                    archive.add(path, str(path.relative_to(folder)))


def _extract(archive: Path, folder: Path) -> None:
    """Unpack with tar, where the image has it, beside Python's zlib: each is faster than the other's half."""
    folder.mkdir(parents=True)
    tar = shutil.which("tar")
    with gzip.open(archive) as content:
        if tar is None:
            with tarfile.open(fileobj=content, mode="r|") as members:
                members.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 has none
                members.extractall(folder)  # noqa: S202 - made by this program, on its owner's share
        else:
            _pipe(content, [tar, "-x", "-o", "-f", "-", "-C", str(folder)])
        while content.read(PIECE):  # up to its end, where its checksum stands
            pass


def _pipe(content: gzip.GzipFile, command: list[str]) -> None:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with contextlib.suppress(BrokenPipeError):  # what it says on its end tells more
            shutil.copyfileobj(content, cast("IO[bytes]", process.stdin), PIECE)
        words = process.communicate()[1].decode(errors="replace")
    if process.returncode:
        raise tarfile.ReadError(words.strip().partition("\n")[0])


def _delete_unused(archive: Path) -> None:
    """Delete older archives of the kind: other versions, which no replica has unpacked for an hour."""
    for other in archive.parent.glob(f"{archive.name.partition('-')[0]}-*.tar.gz"):
        with contextlib.suppress(OSError):  # another replica deletes it, too
            if other != archive and time.time() - other.stat().st_mtime > UNUSED_SECONDS:
                other.unlink()


def beside(folder: Path) -> Path:
    """Return another name for a folder, until it is whole."""
    return folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.part")


def rename(part: Path, folder: Path) -> None:
    """Give a whole folder its name; of two that were made at once one wins."""
    try:
        part.rename(folder)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        if not folder.is_dir():
            raise


def _acquire(lock: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        if time.time() - lock.stat().st_mtime > ABANDONED_SECONDS:
            lock.unlink(missing_ok=True)
            for part in lock.parent.glob(f"{lock.stem}.*.part"):
                part.unlink(missing_ok=True)
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True
