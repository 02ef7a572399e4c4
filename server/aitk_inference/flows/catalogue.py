"""Every flow that a front end offers, under one roof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.flows import scaffold
from aitk_inference.flows.deploy import deploy
from aitk_inference.flows.provision import provision
from aitk_inference.flows.status import status

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.flows.requests import Outcome

__all__ = ["deploy", "new_project", "provision", "status"]


async def new_project(target: Path, *, ui: UserInterface) -> Outcome:
    """Make a starter project from the files of this installation: see ``flows/scaffold.py``."""
    return await scaffold.new_project(target, infra=scaffold.packaged_infra(), ui=ui)
