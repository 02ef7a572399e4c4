"""What the resource providers work with: handed to them, never imported."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from aca_local.kernel.conditions import Conditions
from aca_local.state import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from aca_local.kernel.records import OperationRecord
    from aca_local.kernel.replicas import Ingress, Replicas
    from aca_local.state import Clock, JsonObject, Store, Timing

_LOG = logging.getLogger(__name__)


class ShareFacts(Protocol):
    """The facts of a share that the file service keeps."""

    @property
    def name(self) -> str:
        """Return the share's name."""

    @property
    def quota_gib(self) -> int:
        """Return its size, in GiB."""

    @property
    def access_tier(self) -> str:
        """Return ``TransactionOptimized``, ``Hot``, ``Cool``."""

    @property
    def metadata(self) -> dict[str, str]:
        """Return its metadata."""

    @property
    def etag(self) -> str:
        """Return the quoted entity tag."""

    @property
    def last_modified(self) -> datetime:
        """Return when it last changed, to the second."""


class Shares(Protocol):
    """The file service, as the storage provider needs it."""

    def create_account(self, account: str) -> None:
        """Make room for an account's shares; an existing one stays as it is."""

    def delete_account(self, account: str) -> None:
        """Remove an account with its shares."""

    def set_retention(self, account: str, days: int) -> None:
        """Keep deleted shares of an account for so many days; 0: delete at once."""

    def create_share(
        self, account: str, share: str, *, quota_gib: int, access_tier: str, metadata: Mapping[str, str]
    ) -> ShareFacts:
        """Make a share."""

    def list_shares(self, account: str) -> Sequence[ShareFacts]:
        """List an account's shares."""

    def update_share(
        self, account: str, share: str, *, quota_gib: int, access_tier: str, metadata: Mapping[str, str]
    ) -> ShareFacts:
        """Change a share's settings."""

    def delete_share(self, account: str, share: str) -> None:
        """Remove a share with all that is in it."""

    def has_snapshots(self, account: str, share: str) -> bool:
        """Return True if a share has snapshots."""

    def folder(self, account: str, share: str) -> Path:
        """Return the folder of this computer that a share is."""


@dataclass(frozen=True)
class Settings:
    """Where this Azure lives. URLs end without a slash, except that of ``files_url``, as in Azure."""

    subscription_id: str
    tenant_id: str
    arm_url: str
    files_url: Callable[[str], str]
    timing: Timing = "instant"
    display_name: str = "aca-local"


class Tasks:
    """Work that goes on after an answer was sent; it ends with the server, and is taken up again later."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._named: dict[str, asyncio.Task[None]] = {}

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start work in the background; a failure of it is logged, never lost."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def spawn_once(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Start work unless work of this name is still going on."""
        running = self._named.get(name)
        if running is None or running.done():
            self._named[name] = self.spawn(work())

    def cancel(self, name: str) -> None:
        """End work of this name, if it still goes on."""
        running = self._named.pop(name, None)
        if running is not None:
            running.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            _LOG.error("background work failed", exc_info=failure)

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        pending = tuple(self._running)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


@dataclass(frozen=True)
class Cloud:
    """All parts of this Azure, for handlers and providers.

    ``refusal`` says how a PUT of a template shall fail on demand (status, error), by its path. ``comparisons`` are the
    answers of what-if by the names of their operations: looking changes nothing, so the store holds none of them.
    """

    store: Store
    shares: Shares
    replicas: Replicas
    ingress: Ingress
    settings: Settings
    clock: Clock = utc_now
    refusal: Callable[[str], tuple[int, JsonObject] | None] = lambda path: None
    tasks: Tasks = field(default_factory=Tasks)
    conditions: Conditions = field(default_factory=Conditions)
    comparisons: dict[str, OperationRecord] = field(default_factory=dict)
