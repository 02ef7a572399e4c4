"""Operations on an account's file service: its properties, user delegation keys."""

from aiohttp import web

from aca_local.files.body import read_document
from aca_local.files.call import Call
from aca_local.files.policies import merge_service_properties, service_properties_xml
from aca_local.files.reply import empty, headers_for, xml
from aca_local.files.service import Service


async def get_properties(service: Service, call: Call) -> web.Response:
    """Return metrics, CORS rules and protocol settings."""
    return xml(headers_for(call), service_properties_xml(service.shares.service_document(call.account)))


async def set_properties(service: Service, call: Call) -> web.Response:
    """Set metrics, CORS rules and protocol settings."""
    kept = service.shares.service_document(call.account)
    service.shares.put_service_document(
        call.account, merge_service_properties(kept, await read_document(call))
    )
    return empty(202, headers_for(call))
