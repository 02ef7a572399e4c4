"""What lies on a share, in words: adapters by name, for they are what nobody can make again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aitk_inference.core.share import Share

_ADAPTER = "adapter_config.json"
_MOST_FOLDERS, _DEEPEST = 400, 6
"""Adapters lie near the top; a cache of models has thousands of folders."""
_SHOWN = 10


class Contents(NamedTuple):
    """What lies on a share.

    Attributes:
        share: Its name; empty where there is none.
        adapters: The folders of adapters.
        entries: How many files and folders lie at its top.
        unread: Why it can't be read.
        complete: False where it has more folders than were looked into.
    """

    share: str = ""
    adapters: tuple[str, ...] = ()
    entries: int = 0
    unread: str = ""
    complete: bool = True

    @property
    def needs_name(self) -> bool:
        """Return True if its name must be typed: it holds adapters, or nobody can know."""
        return bool(self.adapters or self.unread or not self.complete)

    @property
    def words(self) -> str:
        """Return what is on it, for a person."""
        if self.unread:
            return f"what can't be read ({self.unread})"
        if self.adapters:
            more = f" and {len(self.adapters) - _SHOWN} more" if len(self.adapters) > _SHOWN else ""
            return f"adapters {', '.join(self.adapters[:_SHOWN])}{more}"
        return f"{self.entries} entries, no adapters seen" if self.entries else "nothing"


async def contents_of(share: Share, name: str) -> Contents:
    """Look into a share, folder by folder, as far as adapters lie."""
    adapters, top = list[str](), list(await share.list(""))
    waiting = [entry.path for entry in top if entry.is_directory]
    looked = 0
    while waiting and looked < _MOST_FOLDERS:
        folder = waiting.pop(0)
        looked += 1
        entries = await share.list(folder)
        if any(entry.path.rpartition("/")[2] == _ADAPTER for entry in entries):
            adapters.append(folder)
        elif folder.count("/") < _DEEPEST:
            waiting += [entry.path for entry in entries if entry.is_directory]
    here = [_ADAPTER] if any(entry.path == _ADAPTER for entry in top) else []
    return Contents(name, (*here, *sorted(adapters)), len(top), complete=not waiting)
