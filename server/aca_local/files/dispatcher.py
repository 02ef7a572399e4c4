"""The handler: from a raw HTTP request to an operation, and from an error to its reply."""

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web
from multidict import CIMultiDict

from aca_local.files.address import Addresses
from aca_local.files.authorization import Gate, Keys
from aca_local.files.clock import NS_PER_TICK, iso
from aca_local.files.conditions import refuse_conditions
from aca_local.files.context import FilesOptions, Service
from aca_local.files.coverage import route_name
from aca_local.files.entries import Entries
from aca_local.files.errors import FilesError, error_body, not_served
from aca_local.files.operations import FROM_URL, Key, Operation, operations
from aca_local.files.request import META, Call
from aca_local.files.response import SERVER, empty
from aca_local.files.sas import PARAMETERS
from aca_local.files.shares import FileShares
from aca_local.files.versions import LATEST, VERSIONS

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Refused = Callable[[str, str, str], None]  # method, route, error code of what is not served
NO_TEXT = re.compile("[\ud800-\udfff]")  # how aiohttp shows a header's bytes that are no UTF-8


def build_handler(
    shares: FileShares,
    keys: Keys,
    *,
    token_is_valid: Callable[[str], bool] = lambda token: False,
    takes_keys: Callable[[str], bool] = lambda account: True,
    is_reachable: Callable[[str], bool] = lambda account: True,
    options: FilesOptions | None = None,
    refused: Refused = lambda method, route, code: None,
) -> Handler:
    """Return a handler that serves the shares, for `aiohttp.web.Server(handler, auto_decompress=False)`.

    `keys` says who may sign, `token_is_valid` which bearer tokens are good (none by default), `takes_keys`
    which accounts let their keys sign at all, `is_reachable` whose network is open. A request whose `Host` is
    not this computer's is refused.
    Never raises: errors become the service's own replies.
    `refused` is told what had to be refused because it is not served here.
    """
    chosen = options or FilesOptions()
    gate = Gate(shares, keys, token_is_valid, takes_keys, is_reachable)
    return _Handler(Service(shares, Entries(shares), gate, Addresses(chosen.suffix), chosen), refused).handle


class _Handler:
    def __init__(self, service: Service, refused: Refused) -> None:
        self._service, self._refused = service, refused
        self._operations = operations()
        self._log = logging.getLogger(__name__)
        self._run = uuid.uuid4().hex
        self._count = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        request_id = self._request_id()
        try:
            return await self._answer(request, request_id)
        except FilesError as error:
            return _failure(request, request_id, error)
        except PermissionError as problem:
            words = f"On this computer: {problem.strerror}."
            return _failure(request, request_id, FilesError("AuthorizationPermissionMismatch", words))
        except OSError as problem:
            self._log.warning("the disk refused %s: %s", request.method, problem)
            return _failure(request, request_id, FilesError("InternalError", problem.strerror or ""))

    def _request_id(self) -> str:
        """Return a new id in a GUID's form: this run's, and a number."""
        self._count += 1
        run = self._run
        return f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}-{self._count:012x}"

    async def _answer(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        for name, value in request.headers.items():
            if NO_TEXT.search(value):  # what can't be said can't be stored either
                raise FilesError("InvalidHeaderValue", HeaderName=name, HeaderValue=value)
        call = self._service.addresses.read(request, request_id)
        try:
            operation = self._admit(call)
        except FilesError as error:
            if error.not_served:
                what = "; ".join(error.fields.values())
                self._refused(call.method, route_name(_key(call), what), error.code)
            raise
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await operation.run(self._service, call)

    def _admit(self, call: Call) -> Operation:
        """Return the operation that is asked for, once who asks may do it and all of it is understood."""
        operation = self._operations.get(_key(call))
        if operation is None:
            raise self._unknown(call)
        version = call.ms.get("x-ms-version") or call.query.get("sv") or LATEST
        if version not in VERSIONS:
            raise not_served(FilesError("InvalidHeaderValue", HeaderName="x-ms-version", HeaderValue=version))
        call.version = version
        self._service.gate.check(call, operation.need)
        _check_understood(call, operation)
        return operation

    def _unknown(self, call: Call) -> FilesError:
        level, _, restype, comp = _key(call)
        others = {key[1] for key in self._operations if (key[0], key[2], key[3]) == (level, restype, comp)}
        if others:
            return not_served(FilesError("UnsupportedHttpVerb"))
        name, value = ("comp", comp) if comp else ("restype", restype)
        return not_served(
            FilesError("InvalidQueryParameterValue", QueryParameterName=name, QueryParameterValue=value)
        )


def _key(call: Call) -> Key:
    restype, comp = call.query.get("restype", ""), call.query.get("comp", "")
    if not call.share:
        return "service", call.method, restype, comp
    level = "share" if not call.entry and restype == "share" else "entry"
    if "x-ms-copy-source" in call.ms and comp in ("", "range"):
        comp += FROM_URL
    return level, call.method, restype, comp


def _check_understood(call: Call, operation: Operation) -> None:
    """Raise when a parameter or header would be passed over that may change what the request means."""
    for name in call.query.keys() - operation.query:
        if not ("sig" in call.query and name in PARAMETERS):
            raise not_served(FilesError("UnsupportedQueryParameter", QueryParameterName=name))
    for name in call.ms.keys() - operation.headers:
        if not (operation.metadata and name.startswith(META)):
            raise not_served(FilesError("UnsupportedHeader", HeaderName=name))
    if operation.writes:
        refuse_conditions(call)


def _failure(request: web.BaseRequest, request_id: str, error: FilesError) -> web.Response:
    headers: CIMultiDict[str] = CIMultiDict()
    headers["Server"] = SERVER
    headers["x-ms-request-id"] = request_id
    version = request.headers.get("x-ms-version", LATEST)
    headers["x-ms-version"] = LATEST if NO_TEXT.search(version) else version
    headers["x-ms-error-code"] = error.code
    headers.update(error.headers)
    client_id = request.headers.get("x-ms-client-request-id")
    if client_id is not None and not NO_TEXT.search(client_id):
        headers["x-ms-client-request-id"] = client_id
    if request.method == "HEAD" or error.status == 304:  # noqa: PLR2004 - neither has a body
        return empty(error.status, headers)
    headers["Content-Type"] = "application/xml"
    body = error_body(error, request_id, iso(time.time_ns() // NS_PER_TICK))
    return web.Response(status=error.status, headers=headers, body=body)
