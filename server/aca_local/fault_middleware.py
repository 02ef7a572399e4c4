"""Makes requests go wrong as the rules say: the middleware of ``faults``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from uuid import uuid4
from xml.sax.saxutils import escape

from aiohttp import web

from aca_local.fault_rules import FaultsError, Said, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aca_local.fault_rules import Answer, Fault, Service
    from aca_local.listeners import Handler

REFUSALS = frozenset((400, 403, 404, 409))
PIECES = 20  # a second, of a slow answer


@dataclass
class Faults:
    """The rules of one instance; they can be replaced while it runs."""

    rules: list[Fault] = field(default_factory=list)

    def around(self, handler: Handler, service: Service) -> Handler:
        """Put the rules before a handler."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            for rule in self.rules:
                if rule.takes(service, request.method, request.path_qs):
                    return await _go_wrong(rule, request, handler, service)
            return await handler(request)

        return answer

    def of_replica(self, name: str) -> str:
        """Name what shall go wrong with this start of a container (``app/container``); empty: nothing."""
        return next((one.name for one in self.rules if one.takes("replicas", "START", name)), "")

    def of_template(self, path: str) -> tuple[int, dict[str, object]] | None:
        """Say how a resource provider refuses a template's PUT, if it shall: status and error.

        Only refusals: what is overloaded or not signed in is no matter between ARM and a provider.
        """
        for rule in self.rules:
            said = rule.answer.body if rule.answer else None
            if rule.answer is None or rule.answer.status not in REFUSALS or not isinstance(said, Said):
                continue
            if rule.takes("arm", "PUT", path):
                return rule.answer.status, said.about(path)
        return None

    async def put(self, request: web.BaseRequest) -> web.Response:
        """``PUT /aca-local/faults``: replace the rules."""
        try:
            self.rules = read((await request.read()).decode("utf-8-sig", "replace"))
        except FaultsError as problem:
            return web.json_response({"error": str(problem)}, status=400)
        return web.json_response({"faults": len(self.rules)})


async def _go_wrong(
    rule: Fault, request: web.BaseRequest, handler: Handler, service: Service
) -> web.StreamResponse:
    await asyncio.sleep(rule.delay)
    transport = request.transport
    if rule.reset:
        if transport:
            transport.abort()
        return web.Response(status=500)
    if rule.answer:
        return _response(rule.answer, service, request.path)
    if isinstance(transport, asyncio.Transport) and rule.cut is not None:
        request.protocol.transport = cast("asyncio.Transport", _Cut(transport, rule.cut))
    elif isinstance(transport, asyncio.Transport) and rule.bytes_per_second:
        slow = _Slow(transport, rule.bytes_per_second)
        request.protocol.transport = cast("asyncio.Transport", slow)
    return await handler(request)


def _response(answer: Answer, service: Service, path: str) -> web.Response:
    headers = dict(answer.headers)
    if service == "files":
        headers["x-ms-request-id"] = str(uuid4())  # as each answer of the service has
    if not isinstance(answer.body, Said):
        return web.json_response(answer.body, status=answer.status, headers=headers)
    error = answer.body.about(path)
    headers["x-ms-error-code"] = answer.body.code
    if service == "files":
        code, message = (escape(str(error[key])) for key in ("code", "message"))
        text = (
            '\ufeff<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
        return web.Response(status=answer.status, text=text, content_type="application/xml", headers=headers)
    return web.json_response({"error": error}, status=answer.status, headers=headers)


class _Through:
    """Stands for a connection's transport: what is not about writing goes straight on."""

    def __init__(self, real: asyncio.Transport) -> None:
        self._real = real

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def write(self, data: bytes) -> None:
        """Pass bytes on, or not."""
        raise NotImplementedError

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Pass bytes on, or not."""
        self.write(b"".join(pieces))


class _Cut(_Through):
    """Lets some bytes through, then resets the connection."""

    def __init__(self, real: asyncio.Transport, left: int) -> None:
        super().__init__(real)
        self._left = left

    def write(self, data: bytes) -> None:
        """Pass on what is still allowed; with the last of it the connection ends."""
        self._real.write(bytes(data[: self._left]))
        self._left -= len(data)
        if self._left <= 0:
            self._left = 0
            # Closed, not aborted: what was let through shall arrive. The length that was promised does not.
            self._real.close()


class _Slow(_Through):
    """Lets bytes through at a pace; a close waits for the last."""

    def __init__(self, real: asyncio.Transport, rate: float) -> None:
        super().__init__(real)
        self._waiting, self._piece, self._closing = bytearray(), max(1, int(rate / PIECES)), False

    def write(self, data: bytes) -> None:
        """Queue bytes; they leave at the pace."""
        idle = not self._waiting
        self._waiting += data
        if idle and data:
            self._next()

    def close(self) -> None:
        """Close when the last byte has left."""
        self._closing = True
        if not self._waiting:
            self._real.close()

    def _next(self) -> None:
        self._real.write(bytes(self._waiting[: self._piece]))
        del self._waiting[: self._piece]
        if self._waiting:
            asyncio.get_running_loop().call_later(1 / PIECES, self._next)
        elif self._closing:
            self._real.close()
