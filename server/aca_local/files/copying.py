"""Copies: of files inside an account at once, from another account in the background; of ranges at once."""

import asyncio
import shutil
import uuid
from dataclasses import replace

from aiohttp import web

from aca_local.files.body import MAX_WRITE, content_length, parse_span
from aca_local.files.byte_ranges import add
from aca_local.files.content import copy_bytes, make_file, remove_quietly
from aca_local.files.context import Service
from aca_local.files.entries import Area, Entry
from aca_local.files.errors import FilesError
from aca_local.files.file_ops import put, refuse_read_only, target_of
from aca_local.files.range_ops import range_of, range_written, spans_of, touch_range
from aca_local.files.records import Copy, Extra
from aca_local.files.request import Call, bad_header
from aca_local.files.response import empty, entry_headers, headers_for
from aca_local.files.smb import Settings, keep_permission, read_settings

SOURCE = "source"  # what a header says to take a property from the copied file


async def start(service: Service, call: Call) -> web.Response:
    """Copy a file."""
    area = service.entries.area(call)
    asked = service.addresses.source(call, call.required("x-ms-copy-source"))
    source = _source(service, call, asked)
    target_of(service, call, area, ignore_read_only=_ignores_read_only(call))
    if asked.account == call.account:
        entry = await _copy(service, call, area, source)
    else:
        entry = _begin(service, call, area, source)
    made = entry.record.extra.copy
    headers = entry_headers(call, entry)
    if made:
        headers["x-ms-copy-id"] = made.id
        headers["x-ms-copy-status"] = made.status
    return empty(202, headers)


def _ignores_read_only(call: Call) -> bool:
    return bool(call.flag("x-ms-file-copy-ignore-readonly"))


def _source(service: Service, call: Call, asked: Call) -> Entry:
    """Return the file to copy; another account's needs a signature of its own."""
    try:
        if asked.account != call.account or not call.owner:
            service.gate.check_source(asked, token=None)
        return service.entries.file(service.entries.area(asked), asked.names)
    except FilesError as error:
        if error.status in (401, 403) or error.code == "AccountNotFound":
            raise FilesError("CannotVerifyCopySource") from None
        raise


async def _copy(service: Service, call: Call, area: Area, source: Entry) -> Entry:
    staged = service.shares.staging()
    await asyncio.to_thread(shutil.copyfile, source.found.path, staged)
    settings, extra = _copied(service, call, area, source)
    extra.copy = _state(service, call, "success", source.size, source.size)
    return _put_copy(service, call, area, staged, source.size, settings=settings, extra=extra)


def _begin(service: Service, call: Call, area: Area, source: Entry) -> Entry:
    """Put zeros in place, to be replaced when the copy is complete."""
    settings, extra = _copied(service, call, area, source)
    extra.copy = _state(service, call, "pending", 0, source.size)
    extra.ranges = []
    staged = service.shares.staging()
    with open(staged, "xb"):
        entry = _put_copy(service, call, area, staged, source.size, settings=settings, extra=extra)
    task = asyncio.create_task(_finish(service, area, source, entry, settings))
    service.copying[extra.copy.id] = task
    task.add_done_callback(lambda _: service.copying.pop(extra.copy.id if extra.copy else "", None))
    return entry


async def _finish(service: Service, area: Area, source: Entry, target: Entry, settings: Settings) -> None:
    staged = service.shares.staging()
    try:
        await asyncio.to_thread(shutil.copyfile, source.found.path, staged)
        extra = target.record.extra
        assert extra.copy is not None
        size = f"{source.size}/{source.size}"
        now = service.clock.tick()
        done = replace(extra.copy, status="success", progress=size, completed=now)
        there = make_file(staged, None, source.size, settings.written_at(now))
        kept = replace(extra, copy=done, ranges=source.record.extra.ranges)
        put(service, area, target.found, staged, there, now=now, settings=settings, extra=kept)
    finally:
        remove_quietly(staged)


def _put_copy(
    service: Service, call: Call, area: Area, staged: str, size: int, *, settings: Settings, extra: Extra
) -> Entry:
    found, extra.lease = target_of(service, call, area, ignore_read_only=_ignores_read_only(call))
    now = service.clock.tick()
    there = make_file(staged, None, size, settings.written_at(now))
    return put(service, area, found, staged, there, now=now, settings=settings, extra=extra)


def _state(service: Service, call: Call, status: str, done: int, size: int) -> Copy:
    source = call.ms["x-ms-copy-source"].partition("?")[0]
    return Copy(str(uuid.uuid4()), source, status, f"{done}/{size}", service.clock.tick())


def _copied(service: Service, call: Call, area: Area, source: Entry) -> tuple[Settings, Extra]:
    """Return what the copy gets from the request, and from its source."""
    settings = read_settings(call, area, service.store, service.clock.tick(), keep=SOURCE)
    kept = source.record.extra
    extra = Extra(
        headers=dict(kept.headers), metadata=call.metadata or dict(kept.metadata), ranges=kept.ranges
    )
    if _says_source(call, "x-ms-file-creation-time"):
        settings.created = source.record.created
    if _says_source(call, "x-ms-file-last-write-time"):
        settings.written = source.written
    if _says_source(call, "x-ms-file-change-time"):
        settings.change_time = source.change_time
    if _says_source(call, "x-ms-file-attributes"):
        settings.attributes = kept.attributes
    if call.ms.get("x-ms-file-permission-copy-mode", "").lower() == SOURCE and kept.permission:
        text = service.store.permission(area.share.id, kept.permission)
        settings.permission = keep_permission(area, service.store, text, "sddl") if text else kept.permission
    settings.apply(extra)
    if call.flag("x-ms-file-copy-set-archive") and extra.attributes:
        extra.attributes = f"{extra.attributes} | Archive"
    return settings, extra


def _says_source(call: Call, header: str) -> bool:
    return call.headers.get(header, "").lower() == SOURCE


async def abort(service: Service, call: Call) -> web.Response:
    """Stop a copy that is under way, and leave an empty file."""
    if call.required("x-ms-copy-action") != "abort":
        raise bad_header("x-ms-copy-action", call.ms["x-ms-copy-action"])
    area = service.entries.area(call)
    entry = service.file_to_change(call, area)
    made, task = entry.record.extra.copy, service.copying.get(call.query.get("copyid", ""))
    if made is None or task is None or made.id != call.query.get("copyid"):
        raise FilesError("NoPendingCopyOperation")
    task.cancel()
    extra = replace(entry.record.extra, copy=replace(made, status="aborted"), ranges=None)
    settings, now = Settings(created=entry.record.created), service.clock.tick()
    staged = service.shares.staging()
    there = make_file(staged, b"", 0, now)
    put(service, area, entry.found, staged, there, now=now, settings=settings, extra=extra)
    return empty(204, headers_for(call))


async def put_range(service: Service, call: Call) -> web.Response:
    """Write a range of a file with bytes of another file."""
    if call.required("x-ms-write").lower() != "update":
        raise bad_header("x-ms-write", call.ms["x-ms-write"])
    if content_length(call):
        raise bad_header("Content-Length", call.headers["Content-Length"])
    area = service.entries.area(call)
    entry = service.file_to_change(call, area)
    refuse_read_only(entry)
    start, end = range_of(call, entry)
    source, first = _source_range(service, call, end - start + 1)
    before = entry.written
    with open(aside := service.shares.staging(), "xb"):
        copy_bytes(source.found.path, first, aside, 0, end - start + 1)
    try:
        service.entries.write(entry.found.path, start, aside)
    finally:
        remove_quietly(aside)
    entry.record.extra.ranges = add(spans_of(entry), start, end)
    touch_range(service, area, entry, start, end)
    return empty(201, range_written(service, call, area, entry, before))


def _source_range(service: Service, call: Call, length: int) -> tuple[Entry, int]:
    asked = service.addresses.source(call, call.required("x-ms-copy-source"))
    try:
        service.gate.check_source(asked, token=call.ms.get("x-ms-copy-source-authorization"))
        source = service.entries.file(service.entries.area(asked), asked.names)
    except FilesError as error:
        raise _unreadable(error) from None
    first, last = parse_span("x-ms-source-range", call.required("x-ms-source-range"))
    if length > MAX_WRITE or last is None or last - first + 1 != length or last >= source.size:
        raise FilesError("InvalidRange", status=400 if length > MAX_WRITE else None)
    return source, first


def _unreadable(error: FilesError) -> FilesError:
    """Return the error of a copy whose source can't be read: it repeats what the source answered."""
    headers = {"x-ms-copy-source-status-code": str(error.status), "x-ms-copy-source-error-code": error.code}
    return FilesError(
        "CannotVerifyCopySource",
        error.message,
        status=error.status,
        headers=headers,
        CopySourceStatusCode=str(error.status),
        CopySourceErrorCode=error.code,
        CopySourceErrorMessage=error.message,
    )
