"""What a front end asks of a flow, and what it gets back."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aitk_inference.core.interface import Action
    from aitk_inference.core.model import Json


READY_SECONDS = 25 * 60.0
"""How long a web API is waited for: a large model is loaded from a share."""


class ProvisionRequest(NamedTuple):
    """Answers that are already known; the others are asked.

    Attributes:
        project: The project's folder.
        subscription: A subscription id, or ``local``.
        resource_group: Name of an existing or new resource group.
        location: Region of a new resource group.
        plan_only: Say what would be made, make nothing.
        assume_yes: Ask for no confirmation.
        again: Deploy even when the identical deployment has succeeded before and all its resources exist.
    """

    project: Path
    subscription: str | None = None
    resource_group: str | None = None
    location: str | None = None
    plan_only: bool = False
    assume_yes: bool = False
    again: bool = False


class DeployRequest(NamedTuple):
    """What to deploy and how far to wait.

    Attributes:
        project: The project's folder.
        dry_run: List what would be sent, send nothing.
        verify: Hash every file, and look for changes on the share everywhere.
        wait: Wait until the web API answers.
        assume_yes: Ask for no confirmation (deletions of model files, another project's share).
        ready_timeout: Seconds to wait for the web API.
        ignore: Patterns in gitignore's words, on top of the default list and ``.aitkignore``.
    """

    project: Path
    dry_run: bool = False
    wait: bool = True
    assume_yes: bool = False
    ready_timeout: float = READY_SECONDS
    ignore: tuple[str, ...] = ()
    verify: bool = False


class SyncRequest(NamedTuple):
    """A folder and a share of any account.

    Attributes:
        folder: What to sync.
        url: Of the share, or of a folder in it; it may carry a signature.
        dry_run: List what would be sent, send nothing.
        verify: Hash every file, and look for changes on the share everywhere.
        assume_yes: Ask for no confirmation.
    """

    folder: Path
    url: str
    dry_run: bool = False
    verify: bool = False
    assume_yes: bool = False

    def __repr__(self) -> str:
        """Without the signature."""
        return f"SyncRequest({str(self.folder)!r})"


class StatusRequest(NamedTuple):
    """Whose status."""

    project: Path


class LogsRequest(NamedTuple):
    """Which lines of whose logs.

    Attributes:
        follow: Go on with new lines until cancelled.
        system: The app's system log (image pulls, volume mounts, probes, restarts) instead of the console.
        tail: How many of the last lines, 0 to 300 (Azure gives no more).
    """

    project: Path
    follow: bool = False
    system: bool = False
    tail: int = 100


class SwitchRequest(NamedTuple):
    """Whose app to stop or start."""

    project: Path


class Outcome(NamedTuple):
    """How a flow ended; a flow that failed raises an AppError instead.

    Attributes:
        summary: One or two sentences for a person.
        endpoint: The web API's URL.
        config: The configuration file that holds it.
        actions: Buttons, the most wanted first; a terminal prints their targets.
        data: More facts for programs (``--json``, the wire); camelCase keys.
    """

    summary: str
    endpoint: str | None = None
    config: Path | None = None
    actions: tuple[Action, ...] = ()
    data: Mapping[str, Json] = MappingProxyType({})
