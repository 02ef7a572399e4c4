"""Blocking work that a program's end need not wait for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T], name: str) -> T:
    """Return what blocking work gives; unlike the executor's threads, its own does not hold up the program's end.

    A cancelled run leaves the thread behind without harm.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def finish(end: Callable[[], None]) -> None:
        if not result.done():
            end()

    def run() -> None:
        try:
            end = partial(result.set_result, work())
        except Exception as error:
            end = partial(result.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits for the answer any more
            loop.call_soon_threadsafe(finish, end)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await result
