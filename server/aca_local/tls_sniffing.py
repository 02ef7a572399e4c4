"""One port for http and https: a TLS client's first byte tells which of them a connection speaks.

Azure's names answer both, and clients build either address from a bare host name (``https://{fqdn}`` of an
app, a Files endpoint that a token may be sent to). Where the event loop cannot wait for a socket without
reading it (Windows' proactor), a port keeps to its own scheme.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import ssl

TLS_HANDSHAKE = b"\x16"
SILENCE = 60.0  # seconds in which a client must begin to speak
BACKLOG = 128


def can_sniff(loop: asyncio.AbstractEventLoop) -> bool:
    """Return True if this loop can look at a connection's first byte and leave it there."""
    return isinstance(loop, asyncio.SelectorEventLoop)


class SniffingSite(web.BaseSite):
    """A site of an aiohttp runner at a port of one address, for http and https alike."""

    def __init__(self, runner: web.BaseRunner, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(runner)
        self._host, self._port, self._context = host, port, context
        self._listener: _Listener | None = None

    @property
    def name(self) -> str:
        """The address without a scheme."""
        return f"//{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        listener = socket.create_server((self._host, self._port), backlog=BACKLOG)
        await super().start()
        server = self._runner.server
        assert server is not None
        self._listener = _Listener(listener, server, self._context)

    async def stop(self) -> None:
        """Take no more connections; those that were handed over go on until the runner ends."""
        await super().stop()
        if self._listener is not None:
            await self._listener.close()


class _Listener:
    """Accepts connections, looks at the first byte of each and hands it over."""

    def __init__(self, listener: socket.socket, server: web.Server, context: ssl.SSLContext) -> None:
        listener.setblocking(False)
        self._socket, self._server, self._context = listener, server, context
        self._loop = asyncio.get_running_loop()
        self._greetings: set[asyncio.Task[None]] = set()
        self._accepting = self._loop.create_task(self._accept())

    async def close(self) -> None:
        """End accepting, and what has not spoken yet."""
        pending = (self._accepting, *self._greetings)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._socket)
            except OSError:  # too many open files: those that are open must end first
                await asyncio.sleep(0.1)
                continue
            task = self._loop.create_task(self._greet(connection))
            self._greetings.add(task)
            task.add_done_callback(self._greetings.discard)

    async def _greet(self, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(SILENCE):
                first = await self._first_byte(connection)
        except BaseException as problem:
            connection.close()
            if isinstance(problem, OSError):  # gone before a word; a TimeoutError is one too
                return
            raise
        context = self._context if first == TLS_HANDSHAKE else None
        with suppress(OSError):  # a handshake that failed: the client does not trust the certificate
            await self._loop.connect_accepted_socket(self._server, connection, ssl=context)

    async def _first_byte(self, connection: socket.socket) -> bytes:
        connection.setblocking(False)
        readable = self._loop.create_future()
        self._loop.add_reader(connection, _set_done, readable)
        try:
            await readable
        finally:
            self._loop.remove_reader(connection)
        return connection.recv(1, socket.MSG_PEEK)


def _set_done(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
