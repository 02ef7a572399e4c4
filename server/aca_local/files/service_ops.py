"""Operations on an account's file service: its properties, user delegation keys."""

from xml.sax.saxutils import escape

from aiohttp import web

from aca_local.files.body import read_document
from aca_local.files.clock import parse_iso
from aca_local.files.context import Service
from aca_local.files.errors import FilesError
from aca_local.files.policies import merge_service_properties, parse, service_properties_xml
from aca_local.files.request import Call
from aca_local.files.response import empty, headers_for, xml
from aca_local.files.sas import DELEGATION, delegation_key
from aca_local.files.tokens import holder_of


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


async def delegation(service: Service, call: Call) -> web.Response:
    """Return a key that signatures of the caller can be made with; asked for with a token."""
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        raise FilesError("AuthorizationFailure")
    info = parse(await read_document(call), "KeyInfo")
    start, expiry, tenant = (info.findtext(name) or "" for name in ("Start", "Expiry", "DelegatedUserTid"))
    if parse_iso(expiry) <= service.clock.tick():
        raise FilesError("InvalidXmlNodeValue", XmlNodeName="Expiry")
    holder = holder_of(token)
    fields = dict(zip(DELEGATION, (holder.oid, holder.tid, start, expiry, "f", call.version), strict=True))
    key = delegation_key(service.gate.keys.keys(call.account)[0], [*fields.values(), tenant])
    names = ("SignedOid", "SignedTid", "SignedStart", "SignedExpiry", "SignedService", "SignedVersion")
    shown = dict(zip(names, fields.values(), strict=True))
    if tenant:
        shown["SignedDelegatedUserTid"] = tenant
    body = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in {**shown, "Value": key}.items())
    return xml(headers_for(call), f"<UserDelegationKey>{body}</UserDelegationKey>")
