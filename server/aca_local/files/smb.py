"""SMB properties on the wire: attributes, times, permissions."""

import hashlib
from dataclasses import dataclass

from multidict import CIMultiDict

from aca_local.files.clock import iso, parse_iso
from aca_local.files.entries import Area, Entry
from aca_local.files.errors import FilesError
from aca_local.files.records import Extra
from aca_local.files.request import Call, bad_header
from aca_local.files.sddl import from_binary, is_sddl
from aca_local.files.store import Store

ATTRIBUTES = (
    "ReadOnly",
    "Hidden",
    "System",
    "Directory",
    "Archive",
    "Temporary",
    "Offline",
    "NotContentIndexed",
    "NoScrubData",
)
BY_NAME = {name.lower(): name for name in (*ATTRIBUTES, "None")}
INHERITED = "O:SYG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1301bf;;;AU)(A;;0x1200a9;;;BU)"
MAX_PERMISSION = 8192
HEADERS = frozenset(
    {
        "x-ms-file-permission",
        "x-ms-file-permission-key",
        "x-ms-file-permission-format",
        "x-ms-file-attributes",
        "x-ms-file-creation-time",
        "x-ms-file-last-write-time",
        "x-ms-file-change-time",
    }
)


@dataclass(slots=True)
class Settings:
    """What a request sets; None leaves a property as it is (for a new entry: at its default)."""

    attributes: str | None = None
    created: int | None = None
    written: int | None = None
    change_time: int | None = None
    permission: str | None = None

    def written_at(self, now: int) -> int:
        """Return the last write time of what is written at `now`."""
        return now if self.written is None else self.written

    def apply(self, extra: Extra) -> None:
        """Write attributes, permission and change time into an entry's rarer facts."""
        extra.attributes = extra.attributes if self.attributes is None else self.attributes
        extra.permission = extra.permission if self.permission is None else self.permission
        extra.change_time = self.change_time


def read_settings(call: Call, area: Area, store: Store, now: int, *, keep: str = "preserve") -> Settings:
    """Return the SMB properties that a request's headers set; `keep` is the word that sets nothing."""
    return Settings(
        _attributes(call.ms.get("x-ms-file-attributes"), keep),
        _time(call, "x-ms-file-creation-time", now, keep),
        _time(call, "x-ms-file-last-write-time", now, keep),
        _time(call, "x-ms-file-change-time", None, keep),
        _permission(call, area, store),
    )


def _attributes(text: str | None, keep: str) -> str | None:
    if text is None or text.lower() == keep:
        return None
    names = [BY_NAME.get(part.strip().lower()) for part in text.split("|")]
    if not all(names):
        raise bad_header("x-ms-file-attributes", text)
    return " | ".join(name for name in ATTRIBUTES if name in names)


def _time(call: Call, header: str, now: int | None, keep: str) -> int | None:
    text = call.headers.get(header)
    if text is None or text.lower() == keep:
        return None
    return now if text.lower() == "now" else parse_iso(text)


def _permission(call: Call, area: Area, store: Store) -> str | None:
    text, key = call.ms.get("x-ms-file-permission"), call.ms.get("x-ms-file-permission-key")
    if text and key:
        raise FilesError("InvalidInput", "Give the permission or its key, not both.")
    if key:
        if stored_permission(area, store, key) is None:
            raise bad_header("x-ms-file-permission-key", key)
        return key
    if text is None or text.lower() in ("inherit", "preserve"):
        return None
    return keep_permission(area, store, text, call.ms.get("x-ms-file-permission-format", "sddl"))


def keep_permission(area: Area, store: Store, text: str, form: str) -> str:
    """Store a permission (SDDL, or a base64 descriptor where `form` is `binary`); return its key."""
    if form.lower() not in ("sddl", "binary"):
        raise bad_header("x-ms-file-permission-format", form)
    sddl = from_binary(text) if form.lower() == "binary" else text
    if not is_sddl(sddl) or len(sddl) > MAX_PERMISSION:
        raise FilesError("InvalidInput", "The permission is no security descriptor.")
    key = permission_key(sddl)
    store.put_permission(area.share.id, key, sddl)
    return key


def permission_key(sddl: str) -> str:
    """Return the key of a permission: two numbers made from it, as in the service's own keys."""
    digest = hashlib.blake2b(sddl.encode(), digest_size=16).digest()
    return f"{int.from_bytes(digest[:8], 'big')}*{int.from_bytes(digest[8:], 'big')}"


INHERITED_KEY = permission_key(INHERITED)


def stored_permission(area: Area, store: Store, key: str) -> str | None:
    """Return the SDDL behind a key."""
    return INHERITED if key == INHERITED_KEY else store.permission(area.share.id, key)


def smb_headers(headers: CIMultiDict[str], entry: Entry) -> None:
    """Add an entry's SMB properties to a reply."""
    headers.extend(
        {
            "x-ms-file-attributes": attributes_of(entry),
            "x-ms-file-creation-time": iso(entry.record.created),
            "x-ms-file-last-write-time": iso(entry.written),
            "x-ms-file-change-time": iso(entry.change_time),
            "x-ms-file-permission-key": entry.record.extra.permission or INHERITED_KEY,
            "x-ms-file-id": str(entry.stat.st_ino),
            "x-ms-file-parent-id": str(entry.found.folder.st_ino) if entry.found.names else "0",
        }
    )


def attributes_of(entry: Entry) -> str:
    """Return an entry's attributes; a folder always has Directory among them."""
    kept = entry.record.extra.attributes
    if not entry.found.is_directory:
        return kept or "Archive"
    names = {*kept.split(" | "), "Directory"}
    return " | ".join(name for name in ATTRIBUTES if name in names)
