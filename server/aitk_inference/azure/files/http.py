"""HTTP/1.1 to the Files service: connections that are kept, one request at a time on each.

A sync sends thousands of small requests, so what one costs decides how long it takes: aiohttp needs some
0.2 ms of processor time for each and 0.3 s to be imported, this a fifth of both. The answers are read by
httptools, which is Node.js' parser. Proxies are not spoken to; where one is set, the SDK does everything
(``sdk_share.py``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, cast

import httptools

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

_CONNECT_SECONDS = 15.0
_SLICE = 256 << 10
"""Bytes written at once: more would be copied into the transport's buffer."""
_INFORMATIONAL = 200


class Dropped(ConnectionError):
    """The connection ended before the answer was complete.

    Attributes:
        untouched: Nothing of an answer had come: on a kept connection the service had closed it before.
    """

    def __init__(self, *, untouched: bool) -> None:
        super().__init__("The connection was closed before the answer was complete.")
        self.untouched = untouched


class Reply(NamedTuple):
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """True if the request was carried out."""
        return self.status < 300  # noqa: PLR2004 - HTTP's border


class Origin(NamedTuple):
    """Where the service listens."""

    host: str
    port: int
    tls: ssl.SSLContext | None


class Connection(asyncio.Protocol):
    """One connection, busy with one request at a time.

    Args:
        timeout: Seconds without any byte in either direction after which it counts as dead.
    """

    def __init__(self, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None
        self._answer: asyncio.Future[Reply] | None = None
        self._touched = 0.0
        self.open = False

    async def ask(self, head: bytes, body: bytes = b"") -> Reply:
        """Send one request and wait for its answer.

        Raises:
            Dropped, OSError: the connection ended.
            TimeoutError: nothing moved for too long.
        """
        self._bodiless = head.startswith(b"HEAD ")
        self._start_reading()
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self._answer = answer
        self._timer = self._loop.call_later(self._timeout, self._look)
        try:
            await self._write(head, body, answer)
            return await answer
        finally:
            self._timer.cancel()
            self._answer = None

    def close(self) -> None:
        """End the connection at once."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    async def _write(self, head: bytes, body: bytes, answer: asyncio.Future[Reply]) -> None:
        transport = cast("asyncio.Transport", self._transport)
        if len(body) <= _SLICE:
            transport.write(head + body)
            return
        transport.write(head)
        view = memoryview(body)
        for start in range(0, len(body), _SLICE):
            if self._writable is not None:
                await asyncio.wait((self._writable, answer), return_when=asyncio.FIRST_COMPLETED)
            if answer.done():  # refused before the body was through: what is left is not sent
                self.open = False
                return
            transport.write(view[start : start + _SLICE])
            self._touched = self._loop.time()

    def _look(self) -> None:
        """Give up when nothing has moved since the last look."""
        if self._answer is None or self._answer.done():
            return
        quiet = self._loop.time() - self._touched
        if quiet >= self._timeout:
            self._fail(TimeoutError("No answer in time."))
            self.close()
        else:
            self._timer = self._loop.call_later(self._timeout - quiet, self._look)

    def _start_reading(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._received = False
        self._touched = self._loop.time()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_SLICE)
        self.open = True

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what comes unasked ends the connection."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        self._received = True
        self._touched = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self._answer.done():
                self._fail(ConnectionError(f"The answer is not HTTP: {error}"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the request that waits."""
        self.open = False
        untouched = not getattr(self, "_received", False)
        dropped = Dropped(untouched=untouched)
        dropped.__cause__ = exc
        self._fail(dropped)

    def pause_writing(self) -> None:
        """Wait: the transport has enough for now."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Go on: the transport takes more."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """End an answer to HEAD here, whatever length its headers give."""
        if self._bodiless and self._parser.get_status_code() >= _INFORMATIONAL:
            self._complete()

    def on_body(self, body: bytes) -> None:
        """Note a part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """End the answer; an informational one only precedes it."""
        if self._parser.get_status_code() < _INFORMATIONAL:
            self._headers = {}
        else:
            self._complete()

    def _complete(self) -> None:
        if self._answer is None or self._answer.done():
            return
        self.open = self.open and self._parser.should_keep_alive()
        self._answer.set_result(Reply(self._parser.get_status_code(), self._headers, b"".join(self._body)))


class Pool:
    """The connections to one service; as many as there are requests at once.

    Args:
        origin: Where it listens.
        timeout: Seconds of silence after which a connection is given up.
    """

    def __init__(self, origin: Origin, timeout: float) -> None:
        self._origin = origin
        self._timeout = timeout
        self._idle: list[Connection] = []

    async def ask(self, head: bytes, body: bytes = b"", *, idempotent: bool = True) -> Reply:
        """Send one request on a connection that is free, or on a new one.

        One that the service closed while it was kept is replaced, where the request may be repeated.

        Raises:
            OSError, TimeoutError: there is no connection, or it broke.
        """
        connection = self._kept()
        if connection is not None:
            try:
                return await self._ask(connection, head, body)
            except Dropped as dropped:
                if not (dropped.untouched and idempotent):
                    raise
        return await self._ask(await self._connect(), head, body)

    def close(self) -> None:
        """End all connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    async def _ask(self, connection: Connection, head: bytes, body: bytes) -> Reply:
        try:
            reply = await connection.ask(head, body)
        except BaseException:
            connection.close()
            raise
        if connection.open:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    async def _connect(self) -> Connection:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self._timeout), self._origin.host, self._origin.port, ssl=self._origin.tls
            )
        return connection
