"""Operations on ranges of a file: write, clear, list."""

import os
from mmap import PAGESIZE

from aiohttp import web
from multidict import CIMultiDict

from aca_local.files.body import MAX_WRITE, Payload, content_length, parse_range, receive
from aca_local.files.call import Call, bad_header
from aca_local.files.clock import iso
from aca_local.files.content import set_mtime, write_at
from aca_local.files.entries import Area, Entry, mtime_of
from aca_local.files.errors import FilesError
from aca_local.files.file_ops import body_headers, refuse_read_only
from aca_local.files.model import Record
from aca_local.files.reply import empty, entry_headers
from aca_local.files.service import Service
from aca_local.files.spans import Span, add, clear


async def put(service: Service, call: Call) -> web.Response:
    """Write or clear a range of a file. The body is whole before the file is touched."""
    action = call.required("x-ms-write").lower()
    if action not in ("update", "clear"):
        raise bad_header("x-ms-write", action)
    if action == "clear" and content_length(call):
        raise bad_header("Content-Length", call.headers["Content-Length"])
    payload = await receive(call, MAX_WRITE, service.shares.staging())
    try:
        return _put(service, call, payload, clears=action == "clear")
    finally:
        payload.discard()


def _put(service: Service, call: Call, payload: Payload, *, clears: bool) -> web.Response:
    area = service.entries.area(call)
    entry = service.file_to_change(call, area)
    refuse_read_only(entry)
    start, end = range_of(call, entry)
    before = entry.written
    if clears:
        service.entries.clear(entry.found.path, start, end - start + 1)
        entry.record.extra.ranges = clear(spans_of(entry), start, end, entry.size)
        touch_range(service, area, entry, start, end)
    else:
        if payload.length != end - start + 1:
            raise FilesError(
                "InvalidHeaderValue", HeaderName="x-ms-range", HeaderValue=f"bytes={start}-{end}"
            )
        _write(service, entry.found.path, start, payload)
        entry.record.extra.ranges = add(spans_of(entry), start, end)
        touch_range(service, area, entry, start, end)
    headers = range_written(service, call, area, entry, before)
    if not clears:
        body_headers(call, headers, payload)
    return empty(201, headers)


def _write(service: Service, path: str, start: int, payload: Payload) -> None:
    """Write a body in place. Only what lies in one page is whole or not there after a kill by itself."""
    if payload.data is not None and start // PAGESIZE == (start + payload.length - 1) // PAGESIZE:
        write_at(path, start, payload.data)
    else:
        service.entries.write(path, start, payload.put_aside())


def range_of(call: Call, entry: Entry) -> Span:
    """Return the first and last byte to write; raises InvalidRange for a range outside the file."""
    span = parse_range(call)
    if span is None:
        raise FilesError("MissingRequiredHeader", HeaderName="x-ms-range")
    start, end = span
    if end is None or end < start or end >= entry.size:
        raise FilesError("InvalidRange")
    return start, end


def spans_of(entry: Entry) -> list[Span]:
    """Return the ranges of a file that hold data."""
    ranges = entry.record.extra.ranges
    if ranges is not None:
        return ranges
    return [(0, entry.size - 1)] if entry.size else []


def touch_range(service: Service, area: Area, entry: Entry, start: int, end: int) -> None:
    """Note that a range changed since the share's latest snapshot, if it has one."""
    latest = service.shares.latest_snapshot(area.share)
    if latest:
        touched = entry.record.extra.touched
        touched[latest] = add([(first, last) for first, last in touched.get(latest, [])], start, end)


def range_written(service: Service, call: Call, area: Area, entry: Entry, before: int) -> CIMultiDict[str]:
    """Keep the record of a file whose content was changed in place; return the headers of the reply.

    `before` is the last write time to restore when the request says `preserve`.
    """
    extra = entry.record.extra
    if extra.ranges == [(0, entry.size - 1)]:
        extra.ranges = None
    extra.change_time = None
    mode = call.ms.get("x-ms-file-last-write-time", "now").lower()
    if mode not in ("now", "preserve"):
        raise bad_header("x-ms-file-last-write-time", mode)
    if mode == "preserve":
        set_mtime(entry.found.path, before)
    there = os.stat(entry.found.path)
    changed = service.clock.tick()
    written = before if mode == "preserve" else mtime_of(there)
    record = Record(mtime_of(there), there.st_size, changed, entry.record.created, written, extra)
    service.entries.save(area, entry.found.names, record)
    now = Entry(entry.found, there, record)
    headers = entry_headers(call, now)
    headers["x-ms-request-server-encrypted"] = "true"
    headers["x-ms-file-last-write-time"] = iso(now.written)
    return headers
