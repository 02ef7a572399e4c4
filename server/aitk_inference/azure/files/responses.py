"""What the Files service says of entries: in the headers of an answer, and in the XML of its lists."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aitk_inference.azure.files.signing import MONTHS
from aitk_inference.core.share import Directory, ShareEntry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree import ElementTree as ET

_BOM = b"\xef\xbb\xbf"
_METADATA = "x-ms-meta-"


def entry_of_headers(path: str, headers: Mapping[str, str], size: int) -> ShareEntry:
    """Return the entry that an answer's headers describe; ``size`` is the caller's, for answers that do not say."""
    return ShareEntry(
        path,
        headers.get("x-ms-type", "File").lower() == "directory",
        size,
        quoted(headers.get("etag")),
        time_of(headers.get("x-ms-file-last-write-time")),
    )


def directory_of_headers(headers: Mapping[str, str]) -> Directory:
    """Return the folder that an answer's headers describe."""
    metadata = {
        name.removeprefix(_METADATA): value for name, value in headers.items() if name.startswith(_METADATA)
    }
    made = (headers.get("x-ms-file-id", ""), headers.get("x-ms-file-creation-time", ""))
    return Directory(
        metadata,
        "/".join(made) if made[0] else "",
        time_of_header(headers.get("last-modified", "")),
        time_of_header(headers.get("date", "")),
    )


def time_of_header(text: str) -> datetime | None:
    """Return the time of a ``Date`` or ``Last-Modified`` header (RFC 9110, 5.6.7); None where there is none."""
    try:
        _, day, month, year, clock, _ = text.split()
        hour, minute, second = map(int, clock.split(":"))
        return datetime(int(year), MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def entries_of_list(directory: str, body: bytes) -> tuple[list[ShareEntry], str]:
    """Return one page of List Directories and Files, and the marker of the next ("" at the end)."""
    root = _parsed(body)
    found = root.find("Entries")
    entries = [_entry(directory, element) for element in (found if found is not None else ())]
    return entries, root.findtext("NextMarker") or ""


def ranges_of(body: bytes) -> list[tuple[int, int]]:
    """Return the ranges that hold data (List Ranges): first byte and the one after the last."""
    found = _parsed(body).iter("Range")
    return [(int(one.findtext("Start", "0")), int(one.findtext("End", "-1")) + 1) for one in found]


def quoted(etag: object) -> str:
    """Return an ETag with its quotes: headers carry them, lists may not."""
    text = str(etag or "").strip('"')
    return f'"{text}"' if text else ""


def time_of(value: object) -> datetime | None:
    """Return a time in UTC: the service gives it as text, the SDK with a zone or without one."""
    if isinstance(value, str):
        with suppress(ValueError):  # what is no time says nothing about one
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def service_time(moment: datetime) -> str:
    """Return a time as the service takes it: UTC, seven digits (it counts in 100 ns)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _parsed(body: bytes) -> ET.Element:
    """Parse the answer of the service that we asked; expat itself refuses documents that blow up."""
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
