"""How a sync ended: in words and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.progress import duration, size
from aitk_inference.sync.confirmations import listed

if TYPE_CHECKING:
    from aitk_inference.core.model import Json


class Synced(NamedTuple):
    """How a sync ended.

    Attributes:
        sent: Paths that were sent (or would be, in a dry run).
        deleted: Paths that were deleted.
        kept: Paths that are not here and stay on the share.
        skipped: What is left out, with the reason.
        total: Files that the folder has.
        bytes: Bytes sent.
        seconds: How long it took.
        requests: Requests that it took.
    """

    sent: tuple[str, ...]
    deleted: tuple[str, ...]
    kept: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    total: int
    bytes: int
    seconds: float
    requests: int

    def __str__(self) -> str:
        changed = len(self.sent) + len(self.deleted)
        known = self.total + len(self.deleted)
        deleted = f"{len(self.deleted):,} of them deleted ({listed(self.deleted)}), " if self.deleted else ""
        plural = "" if self.requests == 1 else "s"
        return (
            f"{changed:,} of {known:,} files changed, {deleted}{size(self.bytes)} in {duration(self.seconds)}, "
            f"{self.requests:,} request{plural}"
        )


def dry_run_words(synced: Synced, verb: str) -> str:
    """Return what would be sent, deleted, kept and left out, a line each, and why."""
    lines = [f"  send    {path}" for path in synced.sent] + [f"  delete  {path}" for path in synced.deleted]
    known = synced.total + len(synced.deleted)
    deleted = f", {len(synced.deleted):,} of them deleted" if synced.deleted else ""
    head = f"{verb} would change {len(lines):,} of {known:,} files{deleted} (nothing was sent)"
    lines += [f"  keep    {path}  (not here; it stays on the share)" for path in synced.kept]
    lines += [f"  skip    {path}  ({why})" for path, why in synced.skipped]
    return "\n".join([head + (":" if lines else "."), *lines])


def sync_data(synced: Synced) -> dict[str, Json]:
    """Return the same for programs."""
    return {
        "sent": list(synced.sent),
        "deleted": list(synced.deleted),
        "kept": list(synced.kept),
        "skipped": [{"path": path, "why": why} for path, why in synced.skipped],
        "files": synced.total,
        "bytes": synced.bytes,
        "requests": synced.requests,
    }
