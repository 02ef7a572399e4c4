"""Files of a person, read without trust: a name may stand for a pipe, a device, a folder or a disk image.

To open a pipe waits for its other end, and a device may have no end. So the kind is looked at first, the file
is opened without waiting, and no more is read than a file of that kind can have.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest text that a project can have: a compiled template is a hundredth of it."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_FILE = "It is not a file but a pipe, a socket or a device"


def read_bytes(path: Path, *, largest: int = LARGEST) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it can't be read, is no regular file, or has more than ``largest`` bytes: ``strerror`` says.
    """
    content = read_begin(path, largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"It is larger than {largest // 1024**2} MB", str(path))
    return content


def read_begin(path: Path, count: int) -> bytes:
    """Return at most ``count`` bytes from the begin of a regular file.

    Raises:
        OSError: it can't be read, or is no regular file.
    """
    check_kind(path.stat(), path)
    descriptor = os.open(path, _FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        check_kind(os.fstat(descriptor), path)  # what the name stood for a moment ago may be gone
        return file.read(count)


def read_text(path: Path) -> str:
    """Return the text of a regular UTF-8 file, without a byte order mark.

    Raises:
        OSError: as ``read_bytes`` does.
        UnicodeDecodeError: it is not UTF-8.
    """
    return read_bytes(path).decode("utf-8-sig")


def open_regular(path: str | Path) -> FileIO:
    """Open a regular file to read what it holds: no link to another, and no pipe that waits for a writer.

    Raises:
        OSError: it can't be read, or something else took its place: ``strerror`` says.
    """
    return open(path, "rb", buffering=0, opener=_descriptor)


def refuse_special(mode: int, path: str | Path) -> None:
    """Refuse pipes, sockets and devices; folders and links say by themselves that they can't be read.

    Raises:
        OSError: it is one.
    """
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise OSError(errno.EINVAL, _NO_FILE, str(path))


def _descriptor(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    try:
        refuse_special(os.fstat(descriptor).st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def check_kind(status: os.stat_result, path: Path) -> None:
    """Raise OSError for what is no regular file."""
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "It is a folder, not a file", str(path))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, _NO_FILE, str(path))
