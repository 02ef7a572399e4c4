"""File contents on disk: new files appear whole, ranges are written in place."""

import os
from collections.abc import AsyncIterator

from aca_local.files.clock import NS_PER_TICK
from aca_local.files.errors import FilesError

PIECE = 256 * 1024


def make_file(staged: str, data: bytes | None, size: int, written: int) -> os.stat_result:
    """Make the file `staged`: `size` bytes that begin with `data`, last written at the tick `written`.

    `data` None: the file is there already and holds the beginning. Returns its stat.
    """
    handle = os.open(staged, os.O_WRONLY if data is None else os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    try:
        if data:
            write_all(handle, data)
        if data is None or len(data) != size:
            os.ftruncate(handle, size)
        set_mtime(handle if os.utime in os.supports_fd else staged, written)
        return os.fstat(handle)
    finally:
        os.close(handle)


def move_into_share(staged: str, path: str) -> None:
    """Move a finished file into the share; the old content, or the new, is there at any moment."""
    try:
        os.replace(staged, path)
    except FileNotFoundError:
        raise FilesError("ParentNotFound") from None
    except OSError as problem:
        raise FilesError("InvalidResourceName") from problem


def make_folder(path: str) -> None:
    """Make a folder; raises ResourceAlreadyExists, ParentNotFound."""
    try:
        os.mkdir(path)
    except FileExistsError:
        raise FilesError("ResourceAlreadyExists") from None
    except FileNotFoundError:
        raise FilesError("ParentNotFound") from None
    except OSError as problem:
        raise FilesError("InvalidResourceName") from problem


def remove_quietly(path: str) -> None:
    """Remove a file that may be gone."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def write_all(handle: int, data: bytes) -> None:
    """Write all of `data` at the handle's position."""
    done = os.write(handle, data)
    while done < len(data):
        done += os.write(handle, memoryview(data)[done:])


def write_at(path: str, start: int, data: bytes) -> None:
    """Write bytes into an existing file, in place."""
    handle = os.open(path, os.O_WRONLY)
    try:
        os.lseek(handle, start, os.SEEK_SET)
        write_all(handle, data)
    finally:
        os.close(handle)


def set_mtime(path: str | int, ticks: int) -> None:
    """Set the modification time of a file, named by its path or an open handle."""
    os.utime(path, ns=(ticks * NS_PER_TICK, ticks * NS_PER_TICK))


async def read_pieces(path: str, start: int, length: int) -> AsyncIterator[bytes]:
    """Yield `length` bytes of a file from `start` in pieces."""
    with open(path, "rb", buffering=0) as source:
        source.seek(start)
        while length > 0 and (data := source.read(min(PIECE, length))):
            length -= len(data)
            yield data


def copy_bytes(source: str, source_start: int, target: str, target_start: int, length: int) -> None:
    """Copy bytes from one file into another, in place."""
    with open(source, "rb") as read, open(target, "r+b") as write:
        read.seek(source_start)
        write.seek(target_start)
        while length > 0 and (data := read.read(min(PIECE, length))):
            length -= len(data)
            write.write(data)


def zero_bytes(path: str, start: int, length: int) -> None:
    """Overwrite bytes of a file with zeros, in place."""
    with open(path, "r+b") as target:
        target.seek(start)
        while length > 0:
            step = min(PIECE, length)
            target.write(bytes(step))
            length -= step
