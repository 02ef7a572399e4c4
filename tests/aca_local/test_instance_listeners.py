"""What stands before every handler: names, the admin routes, latency, faults."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aca_local import certificates
from aca_local.fault_middleware import Faults
from aca_local.fault_rules import read
from aca_local.listeners import Door, Listener, for_local_names, listen, site, with_admin, with_latency
from aca_local.port_book import PortInUseError, choose
from aiohttp import web

BODY = "x" * 1000


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
async def url(faults: Faults) -> AsyncIterator[str]:
    async def hello(request: web.BaseRequest) -> web.Response:
        return web.Response(text=BODY)

    routes = {("PUT", "faults"): faults.put}
    handler = for_local_names(with_admin(faults.around(with_latency(hello, 0.01), "files"), routes, "secret"))
    port = choose(())
    runner = await listen(handler, Door(port))
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        yield session


async def test_a_request_reaches_the_handler(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url) as answer:
        assert await answer.text() == BODY


async def test_a_foreign_name_is_refused(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url, headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421


async def test_another_address_of_this_computer_is_not_listened_on(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url.replace("127.0.0.1", "127.0.0.2"))


async def test_a_client_that_never_ends_its_request_is_let_go() -> None:
    async def hello(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="hello")

    runner = web.ServerRunner(Listener(hello, head_limit=0.2))
    await runner.setup()
    port = choose(())
    await site(runner, Door(port)).start()
    try:
        slow, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        quick, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await quick.readuntil(b"hello")
        async with asyncio.timeout(30):
            assert await slow.read() == b""
        other.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await quick.readuntil(b"hello"), "one that has asked once may stay"
        writer.close()
        other.close()
    finally:
        await runner.cleanup()


async def test_admin_routes_want_the_token(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url + "/aca-local/ping") as answer:
        assert (await answer.json())["pid"]
    async with client.put(url + "/aca-local/faults", data="[]") as answer:
        assert answer.status == 401
    headers = {"Authorization": "Bearer secret"}
    async with client.put(url + "/aca-local/faults", data="[]", headers=headers) as answer:
        assert answer.status == 200
    async with client.put(url + "/aca-local/faults", data="[1]", headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "Fault 0 is not an object.")
    async with client.get(url + "/aca-local/none", headers=headers) as answer:
        assert answer.status == 404


async def test_a_named_fault_speaks_the_services_style(
    url: str, client: aiohttp.ClientSession, faults: Faults
) -> None:
    faults.rules = read('[{"fault": "throttled", "retryAfter": 3}]')
    async with client.get(url) as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "3"
        assert answer.headers["x-ms-error-code"] == "TooManyRequests"
        assert "<Code>TooManyRequests</Code>" in await answer.text()
    async with client.get(url) as answer:
        assert answer.status == 200


async def test_a_reset_connection_gives_no_answer(
    url: str, client: aiohttp.ClientSession, faults: Faults
) -> None:
    faults.rules = read('[{"reset": true, "times": 0}]')
    with pytest.raises(aiohttp.ClientError):
        await client.get(url)


async def test_a_cut_answer_ends_early(url: str, client: aiohttp.ClientSession, faults: Faults) -> None:
    faults.rules = read('[{"cut": 500}]')
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get(url) as answer:
            await answer.read()


async def test_a_slow_answer_is_whole_in_the_end(
    url: str, client: aiohttp.ClientSession, faults: Faults
) -> None:
    faults.rules = read('[{"bytesPerSecond": 5000}]')
    async with client.get(url) as answer:
        assert await answer.text() == BODY


async def test_a_taken_port_is_named(url: str) -> None:
    async def never(request: web.BaseRequest) -> web.Response:
        raise AssertionError

    with pytest.raises(PortInUseError, match="is in use by"):
        await listen(never, Door(int(url.rsplit(":", 1)[1])))


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """A port for http and https that tells the scheme it was asked in, and what its clients trust."""

    async def scheme(request: web.BaseRequest) -> web.Response:
        return web.Response(text=request.scheme + (await request.text()))

    trust = certificates.ensure(tmp_path)
    port = choose(())
    runner = await listen(scheme, Door(port, other=trust.context))
    yield port, ssl.create_default_context(cafile=trust.ca_file)
    await runner.cleanup()


async def test_one_port_answers_http_and_https(
    both: tuple[int, ssl.SSLContext], client: aiohttp.ClientSession
) -> None:
    port, trusted = both
    for scheme in ("http", "https", "http"):
        async with client.post(f"{scheme}://127.0.0.1:{port}", data=b" x" * 100_000, ssl=trusted) as answer:
            assert await answer.text() == scheme + " x" * 100_000


async def test_a_client_that_says_nothing_or_gives_up_disturbs_nobody(
    both: tuple[int, ssl.SSLContext], client: aiohttp.ClientSession
) -> None:
    port, trusted = both
    _, silent = await asyncio.open_connection("127.0.0.1", port)
    _, gone = await asyncio.open_connection("127.0.0.1", port)
    gone.close()
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await client.get(f"https://127.0.0.1:{port}")
    async with client.get(f"https://127.0.0.1:{port}", ssl=trusted) as answer:
        assert await answer.text() == "https"
    silent.close()
