"""Operations on files: create, read, delete, properties, metadata, leases."""

import errno
import hashlib
import os

from aiohttp import web
from multidict import CIMultiDict

from aca_local.files import leases, structured
from aca_local.files.body import (
    MAX_WRITE,
    Payload,
    data_length,
    md5_text,
    parse_range,
    receive,
)
from aca_local.files.byte_ranges import clip
from aca_local.files.clock import http_date
from aca_local.files.conditions import check_conditions
from aca_local.files.content import PIECE, make_file, read_pieces, remove_quietly, set_mtime
from aca_local.files.context import Service
from aca_local.files.entries import Area, Entry, mtime_of
from aca_local.files.errors import FilesError
from aca_local.files.path_lookup import Found
from aca_local.files.records import Copy, Extra, Lease, Record
from aca_local.files.request import Call, bad_header
from aca_local.files.response import empty, entry_headers, headers_for, metadata_headers
from aca_local.files.smb import Settings, read_settings, smb_headers

CREATE_WITH_DATA = "2026-02-06"  # the first version that takes a body; another document says 2026-06-06
OCTETS = "application/octet-stream"
MAX_FILE = 4 * 1024**4
MAX_MD5_RANGE = 4 * 1024 * 1024
CONTENT_HEADERS = {
    "x-ms-content-type": "Content-Type",
    "x-ms-content-encoding": "Content-Encoding",
    "x-ms-content-language": "Content-Language",
    "x-ms-cache-control": "Cache-Control",
    "x-ms-content-md5": "Content-MD5",
    "x-ms-content-disposition": "Content-Disposition",
}
SMB_SETTINGS = ("x-ms-content-length", "x-ms-file-permission", "x-ms-file-attributes")
OVERRIDES = {
    "rsct": "Content-Type", "rsce": "Content-Encoding", "rscl": "Content-Language",
    "rscc": "Cache-Control", "rscd": "Content-Disposition",
}  # fmt: skip


async def create(service: Service, call: Call) -> web.Response:
    """Create or replace a file, with its content where the request has a body."""
    if call.required("x-ms-type").lower() != "file":
        raise bad_header("x-ms-type", call.ms["x-ms-type"])
    size = _new_size(service, call)
    payload = await receive(call, MAX_WRITE, service.shares.staging())
    try:
        return _create(service, call, size, payload)
    except BaseException:
        remove_quietly(payload.path)
        raise


def _create(service: Service, call: Call, size: int, payload: Payload) -> web.Response:
    area = service.entries.area(call)
    found, lease = target_of(service, call, area)
    now = service.clock.tick()
    settings = read_settings(call, area, service.store, now)
    extra = Extra(headers=_given_headers(call), metadata=call.metadata, lease=lease)
    settings.apply(extra)
    if payload.length < size:
        extra.ranges = [(0, payload.length - 1)] if payload.length else []
    there = make_file(payload.path, payload.data, size, settings.written_at(now))
    entry = put(service, area, found, payload.path, there, now=now, settings=settings, extra=extra)
    headers = created_headers(call, entry)
    if payload.length:
        body_headers(call, headers, payload)
    return empty(201, headers)


def _given_headers(call: Call) -> dict[str, str]:
    """Return the HTTP headers that a file gets: without another, the request's own Content-Type counts."""
    headers = content_headers(call)
    own = call.headers.get("Content-Type", OCTETS)
    return headers if own == OCTETS else {"Content-Type": own, **headers}


def body_headers(call: Call, headers: CIMultiDict[str], payload: Payload) -> None:
    """Say in a reply how the body was checked."""
    if "x-ms-structured-body" in call.ms:
        headers["x-ms-structured-body"] = call.ms["x-ms-structured-body"]
    else:
        headers["Content-MD5"] = md5_text(payload.md5)


def _new_size(service: Service, call: Call) -> int:
    """Return the size of the new file; raises for a body that is not allowed or does not fit."""
    call.required("x-ms-content-length")
    size = call.number("x-ms-content-length") or 0
    length = data_length(call)
    if size > min(MAX_FILE, service.shares.get_share(call.account, call.share).quota_gib * 1024**3):
        raise FilesError("OutOfRangeInput" if size > MAX_FILE else "ShareSizeLimitReached")
    if length and not (service.options.create_with_data and call.version >= CREATE_WITH_DATA):
        raise bad_header("Content-Length", str(length))
    if length > size:
        raise bad_header("x-ms-content-length", str(size))
    return size


def target_of(
    service: Service, call: Call, area: Area, *, ignore_read_only: bool = False
) -> tuple[Found, Lease | None]:
    """Return the path where a file may be put, and the lease of the file that it replaces."""
    names = call.names
    if not names:
        raise FilesError("InvalidUri")
    found = area.tree.find_target(names)
    if found.is_directory:
        raise FilesError("ResourceTypeMismatch")
    if found.stat is None:
        return found, None
    entry = service.entries.entry(area, found)
    lease = entry.record.extra.lease
    leases.check_lease(call, lease, service.clock.now(), writes=True)
    if not ignore_read_only:
        refuse_read_only(entry)
    return found, lease


def refuse_read_only(entry: Entry) -> None:
    """Raise ReadOnlyAttribute for a file that has the attribute."""
    if "ReadOnly" in entry.record.extra.attributes:
        raise FilesError("ReadOnlyAttribute")


def put(
    service: Service,
    area: Area,
    found: Found,
    staged: str,
    there: os.stat_result,
    *,
    now: int,
    settings: Settings,
    extra: Extra,
) -> Entry:
    """Put a finished file in place with its record, and return it; `now` is its version."""
    created = now if settings.created is None else settings.created
    record = Record(mtime_of(there), there.st_size, now, created, settings.written_at(now), extra)
    service.entries.put(area, found, record, there, staged)
    if found.stat is None:
        area.tree.added(found)
    return Entry(found, there, record)


def created_headers(call: Call, entry: Entry) -> CIMultiDict[str]:
    """Return the headers of a reply to a write of an entry."""
    headers = entry_headers(call, entry)
    headers["x-ms-request-server-encrypted"] = "true"
    smb_headers(headers, entry)
    return headers


def content_headers(call: Call) -> dict[str, str]:
    """Return the HTTP headers that reads of the file will carry."""
    return {
        name: value
        for header, name in CONTENT_HEADERS.items()
        if (value := call.headers.get(header)) is not None
    }


async def properties(service: Service, call: Call) -> web.Response:
    """Answer HEAD: the properties of a file."""
    entry = _readable(service, call)
    headers = _file_headers(service, call, entry)
    headers["Content-Length"] = str(entry.size)
    headers["x-ms-type"] = "File"
    return empty(200, headers)


def _readable(service: Service, call: Call) -> Entry:
    entry = service.entries.file(service.entries.area(call), call.names)
    leases.check_lease(call, entry.record.extra.lease, service.clock.now(), writes=False)
    check_conditions(call, entry.record.changed)
    return entry


def _file_headers(service: Service, call: Call, entry: Entry) -> CIMultiDict[str]:
    extra = entry.record.extra
    headers = entry_headers(call, entry)
    headers["Content-Type"] = OCTETS
    headers.update(extra.headers)
    headers.update({name: call.query[key] for key, name in OVERRIDES.items() if key in call.query})
    headers["x-ms-server-encrypted"] = "true"
    metadata_headers(headers, extra.metadata)
    smb_headers(headers, entry)
    leases.lease_headers(headers, extra.lease, service.clock.now())
    if extra.copy:
        _copy_headers(headers, extra.copy)
    return headers


def _copy_headers(headers: CIMultiDict[str], copy: Copy) -> None:
    headers["x-ms-copy-id"] = copy.id
    headers["x-ms-copy-source"] = copy.source
    headers["x-ms-copy-status"] = copy.status
    headers["x-ms-copy-progress"] = copy.progress
    headers["x-ms-copy-completion-time"] = http_date(copy.completed)


async def read(service: Service, call: Call) -> web.StreamResponse:
    """Answer GET: the content of a file, or a range of it."""
    entry = _readable(service, call)
    headers = _file_headers(service, call, entry)
    if not os.access(entry.found.path, os.R_OK):  # before the first byte of the answer
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    headers["Accept-Ranges"] = "bytes"
    headers["x-ms-type"] = "File"
    start, length, size = 0, entry.size, entry.size
    span = parse_range(call)
    if span is not None:
        start, last = span
        if start >= size or (last is not None and last < start):
            raise FilesError("InvalidRange", headers={"Content-Range": f"bytes */{size}"})
        length = (size if last is None else min(last + 1, size)) - start
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
        if "Content-MD5" in headers:
            headers["x-ms-content-md5"] = headers.pop("Content-MD5")
    await _range_md5(call, headers, entry, start=start, length=length, ranged=span is not None)
    status = 200 if span is None else 206
    return await send(call, headers, entry.found.path, start=start, length=length, status=status)


async def _range_md5(
    call: Call, headers: CIMultiDict[str], entry: Entry, *, start: int, length: int, ranged: bool
) -> None:
    if not call.flag("x-ms-range-get-content-md5"):
        return
    if not ranged or length > MAX_MD5_RANGE:
        raise FilesError(
            "OutOfRangeInput" if ranged else "InvalidHeaderValue", HeaderName="x-ms-range-get-content-md5"
        )
    digest = hashlib.md5(usedforsecurity=False)
    async for piece in read_pieces(entry.found.path, start, length):
        digest.update(piece)
    headers["Content-MD5"] = md5_text(digest.digest())


async def send(
    call: Call, headers: CIMultiDict[str], path: str, *, start: int, length: int, status: int
) -> web.StreamResponse:
    """Send bytes of a file: small ones at once, others in pieces; as a structured message where asked."""
    pieces = read_pieces(path, start, length)
    if "x-ms-structured-body" in call.ms:
        if call.ms["x-ms-structured-body"] != structured.NAME:
            raise bad_header("x-ms-structured-body", call.ms["x-ms-structured-body"])
        headers["x-ms-structured-body"] = structured.NAME
        headers["x-ms-structured-content-length"] = str(length)
        pieces, length = structured.encode(pieces, length), structured.message_length(length)
    if length <= PIECE:
        body = b"".join([piece async for piece in pieces])
        return web.Response(status=status, headers=headers, body=body)
    headers["Content-Length"] = str(length)
    reply = web.StreamResponse(status=status, headers=headers)
    await reply.prepare(call.request)
    async for piece in pieces:
        await reply.write(piece)
    await reply.write_eof()
    return reply


async def delete(service: Service, call: Call) -> web.Response:
    """Delete a file."""
    area = service.entries.area(call)
    entry = service.file_to_change(call, area)
    refuse_read_only(entry)
    os.unlink(entry.found.path)
    service.entries.forget(area, entry.found.names)
    return empty(202, headers_for(call))


async def set_properties(service: Service, call: Call) -> web.Response:
    """Set HTTP headers, SMB properties and, where it is given, the size of a file."""
    area = service.entries.area(call)
    entry = service.file_to_change(call, area)
    settings = read_settings(call, area, service.store, service.clock.tick())
    extra = entry.record.extra
    sets_smb = any(header in call.headers for header in SMB_SETTINGS)
    if any(header in call.headers for header in CONTENT_HEADERS) or not sets_smb:
        extra.headers = _given_headers(call)
    size = call.number("x-ms-content-length")
    if size is not None:
        _resize(area, entry, size)
    written = entry.written if settings.written is None else settings.written
    settings.apply(extra)
    return save_change(service, call, area, entry, settings=settings, written=written)


def _resize(area: Area, entry: Entry, size: int) -> None:
    if size > area.share.quota_gib * 1024**3:
        raise FilesError("ShareSizeLimitReached")
    extra = entry.record.extra
    spans = extra.ranges if extra.ranges is not None else ([(0, entry.size - 1)] if entry.size else [])
    os.truncate(entry.found.path, size)
    extra.ranges = None if clip(spans, 0, size - 1) == [(0, size - 1)] else clip(spans, 0, size - 1)


def save_change(
    service: Service, call: Call, area: Area, entry: Entry, *, settings: Settings, written: int | None
) -> web.Response:
    """Keep a changed record, set the modification time of a file, and reply."""
    if written is not None and not entry.found.is_directory:
        set_mtime(entry.found.path, written)
    there = os.stat(entry.found.path)
    changed = service.clock.tick()
    created = entry.record.created if settings.created is None else settings.created
    kept = entry.record.written if written is None else written
    record = Record(mtime_of(there), there.st_size, changed, created, kept, entry.record.extra)
    service.entries.save(area, entry.found.names, record)
    return empty(200, created_headers(call, Entry(entry.found, there, record)))


async def set_metadata(service: Service, call: Call) -> web.Response:
    """Replace a file's metadata."""
    area = service.entries.area(call)
    entry = service.file_to_change(call, area)
    return put_metadata(service, call, area, entry)


def put_metadata(service: Service, call: Call, area: Area, entry: Entry) -> web.Response:
    """Replace the metadata of a file or folder, and reply."""
    entry.record.extra.metadata = call.metadata
    touch(service, area, entry)
    headers = entry_headers(call, entry)
    headers["x-ms-request-server-encrypted"] = "true"
    return empty(200, headers)


def touch(service: Service, area: Area, entry: Entry) -> None:
    """Give an entry a new version and keep its record."""
    entry.record.changed = service.clock.tick()
    service.entries.save(area, entry.found.names, entry.record)


async def get_metadata(service: Service, call: Call) -> web.Response:
    """Answer GET and HEAD for the metadata of a file."""
    entry = _readable(service, call)
    headers = entry_headers(call, entry)
    metadata_headers(headers, entry.record.extra.metadata)
    return empty(200, headers)


async def lease(service: Service, call: Call) -> web.Response:
    """Acquire, release, change or break a lease on a file."""
    area = service.entries.area(call)
    entry = service.entries.file(area, call.names)
    outcome = leases.act(call, entry.record.extra.lease, service.clock.now(), timed=False)
    entry.record.extra.lease = outcome.lease
    service.entries.save(area, entry.found.names, entry.record)
    headers = entry_headers(call, entry)
    headers.update(outcome.headers)
    return empty(outcome.status, headers)
