"""One writer a share: a folder that only one can make, and that says which run made it.

Making a folder is atomic on Azure Files, and a folder carries metadata. The holder renews it while it works; by
the service's own clock it ends when it was not renewed for two minutes. One that has ended is renamed away, which
only one of several waiting runs can do.

Azure Files has no conditional writes, so a run that stood still (a suspended computer, a slow connection) may
write after another took over. Two things keep that from leaving a mixture: before each write the holder makes
sure that its lock is still there, unless it knows that it can't have ended; and one that finds it gone ends
(``LockLost``), after the manifest was corrected for what it wrote (``engine.py``).
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from aitk_inference.core.errors import AppError, Busy, Conflict
from aitk_inference.core.project_lock import forget_run, has_ended, note_run
from aitk_inference.sync.ignore import LOCK_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from pathlib import Path

    from aitk_inference.core.ports import Clock
    from aitk_inference.core.project_lock import Holder
    from aitk_inference.core.share import Directory, Share

LIFETIME = timedelta(seconds=120)
"""How long a lock is respected that its holder does not renew."""
_SLACK = timedelta(seconds=2)
"""The service's times are whole seconds."""
_RENEW_SECONDS = 30.0
_FRESH_SECONDS = 60.0
"""So long after it was seen a lock needs no look before a write: the write is through before it can end."""
_SAFE_SECONDS = 110.0
"""So long after it was seen a lock can't have ended: a write that was answered by then was made under it."""
_LAST_SECONDS = 10.0
"""What giving a lock back may take: somebody waits for the end."""
_TRIES = 3


class LockLost(Conflict):
    """The lock ran out, and the share may be another run's now."""

    def __init__(self) -> None:
        super().__init__(
            "Another run took over the file share while this one stood still.",
            suggestion="Run it again to send what this folder has.",
        )


class Claim(NamedTuple):
    """Who wants to write.

    Attributes:
        holder: This project on this computer.
        project: The project's id, the same for all clones.
        earlier: Ids that the project had before.
        state: The user's folder, where runs are noted to know whether one has ended.
        share: Names the share.
    """

    holder: Holder
    project: str
    earlier: Collection[str]
    state: Path
    share: str = ""


class ShareLock:
    """The lock, while we hold it.

    Attributes:
        token: Names this run.
        keep: Leave the lock on the share: it says to the next run that this one did not end well.
        took_over: It was taken from a run of this project that was killed.
    """

    def __init__(self, share: Share, claim: Claim, clock: Clock, token: str) -> None:
        self._share = share
        self._claim = claim
        self._clock = clock
        self._instance = ""
        self._seen = self._times()
        self._looking = asyncio.Lock()
        self._failed: AppError | None = None
        self.token = token
        self.keep = False
        self.took_over = False

    async def acquire(self) -> None:
        """Make the lock.

        Raises:
            Busy: another run holds it; says who and until when.
        """
        found: Directory | None = None
        for _ in range(_TRIES):
            self._seen = self._times()
            made = await self._make()
            if made is not None:
                self._instance = made.instance
                return
            found = await self._share.directory(LOCK_NAME)
            if found is None:
                continue
            if not is_over(found, self._claim):
                break
            await self._remove(found.metadata.get("token", ""))
            self.took_over = found.metadata.get("project") in (self._claim.project, *self._claim.earlier)
        raise _busy(found, self._clock)

    async def _make(self) -> Directory | None:
        """Make the lock's folder; None when there is one.

        Raises:
            Conflict: somebody put a file in its place.
        """
        try:
            return await self._share.make_directory(LOCK_NAME, self._note())
        except Conflict as error:
            if await self._share.entry(LOCK_NAME) is None:
                raise
            raise Conflict(
                f"A file named {LOCK_NAME} lies on the share, where a sync makes the folder that is its lock.",
                suggestion="Delete that file on the share, then run it again.",
            ) from error

    async def check(self) -> None:
        """Make sure that the lock is ours, unless it was seen so shortly ago that it must be.

        Raises:
            LockLost: it is not.
        """
        if self._failed is not None:
            raise LockLost from self._failed
        if self._age() < _FRESH_SECONDS:
            return
        async with self._looking:
            if self._age() >= _FRESH_SECONDS:
                await self._renew()

    async def confirm(self) -> None:
        """Make sure that the lock was ours until the last write was answered.

        Raises:
            LockLost: it may not have been.
        """
        if self._age() >= _SAFE_SECONDS:
            await self._compare()

    async def keep_alive(self) -> None:
        """Renew the lock until that fails; then nothing more is written."""
        try:
            while True:
                await asyncio.sleep(_RENEW_SECONDS)
                async with self._looking:
                    await self._renew()
        except AppError as error:
            self._failed = error

    async def release(self) -> None:
        """Give the lock back; one that may have ended is looked at first: it can be another's."""
        if self.keep:
            return
        with suppress(AppError, TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self.confirm()
                await self._share.delete_directory(LOCK_NAME)
                forget_run(self.token, self._claim.state)

    async def _renew(self) -> None:
        began = self._times()
        await self._compare()
        await self._share.set_directory_metadata(LOCK_NAME, self._note())
        if self._age() >= _SAFE_SECONDS:
            await self._compare()  # it may have become another's between the two
        self._seen = began

    async def _compare(self) -> None:
        """Look whether the lock is the one that we made: the folder itself, for another's renewal may replace its token.

        Raises:
            LockLost: it is not.
        """
        found = await self._share.directory(LOCK_NAME)
        is_ours = found is not None and found.instance == self._instance
        if found is not None and not found.instance:
            is_ours = found.metadata.get("token") == self.token
        if not is_ours:
            self.keep = True  # what is there is another's
            forget_run(self.token, self._claim.state)
            raise LockLost

    async def _remove(self, ended: str) -> None:
        """Rename a lock that has ended away and delete it; one that became another's meanwhile is put back."""
        aside = f"{LOCK_NAME}-{self.token}"
        if not await self._share.rename_directory(LOCK_NAME, aside):
            return
        found = await self._share.directory(aside)
        if (
            found is not None
            and found.metadata.get("token", "") != ended
            and await self._share.rename_directory(aside, LOCK_NAME)
        ):
            return
        await self._share.delete_directory(aside)
        if ended.isalnum():
            forget_run(ended, self._claim.state)

    def _note(self) -> dict[str, str]:
        """Return what the lock says; ``until`` is for older versions, which go by their own clocks."""
        until = (self._clock.now() + LIFETIME).isoformat(timespec="seconds")
        holder = f"{quote(self._claim.holder.host)}/{self._claim.holder.key}"
        seconds = str(int(LIFETIME.total_seconds()))
        return {
            "holder": holder,
            "project": self._claim.project,
            "token": self.token,
            "until": until,
            "lifetime": seconds,
        }

    def _times(self) -> tuple[float, datetime]:
        """Return now by both clocks: the one stands still in a suspended computer, the other can be set."""
        return self._clock.monotonic(), self._clock.now()

    def _age(self) -> float:
        seconds, moment = self._times()
        return max(seconds - self._seen[0], (moment - self._seen[1]).total_seconds())


@asynccontextmanager
async def hold_share(share: Share, claim: Claim, clock: Clock) -> AsyncIterator[ShareLock]:
    """Hold the share's lock while the block runs; each write in it makes sure that it is held.

    Raises:
        Busy: another run holds it; says who and until when.
        LockLost: it became another's.
    """
    lock = ShareLock(share, claim, clock, secrets.token_hex(8))
    note_run(lock.token, claim.holder, claim.state, share=claim.share)
    try:
        await lock.acquire()
    except AppError:
        forget_run(lock.token, claim.state)
        raise
    renewing = asyncio.create_task(lock.keep_alive())
    share.before_writes(lock.check)
    try:
        yield lock
    finally:
        share.before_writes(None)
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await lock.release()


async def was_killed_here(share: Share, claim: Claim) -> bool:
    """Return True if a run of this project ended while it wrote: its lock is still there, and nobody's."""
    found = await share.directory(LOCK_NAME)
    if found is None or found.metadata.get("project") not in (claim.project, *claim.earlier):
        return False
    return is_over(found, claim)


def is_over(found: Directory, claim: Claim) -> bool:
    """Return True if a lock has ended: its run is known to be gone, or it was not renewed, by the service's clock."""
    note = found.metadata
    if has_ended(note.get("token", ""), claim.holder, claim.state):
        return True
    left = _time_left(found)
    return left is None or left < timedelta(0)


def _time_left(found: Directory) -> timedelta | None:
    """Return how long a lock is respected yet; None for one that says nothing.

    An older version says only until when by its own clock, and renews as often.
    """
    answered = found.answered or datetime.now(UTC)
    ends = [found.modified + LIFETIME + _SLACK] if found.modified else []
    until = _moment(found.metadata)
    if until is not None and ("lifetime" not in found.metadata or not ends):
        ends.append(until)
    return min(ends) - answered if ends else None


def _moment(note: Mapping[str, str]) -> datetime | None:
    try:
        until = datetime.fromisoformat(note.get("until", ""))
    except ValueError:
        return None
    return until if until.tzinfo else until.replace(tzinfo=UTC)


def _busy(found: Directory | None, clock: Clock) -> Busy:
    host = unquote(found.metadata.get("holder", "")).rpartition("/")[0] if found else ""
    left = _time_left(found) if found else None
    until = (clock.now() + left).astimezone().strftime("%H:%M:%S") if left else "soon"
    return Busy(
        f"{host or 'Another computer'} is writing to this file share.",
        suggestion=f"Wait for it to end, or until {until} if it has crashed, and run it again.",
    )
