"""Any folder to any share, with Deploy's engine: no project, no app, no Resource Manager."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Cancelled, InvalidProject, Problem
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import hold, holder_of
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.sync.engine import Job, sync
from aitk_inference.sync.ignore import ANYWHERE
from aitk_inference.sync.report import dry_run_words, sync_data

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.core.ports import Clock, OpenShare
    from aitk_inference.core.project_lock import Holder
    from aitk_inference.core.share import OpenedShare
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.sync_request import SyncRequest


async def sync_folder(
    request: SyncRequest, *, ui: UserInterface, open_share: OpenShare, clock: Clock
) -> Outcome:
    """Bring a share, or a folder of it, to what a folder has.

    Raises:
        InvalidProject: there is no such folder, or it holds what can't be sent; nothing was sent.
        NotFound: the share is not there.
        Cancelled: the task was cancelled; the next run sends the rest.
        Forbidden: the signature lacks permissions; nothing was sent.
        Busy, NotAuthenticated, Conflict, Unreachable, InputRequired, Dismissed.
    """
    folder = _existing(request.folder)
    lock = nullcontext() if request.dry_run else hold(folder, "sync", state_folder())
    try:
        with lock as holder:
            async with open_share(request.url) as opened:
                if opened.read_only and not request.dry_run:
                    raise opened.read_only
                job = _job(request, folder, opened, holder or holder_of(folder))
                synced = await sync(job, opened.share, clock, Reporter(ui))
    except asyncio.CancelledError:
        raise Cancelled(
            "The sync was cancelled: files may be half sent.", suggestion="Run it again to send the rest."
        ) from None
    words = dry_run_words(synced, "The sync") if request.dry_run else f"{synced}."
    return Outcome(words, data=sync_data(synced))


def _existing(folder: Path) -> Path:
    found = folder.expanduser().resolve()
    if not found.is_dir():
        message = f"There is no folder {found}."
        raise InvalidProject(message, [Problem(found, message, code="missing")])
    return found


def _job(request: SyncRequest, folder: Path, opened: OpenedShare, holder: Holder) -> Job:
    return Job(
        folder,
        opened.name,
        holder,
        state_folder(),
        defaults=ANYWHERE,
        assume_yes=request.assume_yes,
        dry_run=request.dry_run,
        verify=request.verify,
    )
