"""Listings: folders and shares, page by page, as XML."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from aca_local.files.clock import etag, http_date, iso
from aca_local.files.context import Service
from aca_local.files.entries import Entry
from aca_local.files.errors import FilesError
from aca_local.files.numbers import whole_number
from aca_local.files.records import ShareProperties
from aca_local.files.request import Call
from aca_local.files.response import headers_for, xml
from aca_local.files.share_ops import listed_properties
from aca_local.files.smb import INHERITED_KEY, attributes_of

PAGE = 5000
INCLUDES = frozenset({"timestamps", "etag", "attributes", "permissionkey"})
Item = TypeVar("Item")


def tag(name: str, value: str) -> str:
    """Return an XML element with text; an empty one closes itself, as the service's do."""
    return f"<{name}>{escape(value)}</{name}>" if value else f"<{name} />"


def page_size(call: Call) -> int:
    """Return how many entries the reply may hold; raises for a number out of range."""
    text = call.query.get("maxresults")
    if text is None:
        return PAGE
    value = whole_number(text)
    if value is None:
        raise FilesError(
            "InvalidQueryParameterValue", QueryParameterName="maxresults", QueryParameterValue=text
        )
    if value < 1:
        raise FilesError(
            "OutOfRangeQueryParameterValue", QueryParameterName="maxresults", QueryParameterValue=text
        )
    return min(value, PAGE)


def included(call: Call, known: frozenset[str]) -> set[str]:
    """Return the lower-case values of `include`; raises for one that is not known."""
    values = {part.strip().lower() for part in call.query.get("include", "").split(",") if part.strip()}
    if values - known:
        raise FilesError("InvalidQueryParameterValue", QueryParameterName="include")
    return values


def page(
    items: Sequence[Item], name: Callable[[Item], str], marker: Callable[[Item], str], call: Call
) -> tuple[list[Item], str]:
    """Return the items of the page that a request asks for, and the marker of the next page, if any.

    `name` is what a prefix is compared with, `marker` gives each item's own, in the order of the items.
    """
    prefix, size = call.query.get("prefix", "").lower(), page_size(call)
    named = [item for item in items if name(item).lower().startswith(prefix)]
    asked = call.query.get("marker", "")
    start = next((i for i, item in enumerate(named) if marker(item) >= asked), len(named)) if asked else 0
    shown = named[start : start + size]
    return shown, marker(named[start + size]) if len(named) > start + size else ""


def echo(call: Call, *names: str) -> str:
    """Return the elements that repeat what the request asked for."""
    elements = {"prefix": "Prefix", "marker": "Marker", "maxresults": "MaxResults"}
    return "".join(encoded(elements[name], call.query[name]) for name in names if name in call.query)


async def list_folder(service: Service, call: Call) -> web.Response:
    """List the files and folders of a folder, one level deep."""
    area = service.entries.area(call)
    include = included(call, INCLUDES)
    folder = service.entries.folder(area, call.names)
    extended = bool(call.flag("x-ms-file-extended-info")) or bool(include)
    names, marker = page(area.tree.children(folder.found.path), str, str.lower, call)
    shown = service.entries.named(area, folder.found, names)
    snapshot = f' ShareSnapshot="{area.share.snapshot}"' if area.share.snapshot else ""
    path = "/".join(folder.found.names)
    head = (
        f"<EnumerationResults ServiceEndpoint={quoteattr(call.service_url)}"
        f" ShareName={quoteattr(area.share.name)}{snapshot}"
        f" DirectoryPath={quoteattr(path if _fits(path) else quote(path))}>"
    )
    file_id = tag("DirectoryId", str(folder.stat.st_ino)) if extended else ""
    rows = "".join(_row(entry, include, extended) for entry in shown)
    entries = f"<Entries>{rows}</Entries>" if rows else "<Entries />"
    body = (
        f"{head}{echo(call, 'prefix', 'marker', 'maxresults')}{file_id}{entries}{tag('NextMarker', marker)}"
    )
    return xml(headers_for(call), f"{body}</EnumerationResults>")


def _row(entry: Entry, include: set[str], extended: bool) -> str:
    directory = entry.found.is_directory
    parts = [] if directory else [tag("Content-Length", str(entry.size))]
    if "timestamps" in include:
        parts += [
            tag("CreationTime", iso(entry.record.created)),
            tag("LastAccessTime", iso(entry.stat.st_atime_ns // 100)),
            tag("LastWriteTime", iso(entry.written)),
            tag("ChangeTime", iso(entry.change_time)),
            tag("Last-Modified", http_date(entry.record.changed)),
        ]
    if "etag" in include:
        parts.append(tag("Etag", etag(entry.record.changed)))
    shown = "".join(parts)
    properties = f"<Properties>{shown}</Properties>" if shown else "<Properties />"
    file_id = tag("FileId", str(entry.stat.st_ino)) if extended else ""
    attributes = tag("Attributes", attributes_of(entry)) if "attributes" in include else ""
    key = (
        tag("PermissionKey", entry.record.extra.permission or INHERITED_KEY)
        if "permissionkey" in include
        else ""
    )
    kind = "Directory" if directory else "File"
    return f"<{kind}>{encoded('Name', entry.found.names[-1])}{file_id}{properties}{attributes}{key}</{kind}>"


def encoded(name: str, value: str) -> str:
    """Return an element; a value with characters that XML can't hold is percent-encoded, and says so."""
    return tag(name, value) if _fits(value) else f'<{name} Encoded="true">{quote(value)}</{name}>'


def _fits(value: str) -> bool:
    return all(character >= " " and character not in "\ufffe\uffff" for character in value)


async def list_shares(service: Service, call: Call) -> web.Response:
    """List the shares of an account."""
    include = included(call, frozenset({"snapshots", "metadata", "deleted"}))
    shares = service.shares.list_shares(
        call.account, snapshots="snapshots" in include, deleted="deleted" in include
    )
    shown, marker = page(shares, lambda share: share.name, _share_marker, call)
    rows = "".join(_share(service, share, "metadata" in include) for share in shown)
    listed = f"<Shares>{rows}</Shares>" if rows else "<Shares />"
    head = f"<EnumerationResults ServiceEndpoint={quoteattr(call.service_url)}>"
    body = f"{head}{echo(call, 'prefix', 'marker', 'maxresults')}{listed}{tag('NextMarker', marker)}"
    return xml(headers_for(call), f"{body}</EnumerationResults>")


def _share_marker(share: ShareProperties) -> str:
    return "/".join((f"/{share.account}", share.name, share.snapshot or "~", share.deleted)).rstrip("/~")


def _share(service: Service, share: ShareProperties, metadata: bool) -> str:
    parts = [tag("Name", share.name)]
    if share.snapshot:
        parts.append(tag("Snapshot", share.snapshot))
    if share.deleted:
        parts += [tag("Deleted", "true"), tag("Version", share.deleted)]
    parts.append(f"<Properties>{listed_properties(service, share)}</Properties>")
    if metadata:
        values = "".join(tag(name, value) for name, value in share.metadata.items())
        parts.append(f"<Metadata>{values}</Metadata>" if values else "<Metadata />")
    return f"<Share>{''.join(parts)}</Share>"
