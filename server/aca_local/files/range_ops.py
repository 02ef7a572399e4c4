"""Operations on ranges of a file: write, clear, list."""

import os
from mmap import PAGESIZE

from aiohttp import web
from multidict import CIMultiDict

from aca_local.files.body import MAX_WRITE, Payload, content_length, parse_range, receive
from aca_local.files.byte_ranges import Span, add, clear, clip, intersect, subtract
from aca_local.files.clock import iso
from aca_local.files.content import set_mtime, write_at
from aca_local.files.context import Service
from aca_local.files.entries import Area, Entry, mtime_of
from aca_local.files.errors import FilesError
from aca_local.files.file_ops import body_headers, refuse_read_only
from aca_local.files.leases import check_lease
from aca_local.files.listing import page_size, tag
from aca_local.files.numbers import whole_number
from aca_local.files.records import Record
from aca_local.files.request import Call, bad_header
from aca_local.files.response import empty, entry_headers, xml


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
        in_one_page = start // PAGESIZE == end // PAGESIZE
        if payload.data is not None and in_one_page:  # whole or not there after a kill, as it is
            write_at(entry.found.path, start, payload.data)
        else:
            service.entries.write(entry.found.path, start, payload.put_aside())
        entry.record.extra.ranges = add(spans_of(entry), start, end)
        touch_range(service, area, entry, start, end)
    headers = range_written(service, call, area, entry, before)
    if not clears:
        body_headers(call, headers, payload)
    return empty(201, headers)


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


async def list_ranges(service: Service, call: Call) -> web.Response:
    """List the ranges that hold data; with `prevsharesnapshot`, those written and cleared since then."""
    entry = service.entries.file(service.entries.area(call), call.names)
    check_lease(call, entry.record.extra.lease, service.clock.now(), writes=False)
    span = parse_range(call)
    first, last = (0, None) if span is None else span
    end = entry.size - 1 if last is None else last
    written = clip(spans_of(entry), first, end)
    cleared: list[Span] = []
    previous = call.query.get("prevsharesnapshot")
    if previous is not None:
        changed = clip(_changed(service, call, entry, previous), first, end)
        written, cleared = intersect(written, changed), subtract(changed, spans_of(entry))
    headers = entry_headers(call, entry)
    headers["x-ms-content-length"] = str(entry.size)
    return xml(headers, _document(call, written, cleared))


def _document(call: Call, written: list[Span], cleared: list[Span]) -> str:
    rows = sorted([*((span, "Range") for span in written), *((span, "ClearRange") for span in cleared)])
    marker = call.query.get("marker") or "0"
    start = whole_number(marker)
    if start is None:
        raise FilesError(
            "InvalidQueryParameterValue", QueryParameterName="marker", QueryParameterValue=marker
        )
    rows = [row for row in rows if row[0][0] >= start]
    size = page_size(call) if "maxresults" in call.query else len(rows)
    body = "".join(f"<{name}><Start>{a}</Start><End>{b}</End></{name}>" for (a, b), name in rows[:size])
    if "maxresults" in call.query or "marker" in call.query:
        body += tag("NextMarker", str(rows[size][0][0]) if len(rows) > size else "")
    return f"<Ranges>{body}</Ranges>" if body else "<Ranges />"


def _changed(service: Service, call: Call, entry: Entry, previous: str) -> list[Span]:
    """Return the ranges written or cleared since a snapshot; for a newer file, all of it."""
    try:
        area = service.entries.share_area(call.account, call.share, previous)
    except FilesError:
        raise FilesError("PreviousSnapshotNotFound") from None
    extra = entry.record.extra
    if extra.renamed >= previous and not call.flag("x-ms-file-support-rename"):
        raise FilesError("PreviousSnapshotOperationNotSupported")
    whole = [(0, entry.size - 1)] if entry.size else []
    if extra.ranges is None and not extra.touched and not extra.renamed:
        before = area.tree.find(entry.found.names)
        then, now = ((one.st_mtime_ns, one.st_size) if one else None for one in (before.stat, entry.stat))
        return [] if then == now else whole
    changed: list[Span] = []
    for snapshot, spans in extra.touched.items():
        if snapshot >= previous:
            for start, end in spans:
                changed = add(changed, start, end)
    return changed
