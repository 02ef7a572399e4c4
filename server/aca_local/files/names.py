"""Rules for names ("Naming and Referencing Shares, Directories, Files, and Metadata")."""

import re
from collections.abc import Sequence

from aca_local.files.errors import FilesError

SHARE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
METADATA_NAME = re.compile(r"[^\W\d]\w*")
FORBIDDEN = re.compile(r'["\\/:|<>*?\x00-\x1f\x7f]')
RESERVED = frozenset(
    {"PRN", "AUX", "NUL", "CON", "CLOCK$", *(f"{port}{n}" for port in ("LPT", "COM") for n in range(1, 10))}
)
MAX_COMPONENT = 255
MAX_PATH = 2048
MAX_DEPTH = 250
MAX_METADATA = 8192


def check_share_name(name: str) -> str:
    """Return a valid share name; raises InvalidResourceName, or OutOfRangeInput for a wrong length."""
    if not 3 <= len(name) <= 63:  # noqa: PLR2004 - the documented limits
        raise FilesError("OutOfRangeInput")
    if not SHARE_NAME.fullmatch(name):
        raise FilesError("InvalidResourceName")
    return name


def split_path(path: str, *, keep_trailing_dots: bool) -> tuple[str, ...]:
    """Return the components of a decoded path inside a share.

    Trailing dots fall off unless `keep_trailing_dots` (the header `x-ms-allow-trailing-dot`). Empty
    components are skipped. `.`, `..`, forbidden characters and reserved names raise InvalidResourceName; a
    path that is
    too long or too deep raises InvalidResourceName too.
    """
    parts = [part for part in path.split("/") if part]
    if len(path) > MAX_PATH or len(parts) > MAX_DEPTH:
        raise FilesError("InvalidResourceName", "The path is too long.")
    return tuple(_component(part, keep_trailing_dots) for part in parts)


def _component(part: str, keep_trailing_dots: bool) -> str:
    name = part if keep_trailing_dots else part.rstrip(".")
    if part in (".", "..") or not name or FORBIDDEN.search(name) or name.upper() in RESERVED:
        raise FilesError("InvalidResourceName")
    if len(name) > MAX_COMPONENT:
        raise FilesError("InvalidResourceName", "A component of the path is longer than 255 characters.")
    return name


def fold(parts: Sequence[str]) -> str:
    """Return the key under which a path is remembered: names compare without case."""
    return "/".join(parts).lower()


def check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Return valid metadata; raises EmptyMetadataKey, InvalidMetadata, MetadataTooLarge."""
    for name in metadata:
        if not name:
            raise FilesError("EmptyMetadataKey")
        if not METADATA_NAME.fullmatch(name):
            raise FilesError("InvalidMetadata")
    if sum(len(name) + len(value) for name, value in metadata.items()) > MAX_METADATA:
        raise FilesError("MetadataTooLarge")
    return metadata
