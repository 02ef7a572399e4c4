"""Loads what the first command will need while the person has not run it yet: else it waits half a second for imports.

It happens after ``initialized``, in a thread, so that the editor is answered meanwhile. Where two threads load modules
that need each other, as some of Azure's SDKs do, one of them can meet a module that is half there: so a command waits
for the one module that is being loaded, and the others wait for the command to end.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class WarmUp:
    """Loads modules, one after the other, whenever nothing is held.

    Args:
        modules: Their names, those first that are needed first.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._task: asyncio.Task[None] | None = None
        self._one = asyncio.Lock()
        self._free = asyncio.Event()
        self._free.set()
        self._holders = 0

    def begin(self) -> None:
        """Begin; it never waits."""
        self._task = self._task or asyncio.ensure_future(self._run())

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Load nothing more while the block runs, which begins when no module is half loaded."""
        self._holders += 1
        self._free.clear()
        try:
            async with self._one:
                pass
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._free.set()

    async def stop(self) -> None:
        """Load no more modules."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        for name in self._modules:
            await self._free.wait()
            async with self._one:
                await asyncio.to_thread(_load, name)


def _load(name: str) -> None:
    try:
        import_module(name)
    except Exception:
        logging.getLogger("aitk_inference").debug("%s can't be loaded yet", name, exc_info=True)
