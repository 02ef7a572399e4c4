"""Open handles: there never are any, since nothing mounts a share over SMB here."""

from aiohttp import web

from aca_local.files.context import Service
from aca_local.files.request import Call
from aca_local.files.response import empty, headers_for, xml


async def list_handles(service: Service, call: Call) -> web.Response:
    """List the open handles of a file or folder that exists: none."""
    area = service.entries.area(call)
    service.entries.entry(area, area.tree.find(call.names))
    return xml(headers_for(call), "<EnumerationResults><Entries /><NextMarker /></EnumerationResults>")


async def close(service: Service, call: Call) -> web.Response:
    """Close handles of a file or folder that exists: none is open."""
    call.required("x-ms-handle-id")
    area = service.entries.area(call)
    service.entries.entry(area, area.tree.find(call.names))
    headers = headers_for(call)
    headers["x-ms-number-of-handles-closed"] = "0"
    headers["x-ms-number-of-handles-failed"] = "0"
    return empty(200, headers)
