"""Operations on folders: create, read, delete, properties, metadata."""

import os

from aiohttp import web

from aca_local.files.conditions import check_conditions
from aca_local.files.context import Service
from aca_local.files.entries import Entry
from aca_local.files.errors import FilesError
from aca_local.files.file_ops import created_headers, put_metadata, save_change
from aca_local.files.records import Extra, Record
from aca_local.files.request import Call
from aca_local.files.response import empty, entry_headers, headers_for, metadata_headers
from aca_local.files.smb import read_settings, smb_headers

HIDDEN = (
    "What is in it is neither a file nor a folder: a FIFO, a socket, a device or a link out of the share."
)


async def create(service: Service, call: Call) -> web.Response:
    """Create a folder; one that exists is a conflict, so this is also a lock that only one caller gets."""
    area = service.entries.area(call)
    names = call.names
    found = area.tree.find(names)
    if found.stat is not None:
        raise FilesError("ResourceAlreadyExists" if found.is_directory else "ResourceTypeMismatch")
    now = service.clock.tick()
    settings = read_settings(call, area, service.store, now)
    extra = Extra(metadata=call.metadata)
    settings.apply(extra)
    written = settings.written_at(now)
    created = now if settings.created is None else settings.created
    record = Record(0, 0, now, created, written, extra)
    service.entries.make(area, found, record)
    area.tree.added(found)
    found.stat = os.stat(found.path)
    return empty(201, created_headers(call, Entry(found, found.stat, record)))


async def properties(service: Service, call: Call) -> web.Response:
    """Answer GET and HEAD: the properties of a folder."""
    entry = service.entries.folder(service.entries.area(call), call.names)
    check_conditions(call, entry.record.changed)
    headers = entry_headers(call, entry)
    headers["x-ms-server-encrypted"] = "true"
    metadata_headers(headers, entry.record.extra.metadata)
    smb_headers(headers, entry)
    return empty(200, headers)


async def delete(service: Service, call: Call) -> web.Response:
    """Delete an empty folder."""
    area = service.entries.area(call)
    entry = service.entries.folder(area, call.names)
    if not entry.found.names:
        raise FilesError("InvalidUri")
    if "ReadOnly" in entry.record.extra.attributes:
        raise FilesError("ReadOnlyAttribute")
    try:
        os.rmdir(entry.found.path)
    except OSError:
        hidden = "" if area.tree.children(entry.found.path) else HIDDEN
        raise FilesError("DirectoryNotEmpty", hidden) from None
    service.entries.forget(area, entry.found.names)
    return empty(202, headers_for(call))


async def set_properties(service: Service, call: Call) -> web.Response:
    """Set the SMB properties of a folder."""
    area = service.entries.area(call)
    entry = service.entries.folder(area, call.names)
    settings = read_settings(call, area, service.store, service.clock.tick())
    settings.apply(entry.record.extra)
    return save_change(service, call, area, entry, settings=settings, written=settings.written)


async def set_metadata(service: Service, call: Call) -> web.Response:
    """Replace a folder's metadata."""
    area = service.entries.area(call)
    return put_metadata(service, call, area, service.entries.folder(area, call.names))


async def get_metadata(service: Service, call: Call) -> web.Response:
    """Answer GET and HEAD for the metadata of a folder."""
    entry = service.entries.folder(service.entries.area(call), call.names)
    headers = entry_headers(call, entry)
    metadata_headers(headers, entry.record.extra.metadata)
    return empty(200, headers)
