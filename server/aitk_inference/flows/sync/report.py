"""A sync in words and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aitk_inference.core.model import Json
    from aitk_inference.flows.sync.run import Synced


def dry_run_words(synced: Synced, verb: str) -> str:
    """What would be sent, deleted and left out, a line each, and why."""
    lines = [f"  send    {path}" for path in synced.sent] + [f"  delete  {path}" for path in synced.deleted]
    known = synced.total + len(synced.deleted)
    head = f"{verb} would change {len(lines):,} of {known:,} files (nothing was sent)"
    lines += [f"  skip    {path}  ({why})" for path, why in synced.skipped]
    return "\n".join([head + (":" if lines else "."), *lines])


def sync_data(synced: Synced) -> dict[str, Json]:
    """The same for programs."""
    return {
        "sent": list(synced.sent),
        "deleted": list(synced.deleted),
        "skipped": [{"path": path, "why": why} for path, why in synced.skipped],
        "files": synced.total,
        "bytes": synced.bytes,
        "requests": synced.requests,
    }
