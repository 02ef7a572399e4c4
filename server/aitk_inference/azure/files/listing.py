"""What the Files service says of entries: in the headers of an answer, and in the XML of its lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aitk_inference.core.share import ShareEntry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree import ElementTree as ET

_BOM = b"\xef\xbb\xbf"


def entry_of_headers(path: str, headers: Mapping[str, str], size: int) -> ShareEntry:
    """The entry that an answer's headers describe; ``size`` is the caller's, for answers that do not say."""
    return ShareEntry(
        path,
        headers.get("x-ms-type", "File").lower() == "directory",
        size,
        quoted(headers.get("etag")),
        time_of(headers.get("x-ms-file-last-write-time")),
    )


def entries_of_list(directory: str, body: bytes) -> tuple[list[ShareEntry], str]:
    """One page of List Directories and Files, and the marker of the next ("" at the end)."""
    root = _parsed(body)
    found = root.find("Entries")
    entries = [_entry(directory, element) for element in (found if found is not None else ())]
    return entries, root.findtext("NextMarker") or ""


def ranges_of(body: bytes) -> list[tuple[int, int]]:
    """The ranges that hold data (List Ranges): first byte and the one after the last."""
    found = _parsed(body).iter("Range")
    return [(int(one.findtext("Start", "0")), int(one.findtext("End", "-1")) + 1) for one in found]


def quoted(etag: object) -> str:
    """An ETag with its quotes: headers carry them, lists may not."""
    text = str(etag or "").strip('"')
    return f'"{text}"' if text else ""


def time_of(value: object) -> datetime | None:
    """A time in UTC: the service gives it as text, the SDK with a zone or without one."""
    if isinstance(value, str) and value:
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def wire_time(moment: datetime) -> str:
    """A time as the service takes it: UTC, seven digits (it counts in 100 ns)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _parsed(body: bytes) -> ET.Element:
    """The answer of the service that we asked; expat itself refuses documents that blow up."""
    from xml.etree import ElementTree as ET  # only lists are XML

    return ET.fromstring(body.removeprefix(_BOM))  # noqa: S314 - the service that we asked; expat refuses what blows up


def _entry(directory: str, element: ET.Element) -> ShareEntry:
    name = element.find("Name")
    text = (name.text if name is not None else "") or ""
    if name is not None and name.get("Encoded") == "true":
        text = unquote(text)
    properties = element.find("Properties")
    about = {one.tag: one.text or "" for one in (properties if properties is not None else ())}
    return ShareEntry(
        f"{directory}/{text}" if directory else text,
        element.tag == "Directory",
        int(about.get("Content-Length") or 0) if element.tag == "File" else 0,
        quoted(about.get("Etag")),
        time_of(about.get("LastWriteTime")),
    )
