"""What Azure's SDK answers about files and folders, as the nouns of a sync."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import DecodeError

from aitk_inference.azure.files.genuine import is_of_the_service
from aitk_inference.azure.files.responses import quoted, time_of, time_of_header
from aitk_inference.core.share import Directory, ShareEntry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from azure.core.pipeline import PipelineResponse
    from azure.core.rest import AsyncHttpResponse, HttpRequest
    from azure.storage.fileshare import DirectoryProperties, FileProperties


def directory_made(headers: Mapping[str, Any], metadata: Mapping[str, str]) -> Directory:
    """Return the folder that was made; the SDK reads the answer's headers into values."""
    made = (headers.get("file_id") or "", utc(time_of(headers.get("file_creation_time"))))
    instance = f"{made[0]}/{made[1]}" if made[0] else ""
    return Directory(metadata, instance, time_of(headers.get("last_modified")), time_of(headers.get("date")))


def directory_found(found: DirectoryProperties, answered: str) -> Directory:
    """Return a folder; ``answered`` is the answer's Date header, which the SDK does not pass on."""
    instance = f"{found.file_id}/{utc(time_of(found.creation_time))}" if found.file_id else ""
    return Directory(
        dict(found.metadata or {}), instance, time_of(found.last_modified), time_of_header(answered)
    )


def entry_found(directory: str, item: DirectoryProperties | FileProperties) -> ShareEntry:
    """Return a file or folder of a folder."""
    return ShareEntry(
        path=f"{directory}/{item.name}" if directory else str(item.name),
        is_directory=bool(item.is_directory),
        size=int(getattr(item, "size", 0) or 0),
        etag=quoted(item.etag),
        last_write=time_of(item.last_write_time),
    )


def file_written(path: str, size: int, headers: Mapping[str, object]) -> ShareEntry:
    """Return a file that was written."""
    return ShareEntry(
        path, False, size, quoted(headers.get("etag")), time_of(headers.get("file_last_write_time"))
    )


def utc(modified: datetime | None) -> datetime | None:
    """Return it in UTC: the SDK writes a time's digits down without looking at its zone."""
    return None if modified is None else modified.astimezone(UTC)


def only_the_service(answered: PipelineResponse[HttpRequest, AsyncHttpResponse]) -> None:
    """Refuse what can't be the service's answer: the SDK would take a page for a file.

    Raises:
        DecodeError: it is something else.
    """
    asked, answer = answered.http_request, answered.http_response
    if not is_of_the_service(str(asked.method), answer.status_code, answer.headers):
        raise DecodeError(f"HTTP {answer.status_code}, not of the Files service")
