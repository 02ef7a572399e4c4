"""The verb ``sync``, apart from the others: it runs without loading the flows of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.clock import SystemClock
from aitk_inference.flows.requests import Outcome, SyncRequest
from aitk_inference.flows.sync_folder import sync_folder

if TYPE_CHECKING:
    import argparse

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.ports import OpenShare


async def run_sync(arguments: argparse.Namespace, open_share: OpenShare, ui: UserInterface) -> Outcome:
    """Run it."""
    request = SyncRequest(
        arguments.folder,
        arguments.url,
        dry_run=arguments.dry_run,
        verify=arguments.verify,
        assume_yes=arguments.yes,
    )
    return await sync_folder(request, ui=ui, open_share=open_share, clock=SystemClock())
