"""Many pieces of work at once, with bounds: on their number, and on the bytes that they hold."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
    from typing import TypeVar

    T = TypeVar("T")


async def each(items: Iterable[T], work: Callable[[T], Awaitable[object]], *, at_once: int) -> None:
    """Do the work for each item, several at a time; the first error ends all.

    Raises:
        The first error, alone: workers share one fate.
    """
    queue = iter(items)

    async def worker(item: T) -> None:
        await work(item)
        for following in queue:
            await work(following)

    try:
        async with asyncio.TaskGroup() as group:
            for _, item in zip(range(at_once), queue, strict=False):
                group.create_task(worker(item))
    except BaseExceptionGroup as errors:
        raise _first(errors) from None


def _first(errors: BaseException) -> BaseException:
    return _first(errors.exceptions[0]) if isinstance(errors, BaseExceptionGroup) else errors


class Budget:
    """Bytes that may be held at once; one that asks for more than there is goes alone.

    Args:
        limit: How many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, count: int) -> AsyncIterator[None]:
        """Hold so many bytes while the block runs."""
        await self.take(count)
        try:
            yield
        finally:
            self.give(count)

    async def take(self, count: int) -> None:
        """Wait until so many bytes are free, first come, first served."""
        if not self._waiting and self._fits(count):
            self._used += count
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((count, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(count)
            raise

    def give(self, count: int) -> None:
        """Give them back."""
        self._used -= count
        while self._waiting and (self._waiting[0][1].done() or self._fits(self._waiting[0][0])):
            wanted, turn = self._waiting.popleft()
            if not turn.done():
                self._used += wanted
                turn.set_result(None)

    def _fits(self, count: int) -> bool:
        return self._used == 0 or self._used + count <= self._limit
