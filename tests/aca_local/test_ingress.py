"""The ingress with a fake supervisor and a real program behind it."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from aca_local.ingress import NO_UPSTREAM, NOT_REACHED, STOPPED, TIMED_OUT, ReverseProxy
from aca_local.kernel.replicas import AccessRules, ContainerState, ReplicaState, TrafficTarget
from aca_local.port_book import PortBook
from aca_local.replicas.replica import free_port
from aiohttp import web

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/app"


@dataclass
class FakeBackends:
    """A supervisor with one revision, ``r``."""

    ports: list[int] = field(default_factory=list)
    details: str = "ContainerCreating"
    exists: bool = True
    inside: bool = False

    def ready_ports(self, app_id: str, revision: str) -> Sequence[int]:
        return self.ports if revision == "r" else []

    def states(self, app_id: str, revision: str) -> Sequence[ReplicaState]:
        if not self.exists:
            return []
        container = ContainerState("c", "id", "Waiting", self.details, False, False, 0)
        return [ReplicaState("r-1", datetime.now(UTC), "NotRunning", "", (container,))]

    def has_left(self, app_id: str, revision: str) -> bool:
        return False

    async def is_replica(self, client_port: int) -> bool:
        return self.inside


async def echo(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    answer = {"headers": dict(request.headers), "body": body.decode(), "path": request.raw_path}
    return web.json_response(answer, headers={"X-App": "yes", "Set-Cookie": "a=b"})


async def count(request: web.Request) -> web.StreamResponse:
    """Send events; the next one only when the client has acknowledged the last."""
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for number in range(3):
        await answer.write(f"data: {number}\n\n".encode())
        await request.app[ACKNOWLEDGED].acquire()
    return answer


async def break_off(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b"half")
    assert request.transport
    request.transport.abort()
    return answer


async def never(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def chat(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=["b"])
    await socket.prepare(request)
    async for message in socket:
        if message.data == "bye":
            await socket.close(code=4001)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str("you said " + message.data)
        else:
            await socket.send_bytes(message.data[::-1])
    return socket


@dataclass(frozen=True)
class Program:
    """What runs behind the ingress."""

    port: int
    acknowledged: asyncio.Semaphore


ACKNOWLEDGED = web.AppKey("acknowledged", asyncio.Semaphore)


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    app = web.Application()
    app[ACKNOWLEDGED] = acknowledged = asyncio.Semaphore(0)
    app.router.add_get("/events", count)
    app.router.add_get("/half", break_off)
    app.router.add_get("/never", never)
    app.router.add_get("/ws", chat)
    app.router.add_route("*", "/{rest:.*}", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Program(runner.addresses[0][1], acknowledged)
    await runner.cleanup()


@pytest.fixture
def backends(program: Program) -> FakeBackends:
    return FakeBackends([program.port])


@pytest.fixture
async def proxy(backends: FakeBackends, tmp_path: Path) -> AsyncIterator[ReverseProxy]:
    made = ReverseProxy(backends, PortBook(tmp_path / "ports.json"), time_limit=2.0)
    yield made
    await made.close()


@pytest.fixture
async def url(proxy: ReverseProxy) -> str:
    host = await proxy.expose(APP, "app", target_port=8080)
    await proxy.route(APP, [TrafficTarget("r", 100)], AccessRules())
    return f"http://{host}"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        yield session


async def test_a_request_goes_through_unchanged(url: str, client: aiohttp.ClientSession) -> None:
    headers = {"X-Mine": "1", "X-Forwarded-For": "6.6.6.6", "Connection": "X-Hop", "X-Hop": "1"}
    async with client.post(url + "/a%2Fb?c=%20d", data=b"hello", headers=headers) as answer:
        seen = await answer.json()
        assert answer.headers["X-App"] == "yes"
        assert answer.headers["Set-Cookie"] == "a=b"
    assert seen["path"] == "/a%2Fb?c=%20d"
    assert seen["body"] == "hello"
    assert seen["headers"]["X-Mine"] == "1"
    assert seen["headers"]["Content-Length"] == "5"
    assert seen["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert seen["headers"]["X-Forwarded-Proto"] == "http"
    assert seen["headers"]["Host"] == url.removeprefix("http://")
    assert "X-Hop" not in seen["headers"]


async def test_a_streamed_body_goes_through(url: str, client: aiohttp.ClientSession) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"piece"

    async with client.put(url + "/up", data=pieces()) as answer:
        assert (await answer.json())["body"] == "piece" * 3
    async with client.head(url + "/x") as answer:
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) > 0


async def test_a_compressed_body_stays_as_it_is(url: str, client: aiohttp.ClientSession) -> None:
    packed = gzip.compress(b"hello")
    headers = {"Content-Encoding": "gzip", "X-Raw": "yes"}
    async with client.post(url + "/length", data=packed, headers=headers) as answer:
        seen = await answer.json()
    assert seen["headers"]["Content-Length"] == str(len(packed))
    assert seen["headers"]["Content-Encoding"] == "gzip"
    assert seen["body"] == "hello"


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        answer = await session.post(url + "/big", data=b"x" * 100_000, expect100=True)
        assert len((await answer.json())["body"]) == 100_000


async def test_events_are_not_held_back(url: str, client: aiohttp.ClientSession, program: Program) -> None:
    async with client.get(url + "/events") as answer:
        for number in range(3):
            assert await answer.content.readuntil(b"\n\n") == f"data: {number}\n\n".encode()
            program.acknowledged.release()
        assert await answer.content.read() == b""


async def test_messages_of_a_websocket_go_both_ways(url: str, client: aiohttp.ClientSession) -> None:
    async with client.ws_connect(url + "/ws", protocols=["a", "b"]) as socket:
        assert socket.protocol == "b"
        await socket.send_str("hi")
        assert await socket.receive_str() == "you said hi"
        await socket.send_bytes(b"abc")
        assert await socket.receive_bytes() == b"cba"
        await socket.send_str("bye")
        closing = await socket.receive()
        assert closing.type is aiohttp.WSMsgType.CLOSE
        assert closing.data == 4001


async def test_a_websocket_that_the_app_does_not_speak_is_refused(
    url: str, client: aiohttp.ClientSession
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.ws_connect(url + "/no-socket")


async def test_a_broken_answer_breaks_off_for_the_client_too(url: str, client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with client.get(url + "/half") as answer:
            await answer.read()


async def test_a_starting_replica_is_waited_for(
    url: str, client: aiohttp.ClientSession, backends: FakeBackends
) -> None:
    ready, backends.ports = backends.ports, []
    request = asyncio.create_task(client.get(url + "/x"))
    await asyncio.sleep(0.1)
    assert not request.done()
    backends.ports = ready
    async with await request as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"ports": []}, (504, TIMED_OUT)),
        ({"ports": [], "exists": False}, (404, STOPPED)),
        ({"ports": [], "details": "CrashLoopBackOff"}, (503, NO_UPSTREAM)),
        ({"ports": [free_port()]}, (503, NOT_REACHED)),
    ],
)
async def test_without_a_replica_the_ingress_speaks_as_azures(
    url: str,
    client: aiohttp.ClientSession,
    backends: FakeBackends,
    change: dict[str, object],
    expected: tuple[int, str],
) -> None:
    for name, value in change.items():
        setattr(backends, name, value)
    async with client.get(url + "/x") as answer:
        assert (answer.status, await answer.text()) == expected


async def test_an_answer_that_never_comes_ends_as_in_azure(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url + "/never") as answer:
        assert (answer.status, await answer.text()) == (504, TIMED_OUT)


async def test_traffic_that_moves_on_takes_a_waiting_request_along(
    proxy: ReverseProxy, url: str, client: aiohttp.ClientSession
) -> None:
    await proxy.route(APP, [TrafficTarget("old", 100)], AccessRules())
    request = asyncio.create_task(client.get(url + "/x"))
    await asyncio.sleep(0.1)
    assert not request.done()
    await proxy.route(APP, [TrafficTarget("r", 100)], AccessRules())
    async with await request as answer:
        assert answer.status == 200


async def test_another_name_in_the_host_header_is_refused(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url + "/x", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421


async def test_the_port_lasts_until_the_app_is_withdrawn(
    proxy: ReverseProxy, url: str, backends: FakeBackends, tmp_path: Path
) -> None:
    assert "http://" + await proxy.expose(APP.upper(), "app", target_port=8080) == url
    await proxy.close()
    again = ReverseProxy(backends, PortBook(tmp_path / "ports.json"))
    assert "http://" + await again.expose(APP, "app", target_port=8080) == url
    await again.conceal(APP)  # the app's ingress is disabled for a while
    async with aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get(url)
    assert "http://" + await again.expose(APP, "app", target_port=8080) == url
    await again.withdraw(APP)
    await again.close()
    assert (tmp_path / "ports.json").read_text() == "{}"
