"""Folders on a share: made above what is sent, renamed where only their case changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.errors import Conflict, NotFound
from aitk_inference.sync.concurrency import each
from aitk_inference.sync.ignore import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.core.share import Share

_AT_ONCE = 512


async def make_folders(share: Share, folders: Sequence[str]) -> None:
    """Make folders, parents before children."""
    levels: dict[int, list[str]] = {}
    for folder in folders:
        levels.setdefault(folder.count("/"), []).append(folder)
    for depth in sorted(levels):
        await each(levels[depth], lambda folder: _make_folder(share, folder), at_once=_AT_ONCE)


async def _make_folder(share: Share, folder: str) -> None:
    """Make a folder; those above it, too, where somebody deleted them."""
    try:
        await share.make_directory(folder)
    except NotFound:
        await make_folders_above(share, folder)
        await share.make_directory(folder)


async def make_folders_above(share: Share, path: str) -> None:
    """Make every folder above a path."""
    parts = path.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        await share.make_directory("/".join(parts[:depth]))


def asides(folders: Sequence[str], token: str) -> dict[str, str]:
    """Return where folders are while their case is changed, by where they are to be."""
    return {folder: f"{RESERVED}moving-{token}-{number}" for number, folder in enumerate(folders)}


async def respell(share: Share, moving: Mapping[str, str]) -> None:
    """Rename folders whose names on the share differ from these in case alone; parents come first.

    In two steps: the service takes both names for one, and may refuse to rename a folder to itself.
    """
    for folder, aside in moving.items():
        if await share.rename_directory(folder, aside):
            await bring_back(share, {folder: aside})


async def bring_back(share: Share, moving: Mapping[str, str]) -> None:
    """Put folders back that a run had set aside, where it did not come to that.

    Raises:
        Conflict: somebody made a folder of that name meanwhile.
    """
    for folder, aside in moving.items():
        if not await share.rename_directory(aside, folder) and await share.directory(aside) is not None:
            raise Conflict(
                f"The folder {folder} was being renamed, and another of that name is on the share now.",
                suggestion=f"On the share, move what {aside} holds into {folder}, delete {aside}, and run it again.",
            )
