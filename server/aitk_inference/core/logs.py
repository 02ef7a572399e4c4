"""Logs as flows read them: lines that are shown as they come, and those that are kept of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from aitk_inference.core.model import ContainerApp, LogLine

ShowLine: TypeAlias = "Callable[[LogLine], None]"
"""Shows a line; never waits, never fails."""

CONSOLE, SYSTEM, NOTICE = "console", "system", "notice"


class PastQuery(NamedTuple):
    """Which lines of an app's past.

    Attributes:
        source: ``console`` or ``system``.
        since: How far back.
        most: At most so many, the latest.
    """

    source: str
    since: timedelta
    most: int = 1000


class PastLogs(Protocol):
    """What is kept of an app's logs beyond its running replicas."""

    async def lines(self, app: ContainerApp, query: PastQuery) -> Sequence[LogLine]:
        """Return lines, the oldest first; some minutes may pass before a line is kept.

        Raises:
            NotFound: nothing is kept of this app.
            NotAuthenticated, Forbidden, Unreachable.
        """
        ...
