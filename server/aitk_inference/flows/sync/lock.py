"""One writer a share: a folder that only one can make, with a name and an end.

Making a folder is atomic on Azure Files, and a folder carries metadata: who holds it and until when. The
holder renews it while it works. One whose time has passed, or whose process is known to be gone, is renamed
away, which only one of several waiting runs can do.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import AppError, Busy
from aitk_inference.flows.project_lock import is_gone
from aitk_inference.flows.sync.ignore import LOCK_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from aitk_inference.core.ports import Clock, Share
    from aitk_inference.flows.project_lock import Holder

LIFETIME = timedelta(seconds=120)
_RENEW_SECONDS = 30.0
_TRIES = 3


class Claim(NamedTuple):
    """Who wants to write.

    Attributes:
        holder: This project on this computer.
        project: The project's id, the same for all clones.
        state: Where locks of this computer's runs are, to know whether a holder is gone.
    """

    holder: Holder
    project: str
    state: Path


@asynccontextmanager
async def hold_share(share: Share, claim: Claim, clock: Clock) -> AsyncIterator[None]:
    """Hold the share's lock while the block runs.

    Args:
        share: The share.
        claim: Who we are.
        clock: Tells when a lock has ended.

    Raises:
        Busy: another run holds it; says who and until when.
    """
    token = secrets.token_hex(8)
    await _acquire(share, claim, token, clock)
    acquired = clock.now()
    renewing = asyncio.create_task(_renew(share, claim, token, clock))
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError, AppError):
            await renewing
        with suppress(AppError):
            await _release(share, token, acquired, clock)


async def was_killed_here(share: Share, claim: Claim, clock: Clock) -> bool:
    """Whether a run of this project was killed while it wrote: its lock is still there, and nobody's."""
    note = await share.directory_metadata(LOCK_NAME)
    return note is not None and note.get("project") == claim.project and _is_over(note, claim, clock)


async def _acquire(share: Share, claim: Claim, token: str, clock: Clock) -> None:
    note: Mapping[str, str] | None = None
    for _ in range(_TRIES):
        if await share.make_directory(LOCK_NAME, _note(claim, token, clock)):
            return
        note = await share.directory_metadata(LOCK_NAME)
        if note is None:
            continue
        if not _is_over(note, claim, clock):
            break
        await _remove(share, note.get("token", ""), token)
    raise _busy(note or {})


async def _remove(share: Share, stale: str, token: str) -> None:
    """Rename a stale lock away and delete it; one that became another's meanwhile is put back."""
    aside = f"{LOCK_NAME}-{token}"
    if not await share.rename_directory(LOCK_NAME, aside):
        return
    found = await share.directory_metadata(aside)
    if (
        found is not None
        and found.get("token", "") != stale
        and await share.rename_directory(aside, LOCK_NAME)
    ):
        return
    await share.delete_directory(aside)


async def _renew(share: Share, claim: Claim, token: str, clock: Clock) -> None:
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        with suppress(AppError):
            if not await _is_ours(share, token):
                return
            await share.set_directory_metadata(LOCK_NAME, _note(claim, token, clock))


async def _release(share: Share, token: str, acquired: datetime, clock: Clock) -> None:
    """Give the lock back; one that may have run out meanwhile is looked at first: it can be another's."""
    if clock.now() - acquired < LIFETIME or await _is_ours(share, token):
        await share.delete_directory(LOCK_NAME)


async def _is_ours(share: Share, token: str) -> bool:
    note = await share.directory_metadata(LOCK_NAME)
    return note is not None and note.get("token") == token


def _note(claim: Claim, token: str, clock: Clock) -> dict[str, str]:
    until = (clock.now() + LIFETIME).isoformat(timespec="seconds")
    return {"holder": str(claim.holder), "project": claim.project, "token": token, "until": until}


def _is_over(note: Mapping[str, str], claim: Claim, clock: Clock) -> bool:
    """Our own earlier run (we hold the project now), one that is gone, or one whose time has passed."""
    other = note.get("holder", "")
    return other == str(claim.holder) or is_gone(other, claim.state) or _until(note) < clock.now()


def _until(note: Mapping[str, str]) -> datetime:
    try:
        until = datetime.fromisoformat(note.get("until", ""))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return until if until.tzinfo else until.replace(tzinfo=UTC)


def _busy(note: Mapping[str, str]) -> Busy:
    host = note.get("holder", "").partition("/")[0] or "Another computer"
    until = _until(note).astimezone().strftime("%H:%M:%S") if note.get("until") else "soon"
    return Busy(
        f"{host} is writing to this file share.",
        suggestion=f"Wait for it to end, or until {until} if it has crashed, and run it again.",
    )
