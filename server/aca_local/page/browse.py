"""The file browser: what lies on a share, read from its folder; nothing outside of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from aca_local.page.html import Raw, join, table, tag

if TYPE_CHECKING:
    from pathlib import Path


def inside(root: Path, path: str) -> Path | None:
    """Find what ``path`` names below ``root``; None where it leads out of it, or to nothing."""
    try:
        found = (root / path.strip("/")).resolve(strict=True)
    except (OSError, ValueError):
        return None
    return found if found.is_relative_to(root.resolve()) else None


def listing(title: str, href: str, folder: Path) -> Raw:
    """Show a folder: folders first, with sizes and times; ``href`` is its own address, with a slash."""
    entries = sorted(folder.iterdir(), key=lambda one: (not one.is_dir(), one.name.lower()))
    return join(
        tag("h2", title),
        tag("p", tag("a", "up", href=f"{href}../") if title.rstrip("/").count("/") > 1 else None),
        table(("Name", "Size", "Changed (UTC)"), [_row(one) for one in entries if not one.is_symlink()]),
    )


def _row(entry: Path) -> tuple[object, ...]:
    facts = entry.stat()
    changed = datetime.fromtimestamp(facts.st_mtime, UTC).strftime("%Y-%m-%d %H:%M:%S")
    slash = "/" if entry.is_dir() else ""
    size = "" if entry.is_dir() else _size(facts.st_size)
    name = entry.name.encode("utf-8", "replace").decode()  # a name on disk may be no text
    return tag("a", name + slash, href=quote(os.fsencode(entry.name)) + slash), size, changed


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004 # the step between two units
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
