"""The nouns that a sync of files needs, and nothing else: it starts without the others (``model.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from aitk_inference.core.ports import Share


class ShareEntry(NamedTuple):
    """A file or folder on a share.

    Attributes:
        path: Relative to the share, ``/`` between parts, no leading slash.
        is_directory: True for a folder.
        size: Bytes; 0 for a folder.
        etag: The service's ETag, quotes included; it changes with every write.
        last_write: SMB last write time, UTC: the client's own file time where it was kept.
        md5: Base64; only where somebody noted it, and never in a list.
    """

    path: str
    is_directory: bool
    size: int = 0
    etag: str = ""
    last_write: datetime | None = None
    md5: str = ""


class OpenedShare(NamedTuple):
    """A share that a URL names.

    Attributes:
        folder: The folder in it that the URL names; empty: the share itself.
        place: Names both, without a signature.
    """

    share: Share
    folder: str
    place: str
