"""Renames: one step, whatever is inside."""

import os
from dataclasses import replace

from aiohttp import web

from aca_local.files import leases
from aca_local.files.content import set_mtime
from aca_local.files.context import Service
from aca_local.files.entries import Area, Entry, mtime_of
from aca_local.files.errors import FilesError
from aca_local.files.file_ops import created_headers, refuse_read_only
from aca_local.files.path_lookup import Found
from aca_local.files.records import Extra, Record
from aca_local.files.request import Call, bad_header
from aca_local.files.response import empty
from aca_local.files.smb import Settings, read_settings


async def file(service: Service, call: Call) -> web.Response:
    """Give a file a new name, in one step."""
    return _rename(service, call, directory=False)


async def folder(service: Service, call: Call) -> web.Response:
    """Give a folder a new name, in one step, with all that is in it."""
    return _rename(service, call, directory=True)


def _rename(service: Service, call: Call, *, directory: bool) -> web.Response:
    area = service.entries.area(call)
    source = _source(service, call, area, directory=directory)
    target = area.tree.find(call.names)
    if not target.names or target.path.startswith(f"{source.found.path}/"):
        raise FilesError("InvalidUri")
    if target.stat is not None and not os.path.samestat(target.stat, source.stat):
        _check_target(service, call, area, target)
    settings = read_settings(call, area, service.store, service.clock.tick())
    _set_renamed(call, source.record.extra, settings)
    name = call.names[-1]
    found = replace(target, path=f"{os.path.dirname(target.path)}/{name}", names=(*target.names[:-1], name))
    return _renamed(service, call, area, source=source, found=found, settings=settings)


def _source(service: Service, call: Call, area: Area, *, directory: bool) -> Entry:
    named = service.addresses.source(call, call.required("x-ms-file-rename-source"))
    if (named.account, named.share) != (call.account, call.share):
        raise bad_header("x-ms-file-rename-source", call.ms["x-ms-file-rename-source"])
    find = service.entries.folder if directory else service.entries.file
    entry = find(area, named.names)
    if not entry.found.names:
        raise FilesError("InvalidUri")
    lease = entry.record.extra.lease
    leases.check_lease(call, lease, service.clock.now(), writes=True, header="x-ms-source-lease-id")
    return entry


def _check_target(service: Service, call: Call, area: Area, target: Found) -> None:
    """Raise unless what stands in the way is a file that may be replaced."""
    if not call.flag("x-ms-file-rename-replace-if-exists") or target.is_directory:
        raise FilesError("ResourceAlreadyExists")
    entry = service.entries.entry(area, target)
    lease = entry.record.extra.lease
    leases.check_lease(call, lease, service.clock.now(), writes=True, header="x-ms-destination-lease-id")
    if not call.flag("x-ms-file-rename-ignore-readonly"):
        refuse_read_only(entry)


def _set_renamed(call: Call, extra: Extra, settings: Settings) -> None:
    extra.attributes = extra.attributes if settings.attributes is None else settings.attributes
    extra.permission = settings.permission or extra.permission
    extra.change_time = settings.change_time or extra.change_time
    if (metadata := call.metadata) or "x-ms-meta" in call.ms:
        extra.metadata = metadata
    if "x-ms-content-type" in call.ms:
        extra.headers = {**extra.headers, "Content-Type": call.ms["x-ms-content-type"]}


def _renamed(
    service: Service, call: Call, area: Area, *, source: Entry, found: Found, settings: Settings
) -> web.Response:
    if settings.written is not None and not source.found.is_directory:
        set_mtime(source.found.path, settings.written)
    there = os.stat(source.found.path)
    old = source.record
    old.extra.renamed = service.shares.latest_snapshot(area.share)
    record = Record(
        mtime_of(there),
        there.st_size,
        service.clock.tick(),
        old.created if settings.created is None else settings.created,
        old.written if settings.written is None else settings.written,
        old.extra,
    )
    service.entries.move(area, source, found, record)
    if found.stat is None:
        area.tree.added(found)
    entry = Entry(replace(found, stat=there), there, record)
    return empty(200, created_headers(call, entry))
