"""Operations on ranges of a file: write, clear, list."""

import os

from aiohttp import web
from multidict import CIMultiDict

from aca_local.files.body import MAX_WRITE, Payload, content_length, md5_text, parse_range, receive
from aca_local.files.call import Call, bad_header
from aca_local.files.clock import iso
from aca_local.files.content import set_mtime, zero_bytes
from aca_local.files.entries import Area, Entry
from aca_local.files.errors import FilesError
from aca_local.files.file_ops import refuse_read_only
from aca_local.files.model import Record
from aca_local.files.reply import empty, entry_headers, xml
from aca_local.files.service import Service
from aca_local.files.spans import Span, add, clear, clip


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
    start, end = _range(call, entry)
    before = entry.written
    if clears:
        zero_bytes(entry.found.path, start, end - start + 1)
        entry.record.extra.ranges = clear(_spans(entry), start, end, entry.size)
    else:
        if payload.length != end - start + 1:
            raise FilesError(
                "InvalidHeaderValue", HeaderName="x-ms-range", HeaderValue=f"bytes={start}-{end}"
            )
        payload.write_into(entry.found.path, start)
        entry.record.extra.ranges = add(_spans(entry), start, end)
    headers = range_written(service, call, area, entry, before)
    if not clears:
        headers["Content-MD5"] = md5_text(payload.md5)
    return empty(201, headers)


def _range(call: Call, entry: Entry) -> Span:
    span = parse_range(call)
    if span is None:
        raise FilesError("MissingRequiredHeader", HeaderName="x-ms-range")
    start, end = span
    if end is None or end < start or end >= entry.size:
        raise FilesError("InvalidRange")
    return start, end


def _spans(entry: Entry) -> list[Span]:
    ranges = entry.record.extra.ranges
    if ranges is not None:
        return ranges
    return [(0, entry.size - 1)] if entry.size else []


def range_written(service: Service, call: Call, area: Area, entry: Entry, before: int) -> CIMultiDict[str]:
    """Keep the record of a file whose content was changed in place; return the headers of the reply.

    `before` is the last write time to restore when the request says `preserve`.
    """
    extra = entry.record.extra
    if extra.ranges == [(0, entry.size - 1)]:
        extra.ranges = None
    extra.change_time = None
    mode = call.headers.get("x-ms-file-last-write-time", "now").lower()
    if mode not in ("now", "preserve"):
        raise bad_header("x-ms-file-last-write-time", mode)
    if mode == "preserve":
        set_mtime(entry.found.path, before)
    there = os.stat(entry.found.path)
    changed = service.clock.tick()
    record = Record(there.st_mtime_ns, there.st_size, changed, entry.record.created, changed, extra)
    service.entries.save(area, entry.found.names, record)
    now = Entry(entry.found, there, record)
    headers = entry_headers(call, now)
    headers["x-ms-request-server-encrypted"] = "true"
    headers["x-ms-file-last-write-time"] = iso(now.written)
    return headers


async def list_ranges(service: Service, call: Call) -> web.Response:
    """List the ranges of a file that hold data."""
    entry = service.entries.file(service.entries.area(call), call.names)
    span = parse_range(call)
    first, last = (0, None) if span is None else span
    shown = clip(_spans(entry), first, entry.size - 1 if last is None else last)
    rows = "".join(f"<Range><Start>{start}</Start><End>{end}</End></Range>" for start, end in shown)
    headers = entry_headers(call, entry)
    headers["x-ms-content-length"] = str(entry.size)
    return xml(headers, f"<Ranges>{rows}</Ranges>" if rows else "<Ranges />")
