"""The key that page and API want: a secret in a mounted file, read anew when the file changes."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NO_KEY_FITS = b""
_PURPOSE = b"inference browser session"


class KeyFile:
    """The file. One that is absent from the start leaves the app open; one that vanishes, is empty or can't
    be read closes it: a mishap must not open what was protected.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._key: bytes | None = None

    def read(self) -> bytes | None:
        """Return the key; None: everybody may come in; empty: nobody."""
        if self._path is None:
            return None
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._key = self._path.read_bytes().strip()
                self._stamp = stamp
        except (FileNotFoundError, NotADirectoryError):
            return None if self._key is None else NO_KEY_FITS
        except OSError:
            return NO_KEY_FITS
        return self._key


def is_key(key: bytes, given: bytes) -> bool:
    """Return True if the given text is the key; takes as long for any other."""
    return key != NO_KEY_FITS and hmac.compare_digest(_digest(key), _digest(given))


def session_of(key: bytes) -> str:
    """Return what a browser's cookie holds: derived from the key, which can't be got back from it."""
    return hmac.new(key, _PURPOSE, hashlib.sha256).hexdigest()


def is_session(key: bytes, given: str) -> bool:
    """Return True if a cookie was made from this key."""
    return key != NO_KEY_FITS and hmac.compare_digest(session_of(key).encode(), given.encode())


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
