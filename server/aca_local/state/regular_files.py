"""Files read without trust: a name may stand for a pipe, a device, a folder or a disk image.

To open a pipe waits for its other end, and a device may have no end. So the kind is looked at first, the file
is opened without waiting, and no more is read than is asked for.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest text that a person can have written: a compiled template has at most 4 MB."""

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def read_regular(path: Path, largest: int = LARGEST) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it can't be read, is no regular file, or has more than ``largest`` bytes: ``strerror`` says.
    """
    check_regular(path)
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        found = file.read(largest + 1)
    if len(found) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest // 1024**2} MB", str(path))
    return found


def check_regular(path: Path) -> None:
    """Raise OSError where a name stands for something that is no regular file, or for nothing."""
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file", str(path))
