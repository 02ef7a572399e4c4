"""What a sync is asked for; apart from the other requests, so that a sync starts without them."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - the wire reads the requests' types
from typing import NamedTuple


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
