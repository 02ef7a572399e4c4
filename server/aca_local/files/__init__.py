"""The Azure Files data plane of aca-local: shares in real folders, spoken to over the service's REST wire."""

from collections.abc import Sequence
from typing import Protocol

from aca_local.files.context import FilesOptions
from aca_local.files.dispatcher import build_handler
from aca_local.files.errors import FilesError
from aca_local.files.records import ShareProperties
from aca_local.files.shares import FileShares

__all__ = ["AccountKeys", "FileShares", "FilesError", "FilesOptions", "ShareProperties", "build_handler"]


class AccountKeys(Protocol):
    """Who may sign: given by the management side."""

    def keys(self, account: str) -> Sequence[str]:
        """Return the base64 keys of a storage account; none where there is no such account."""
        ...
