"""Python's log as lines of the editor's output panel."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aitk_inference.core.user_interface import Level

if TYPE_CHECKING:
    import asyncio

    from aitk_inference.lsp.editor import Editor

_STEPS = "aitk_inference.core.progress"
"""Logs what the user interface shows by itself."""


class _EditorHandler(logging.Handler):
    """Sends records to the output panel, from whatever thread; tracebacks only at debug level."""

    def __init__(self, editor: Editor, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._editor = editor
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        if not self._loop.is_closed():
            self._send(_level(record.levelno), record.getMessage())
            if record.exc_info:
                self._send(Level.DEBUG, logging.Formatter().formatException(record.exc_info))

    def _send(self, level: Level, text: str) -> None:
        self._loop.call_soon_threadsafe(self._editor.log, level, text)


def to_editor(editor: Editor, loop: asyncio.AbstractEventLoop) -> None:
    """Send our own log whole, and the warnings of everything else."""
    handler = _EditorHandler(editor, loop)
    handler.addFilter(lambda record: record.name != _STEPS)
    logging.getLogger().addHandler(handler)
    logging.getLogger("aitk_inference").setLevel(logging.DEBUG)


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARNING
    return Level.INFO if number >= logging.INFO else Level.DEBUG
