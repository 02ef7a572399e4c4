"""Folders above paths of a share; ``/`` between parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def folders_of(paths: Iterable[str]) -> tuple[str, ...]:
    """Every folder above these paths, parents first."""
    found: set[str] = set()
    for path in paths:
        cut = path.rfind("/")
        while cut > 0 and (folder := path[:cut]) not in found:
            found.add(folder)
            cut = path.rfind("/", 0, cut)
    return tuple(sorted(found, key=lambda folder: (folder.count("/"), folder)))


def empty_folders(kept: Iterable[str], deleted: Iterable[str]) -> tuple[str, ...]:
    """Folders that hold nothing of ours after the deletions, deepest first."""
    full = {folder.lower() for folder in folders_of(kept)}
    return tuple(reversed([folder for folder in folders_of(deleted) if folder.lower() not in full]))
