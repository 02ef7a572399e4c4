"""Replies: the headers that every answer carries, XML bodies, streamed files."""

from aiohttp import web
from multidict import CIMultiDict

from aca_local.files.clock import etag, http_date
from aca_local.files.entries import Entry
from aca_local.files.request import Call

SERVER = "Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0"
BOM = b"\xef\xbb\xbf"


def headers_for(call: Call, changed: int | None = None) -> CIMultiDict[str]:
    """Return the headers of any reply; with a resource's version tick, its ETag and Last-Modified too."""
    headers = {"Server": SERVER, "x-ms-request-id": call.request_id, "x-ms-version": call.version}
    if changed is not None:
        headers["ETag"] = etag(changed)
        headers["Last-Modified"] = http_date(changed)
    client_id = call.ms.get("x-ms-client-request-id")
    if client_id:
        headers["x-ms-client-request-id"] = client_id
    return CIMultiDict(headers)


def entry_headers(call: Call, entry: Entry) -> CIMultiDict[str]:
    """Return the headers of a reply about a file or folder."""
    return headers_for(call, entry.record.changed)


def empty(status: int, headers: CIMultiDict[str]) -> web.Response:
    """Return a reply without a body."""
    return web.Response(status=status, headers=headers)


def xml(headers: CIMultiDict[str], body: str) -> web.Response:
    """Return an XML reply; `body` is the root element."""
    headers["Content-Type"] = "application/xml"
    declaration = b'<?xml version="1.0" encoding="utf-8"?>'
    return web.Response(headers=headers, body=BOM + declaration + body.encode())


def metadata_headers(headers: CIMultiDict[str], metadata: dict[str, str]) -> None:
    """Add user metadata to a reply."""
    for name, value in metadata.items():
        headers[f"x-ms-meta-{name}"] = value
