"""Which ranges of a file hold data, and which changed since a snapshot."""

from aiohttp import web

from aca_local.files.body import parse_range
from aca_local.files.call import Call
from aca_local.files.entries import Entry
from aca_local.files.errors import FilesError
from aca_local.files.leases import check_lease
from aca_local.files.listing import page_size, tag
from aca_local.files.range_ops import spans_of
from aca_local.files.reply import entry_headers, xml
from aca_local.files.service import Service
from aca_local.files.spans import Span, add, clip, remove


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
        written, cleared = _common(written, changed), _without(changed, spans_of(entry))
    headers = entry_headers(call, entry)
    headers["x-ms-content-length"] = str(entry.size)
    return xml(headers, _document(call, written, cleared))


def _document(call: Call, written: list[Span], cleared: list[Span]) -> str:
    rows = sorted([*((span, "Range") for span in written), *((span, "ClearRange") for span in cleared)])
    start = int(call.query.get("marker") or 0)
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
        same = before.stat is not None and _unchanged(entry, before.stat.st_mtime_ns, before.stat.st_size)
        return [] if same else whole
    changed: list[Span] = []
    for snapshot, spans in extra.touched.items():
        if snapshot >= previous:
            for start, end in spans:
                changed = add(changed, start, end)
    return changed


def _unchanged(entry: Entry, mtime: int, size: int) -> bool:
    return (entry.stat.st_mtime_ns, entry.stat.st_size) == (mtime, size)


def _common(spans: list[Span], others: list[Span]) -> list[Span]:
    return [part for start, end in others for part in clip(spans, start, end)]


def _without(spans: list[Span], others: list[Span]) -> list[Span]:
    for start, end in others:
        spans = remove(spans, start, end)
    return spans
