"""What a front end asks of a flow; ``outcome.py`` is what it gets back."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - the wire reads the requests' types
from typing import NamedTuple

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
        check_only: Check what Provision needs, make nothing.
        assume_yes: Ask for no confirmation.
        again: Deploy even when the identical deployment has succeeded before and all its resources exist.
        what_if: Let Azure say what would change, too, for a plan that somebody reads.
    """

    project: Path
    subscription: str | None = None
    resource_group: str | None = None
    location: str | None = None
    plan_only: bool = False
    assume_yes: bool = False
    again: bool = False
    check_only: bool = False
    what_if: bool = True

    @property
    def changes_nothing(self) -> bool:
        """Return True if nothing may be made."""
        return self.plan_only or self.check_only


class FixRequest(NamedTuple):
    """What mends a problem of the preflight, as the problem's button carries it."""

    project: Path
    fix: str


class DeployRequest(NamedTuple):
    """What to deploy and how far to wait.

    Attributes:
        project: The project's folder.
        dry_run: List what would be sent, send nothing.
        verify: Hash every file, and look for changes on the share everywhere.
        wait: Wait until the web API answers.
        assume_yes: Ask for no confirmation (deletions of model files, another project's share).
        ready_timeout: Seconds to wait for the web API.
        restart: Whether to restart an app that answers with the code that is on the share already; None: it is
            asked where a person is there, and done where nobody is. With False nothing is restarted.
    """

    project: Path
    dry_run: bool = False
    wait: bool = True
    assume_yes: bool = False
    ready_timeout: float = READY_SECONDS
    verify: bool = False
    restart: bool | None = None


class NewRequest(NamedTuple):
    """The new or empty folder that becomes a project."""

    project: Path


class OpenRequest(NamedTuple):
    """Whose endpoint to open."""

    project: Path


class CheckRequest(NamedTuple):
    """Whose files and model to check."""

    project: Path


class StatusRequest(NamedTuple):
    """Whose status."""

    project: Path


class AccountRequest(NamedTuple):
    """The project that an account is shown or chosen for."""

    project: Path


class LogsRequest(NamedTuple):
    """Which lines of whose logs.

    Attributes:
        follow: Go on with new lines, of new replicas too, until cancelled.
        system: The app's system log (image pulls, volume mounts, probes, restarts) instead of the console.
        both: The console and the system log together.
        tail: How many of the last lines, 0 to 300 (Azure gives no more).
        since: How far back, from what Log Analytics keeps: ``30m``, ``2h``, ``1d``.
        previous: What the replica or container before this one wrote.
    """

    project: Path
    follow: bool = False
    system: bool = False
    both: bool = False
    tail: int = 100
    since: str | None = None
    previous: bool = False


class AskRequest(NamedTuple):
    """What to ask a project's model.

    Attributes:
        text: The question; None: it is asked for.
        model: Of which model; None: the first that the app names.
    """

    project: Path
    text: str | None = None
    model: str | None = None


class PortalRequest(NamedTuple):
    """Whose page in the portal to open."""

    project: Path


class DeleteRequest(NamedTuple):
    """What of a project's resources to delete.

    Attributes:
        project: The project's folder.
        subscription: Where they are; None: as the project's files say.
        resource_group: Where they are; None: as the project's files say.
        everything: Delete what fine-tuning uses, too, where this project made it.
        share_name: The share's name, typed: without it one that holds adapters is not deleted.
        assume_yes: Ask for no confirmation.
    """

    project: Path
    subscription: str | None = None
    resource_group: str | None = None
    everything: bool = False
    share_name: str | None = None
    assume_yes: bool = False


class SwitchRequest(NamedTuple):
    """Whose app to stop or start."""

    project: Path


class ScaleRequest(NamedTuple):
    """How many replicas an app may have.

    Attributes:
        least: Replicas that run when nobody asks anything; None: as it is.
        most: The most replicas at a time; None: as it is.
    """

    project: Path
    least: int | None = None
    most: int | None = None


class SecretsRequest(NamedTuple):
    """What to do with an app's secrets; a value is never part of it.

    Attributes:
        action: ``set``, ``list`` or ``remove``; None: it is asked.
        name: Of which secret; None: it is asked.
        restart: Whether to restart what uses a changed value; None: it is asked.
    """

    project: Path
    action: str | None = None
    name: str | None = None
    restart: bool | None = None


class ProtectRequest(NamedTuple):
    """Who may use an app's endpoint; nothing: it is asked.

    Attributes:
        api_key: Those with a key, which is made.
        allow_ip: These ranges of addresses alone.
        open: Everybody.
        assume_yes: Ask for no confirmation.
    """

    project: Path
    api_key: bool = False
    allow_ip: tuple[str, ...] = ()
    open: bool = False
    assume_yes: bool = False
