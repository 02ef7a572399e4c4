"""Output channels of their own, for what streams: in batches, and never faster than the editor shows it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError, describe

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from aitk_inference.lsp.editor import Editor

LOGS = "AI Toolkit Inference Logs"
ANSWERS = "AI Toolkit Inference Answers"
_BATCH = 0.05
"""Seconds in which text is collected."""
_MOST_SENT = 1 << 18
_MOST_WAITING = 1 << 20
"""Characters: what waits beyond them is left out, the oldest first."""


class Channel:
    """One output channel.

    Args:
        editor: Whose.
        name: What a person calls it.
    """

    def __init__(self, editor: Editor, name: str) -> None:
        self._editor, self._name = editor, name
        self._waiting: deque[str] = deque()
        self._size = self._left_out = 0
        self._reveal = False
        self._sending: asyncio.Task[None] | None = None

    def write(self, text: str, *, reveal: bool = False) -> None:
        """Add text; it never waits. ``reveal`` brings the channel to the front."""
        self._waiting.append(text)
        self._size += len(text)
        self._reveal |= reveal
        while self._size > _MOST_WAITING and len(self._waiting) > 1:
            oldest = self._waiting.popleft()
            self._size -= len(oldest)
            self._left_out += 1
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send())

    async def drain(self) -> None:
        """Wait until all is shown."""
        if self._sending is not None:
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        while self._waiting:
            if self._size < _MOST_SENT:  # what fills a message need not wait for more
                await asyncio.sleep(_BATCH)
            reveal, self._reveal = self._reveal, False
            if not await self._editor.append(self._name, self._take(), reveal=reveal):
                self._waiting.clear()  # an editor that shows nothing is not asked again for what waits
                self._size = 0

    def _take(self) -> str:
        left_out, self._left_out = self._left_out, 0
        parts = (
            [f"… {left_out} lines left out: they came faster than they could be shown.\n"] if left_out else []
        )
        taken = 0
        while self._waiting and (taken == 0 or taken + len(self._waiting[0]) <= _MOST_SENT):
            part = self._waiting.popleft()
            taken += len(part)
            parts.append(part)
        self._size -= taken
        return "".join(parts)


class Channels:
    """The channels of one editor, made when they are first written to."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._channels: dict[str, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        """Return the channel of a name."""
        return self._channels.setdefault(name, Channel(self._editor, name))


class Followers:
    """Logs that are followed, one a project, beside whatever else runs on it."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._tasks: dict[Path, asyncio.Task[None]] = {}

    def follows(self, project: Path) -> bool:
        """Return True while the project's logs are followed."""
        return project in self._tasks

    def start(self, project: Path, work: Coroutine[object, object, object]) -> None:
        """Follow until it ends or is stopped; how it ended is said in the channel."""
        task = asyncio.ensure_future(self._run(work))
        self._tasks[project] = task
        task.add_done_callback(lambda _: self._tasks.pop(project, None))

    async def stop(self, project: Path) -> bool:
        """Stop following; False where nothing was followed."""
        task = self._tasks.get(project)
        if task is None:
            return False
        task.cancel()
        await asyncio.wait([task])
        return True

    async def stop_all(self) -> None:
        """Stop following everything: the server ends."""
        for project in list(self._tasks):
            await self.stop(project)

    async def _run(self, work: Coroutine[object, object, object]) -> None:
        channel = self._channels[LOGS]
        try:
            await work
        except asyncio.CancelledError:
            channel.write("— Stopped.\n")
        except AppError as error:
            said = describe(error)
            channel.write(f"— {' '.join(part for part in (said.message, said.suggestion) if part)}\n")
