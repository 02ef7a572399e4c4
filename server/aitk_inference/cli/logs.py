"""The log file: kept small, without secrets, never on the screen."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from aitk_inference.core.redaction import RedactingFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from contextlib import contextmanager, suppress

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
        handler.close()


def _handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8")
    except OSError:
        return logging.NullHandler()
    with suppress(OSError):
        path.chmod(0o600)
    return handler
