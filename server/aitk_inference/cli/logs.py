"""The log file: kept small, without secrets, never on the screen."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from aitk_inference.core.redaction import RedactingFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BYTES, _OLD_FILES = 2_000_000, 3
_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"
_LOUD = ("azure", "urllib3", "httpx", "httpcore", "aiohttp", "asyncio", "msal")
"""Libraries whose every request would otherwise be logged at info."""


@contextmanager
def logging_to(path: Path, level: str) -> Iterator[None]:
    """Log to a rotating file of the user's own (0600); without one where it can't be written."""
    root = logging.getLogger()
    handler = _handler(path)
    handler.setFormatter(RedactingFormatter(_FORMAT))
    before = root.level
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        with suppress(OSError):  # what could not be written before can't be now
            handler.close()


class _LogFile(RotatingFileHandler):
    """A log file that is given up in silence where the disk is full: the work goes on without it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class' name
        """Say nothing: a traceback on the screen would not make room."""


def _handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists() and not path.is_file():  # to open a pipe would wait for its reader
            return logging.NullHandler()
        handler = _LogFile(path, maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8", errors="replace")
    except OSError:
        return logging.NullHandler()
    with suppress(OSError):
        path.chmod(0o600)
    return handler
