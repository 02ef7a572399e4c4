"""The verb ``sync``, apart from the others: it runs without loading the flows of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.clock import SystemClock
from aitk_inference.flows.deploy.sync_folder import sync_folder
from aitk_inference.flows.sync_request import SyncRequest

if TYPE_CHECKING:
    import argparse

    from aitk_inference.core.ports import OpenShare
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.outcome import Outcome


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
