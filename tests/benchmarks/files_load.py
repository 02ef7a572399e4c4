"""Load for the Files service: requests signed beforehand, sent over plain sockets by one small process."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Iterable, Iterator, Mapping
from email.utils import formatdate

VERSION = "2026-10-06"


def create_request(path: str, data: bytes, key: str, account: str = "acct") -> bytes:
    """Return the bytes of one create-with-data, signed with the account's key."""
    return _put(path, data, {"x-ms-content-length": str(len(data)), "x-ms-type": "file"}, key, account)


def empty_file_request(path: str, size: int, key: str, account: str = "acct") -> bytes:
    """Return the bytes of one create of a file whose ranges follow."""
    return _put(path, b"", {"x-ms-content-length": str(size), "x-ms-type": "file"}, key, account)


def range_request(path: str, offset: int, data: bytes, key: str, account: str = "acct") -> bytes:
    """Return the bytes of one range of a file."""
    place = f"bytes={offset}-{offset + len(data) - 1}"
    return _put(f"{path}?comp=range", data, {"x-ms-range": place, "x-ms-write": "update"}, key, account)


def _put(target: str, data: bytes, special: Mapping[str, str], key: str, account: str) -> bytes:
    headers = {**special, "x-ms-date": formatdate(usegmt=True), "x-ms-version": VERSION}
    signed = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    path, _, query = target.partition("?")
    resource = f"/{account}{path}" + (f"\n{query.replace('=', ':')}" if query else "")
    text = f"PUT\n\n\n{len(data) or ''}\n\n\n\n\n\n\n\n\n{signed}{resource}"
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)).decode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n"
        f"Authorization: SharedKey {account}:{signature}\r\n{head}\r\n"
    ).encode() + data


class Connection(asyncio.Protocol):
    """Sends the next request when the reply to the last one is complete."""

    def __init__(self, todo: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._todo, self._done = todo, done
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        if (request := next(self._todo, None)) is not None:
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        assert head.startswith(b"HTTP/1.1 201"), self._buffer[:600]
        assert b"content-length: 0" in head.lower(), head
        self._buffer = self._buffer[end + 4 :]
        self._next()

    def connection_lost(self, problem: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(problem or ConnectionResetError())


async def send_all(port: int, requests: Iterable[bytes], *, connections: int = 32) -> float:
    """Send all requests, each connection one at a time; return the seconds it took."""
    loop = asyncio.get_running_loop()
    todo = iter(requests)
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    start = time.perf_counter()
    for future in done:
        await loop.create_connection(lambda f=future: Connection(todo, f), "127.0.0.1", port)
    await asyncio.gather(*done)
    return time.perf_counter() - start
