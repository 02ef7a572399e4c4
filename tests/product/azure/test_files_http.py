"""The small HTTP client of the Files service, against servers that behave and others that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aitk_inference.azure.files.http import Dropped, Origin, Pool

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def serving(script: Script, *, timeout: float = 5.0) -> AsyncIterator[Pool]:
    """A server that follows a script on each connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    pool = Pool(Origin("127.0.0.1", server.sockets[0].getsockname()[1], None), timeout)
    try:
        yield pool
    finally:
        pool.close()
        server.close()


def answering(*answers: bytes) -> Script:
    """Answer each request with the next of these, on one connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        await reader.read()

    return script


async def test_a_body_in_chunks_and_one_of_a_length() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    plain = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX-Ms-Error-Code: Gone\r\n\r\nxy"
    async with serving(answering(chunked, plain)) as pool:
        first, second = await pool.ask(GET), await pool.ask(GET)
    assert (first.status, first.body, first.ok) == (200, b"abcde", True)
    assert (second.status, second.body, second.headers["x-ms-error-code"]) == (404, b"xy", "Gone")


async def test_a_head_has_no_body_whatever_its_length_says() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    after = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
    async with serving(answering(head, after)) as pool:
        reply = await pool.ask(GET.replace(b"GET", b"HEAD"))
        assert (reply.headers["content-length"], reply.body) == ("1000", b"")
        assert (await pool.ask(GET)).body == b"1"


async def test_an_answer_that_only_precedes_the_answer() -> None:
    both = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
    async with serving(answering(both)) as pool:
        assert (await pool.ask(GET)).status == 201


async def test_a_kept_connection_that_was_closed_is_replaced() -> None:
    connections = 0

    async def one_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the next request is not answered: the connection ends

    async with serving(one_each) as pool:
        assert (await pool.ask(GET)).ok
        assert (await pool.ask(GET)).ok
        with pytest.raises(Dropped):
            await pool.ask(GET, idempotent=False)
    assert connections == 2


async def test_half_an_answer_is_none() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")
        await writer.drain()

    async with serving(half) as pool:
        with pytest.raises(Dropped) as caught:
            await pool.ask(GET)
    assert not caught.value.untouched


async def test_what_is_not_http_is_told() -> None:
    async with serving(answering(b"SSH-2.0-OpenSSH\r\n")) as pool:
        with pytest.raises(ConnectionError, match="not HTTP"):
            await pool.ask(GET)


async def test_silence_ends_but_slowness_does_not() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"1", b"2", b"3", b"4"):
            await asyncio.sleep(0.15)
            writer.write(piece)
            await writer.drain()

    async with serving(slow, timeout=0.4) as pool:
        assert (await pool.ask(GET)).body == b"1234"

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent, timeout=0.2) as pool:
        with pytest.raises(TimeoutError):
            await pool.ask(GET)


async def test_a_body_that_is_refused_halfway_ends_in_the_refusal() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read(1 << 20)
        await asyncio.sleep(5)

    body = bytes(64 << 20)
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with serving(refuse) as pool, asyncio.timeout(10):
        assert (await pool.ask(head, body)).status == 403


async def test_a_large_body_arrives_whole() -> None:
    received = bytearray()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        received.extend(await reader.readexactly(9_000_001))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    body = bytes(range(250)) * 36_000 + b"!"
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with serving(take) as pool:
        assert (await pool.ask(head, body)).ok
    assert received == body
