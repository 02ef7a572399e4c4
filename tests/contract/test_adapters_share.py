"""The Share port, with requests of our own and over the official SDK, against aca-local's Files service."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest
from aiohttp import web
from aitk_inference.azure.files.address import Endpoint
from aitk_inference.azure.files.by_url import wire
from aitk_inference.azure.files.fast_share import FastShare
from aitk_inference.azure.files.retry import ATTEMPTS, Backoff
from aitk_inference.azure.files.sdk_share import MAX_RANGE, SdkShare
from aitk_inference.azure.files.signing import SharedKey
from aitk_inference.core.errors import AppError, Conflict, Forbidden, NotFound, Unreachable
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.fileshare import ContentSettings, ShareServiceClient
from azure.storage.fileshare.aio import ShareClient
from contract.files_server import KEY, FilesServer, files_server
from yarl import URL

THEN = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)


class PatientClock:
    """Time that passes only in ``sleep``, at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return sum(self.slept)

    def now(self) -> datetime:
        return THEN + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FilesServer]:
    with files_server(tmp_path) as running:
        with ShareServiceClient.from_connection_string(running.connection_string) as service:
            service.create_share("models")
        yield running


class Opened(Protocol):
    """Opens a share of an account."""

    def __call__(
        self, url: str, *, clock: PatientClock | None = None, share: str = "models"
    ) -> AbstractAsyncContextManager[FastShare | SdkShare]: ...


@pytest.fixture(params=["fast", "sdk"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Both ways to a share: the same tests hold for each."""

    @asynccontextmanager
    async def open_share(
        url: str, *, clock: PatientClock | None = None, share: str = "models"
    ) -> AsyncIterator[FastShare | SdkShare]:
        time = clock or PatientClock()
        async with _sdk(url, share, time) as sdk:
            if request.param == "sdk":
                yield sdk
                return
            made = wire(Endpoint.of(url), share, SharedKey.of("acct", KEY), clock=time, timeout=20)
            fast = FastShare(made._replace(backoff=Backoff(lambda: 1.0)), lambda: sdk)
            yield fast
            await fast.close()

    return open_share


@asynccontextmanager
async def _sdk(url: str, share: str, clock: PatientClock) -> AsyncIterator[SdkShare]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session:

        def client() -> ShareClient:
            return ShareClient(
                url,
                share,
                credential={"account_name": "acct", "account_key": KEY},
                transport=AioHttpTransport(session=session, session_owner=False, use_env_settings=False),
                retry_total=0,
                allow_trailing_dot=True,
                allow_source_trailing_dot=True,
            )

        async with SdkShare(client(), client, clock=clock, backoff=Backoff(lambda: 1.0)) as opened:
            yield opened


async def test_a_small_file_keeps_its_content_and_time(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        written = await share.put_file("a.txt", b"hello", modified=THEN)
        assert await share.read("a.txt") == b"hello"
        [listed] = await share.list()
    assert (written.size, written.last_write, written.is_directory) == (5, THEN, False)
    assert written.etag.startswith('"')
    assert listed == written


async def test_an_empty_file_is_a_file(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        assert (await share.put_file("empty", b"")).size == 0
        assert await share.read("empty") == b""


@pytest.mark.parametrize("name", ["Größe 1%.bin", "a b+c#d&e=f.txt", "π/λ.txt", "dot.", "~x'(1).py", "x%20y"])
async def test_names_come_back_as_they_are(server: FilesServer, name: str, opened: Opened) -> None:
    folder = name.rpartition("/")[0]
    async with opened(server.account_url) as share:
        if folder:
            await share.make_directory(folder)
        await share.put_file(name, b"1")
        assert [entry.path for entry in await share.list(folder)] == [name]
        await share.rename(name, name + "2", replace=False)
        assert await share.read(name + "2") == b"1"
        assert await share.delete_file(name + "2")


async def test_what_is_missing_is_none_or_false(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        assert await share.read("no") is None
        assert await share.read("no/such") is None
        assert list(await share.list("no")) == []
        assert await share.directory_metadata("no") is None
        assert await share.delete_file("no") is False
        assert await share.delete_file("no/such") is False
        assert await share.delete_directory("no") is False
        assert await share.rename_directory("no", "new") is False


async def test_a_folder_is_made_once_and_carries_metadata(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        assert await share.make_directory("lock", {"owner": "me"}) is True
        assert await share.make_directory("lock", {"owner": "you"}) is False
        assert await share.directory_metadata("lock") == {"owner": "me"}
        await share.set_directory_metadata("lock", {"owner": "us", "until": "later"})
        assert await share.directory_metadata("lock") == {"owner": "us", "until": "later"}
        await share.put_file("lock/x", b"1")
        assert await share.delete_directory("lock") is False
        await share.delete_file("lock/x")
        assert await share.delete_directory("lock") is True


async def test_of_several_racers_one_makes_the_folder(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        won = await asyncio.gather(*(share.make_directory("lock", {"n": str(n)}) for n in range(12)))
        assert sum(won) == 1
        moved = await asyncio.gather(*(share.rename_directory("lock", f"mine{n}") for n in range(6)))
        assert sum(moved) == 1


async def test_a_large_file_is_written_in_ranges_and_keeps_its_time(
    server: FilesServer, opened: Opened
) -> None:
    content = random.Random(1).randbytes(2 * MAX_RANGE + 123)
    async with opened(server.account_url) as share:
        await share.create_file("big", len(content), modified=THEN)
        parts = range(0, len(content), MAX_RANGE)
        await asyncio.gather(*(share.put_range("big", at, content[at : at + MAX_RANGE]) for at in parts))
        entry = await share.entry("big")
        assert await share.read("big") == content
        assert [entry] == list(await share.list())
    assert entry is not None
    assert (entry.size, entry.last_write) == (len(content), THEN)


async def test_the_written_parts_of_a_file_are_told(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        await share.create_file("big", 3 * MAX_RANGE, modified=THEN)
        assert list(await share.ranges("big")) == []
        await share.put_range("big", MAX_RANGE, b"1" * MAX_RANGE)
        assert list(await share.ranges("big")) == [(MAX_RANGE, 2 * MAX_RANGE)]


async def test_a_copy_needs_no_content_from_here(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        await share.put_file("a", b"content", modified=THEN)
        await share.make_directory("models")
        entry = await share.copy("a", "models/b", modified=THEN)
        assert await share.read("models/b") == b"content"
        assert [entry] == list(await share.list("models"))
    assert (entry.path, entry.size, entry.last_write) == ("models/b", 7, THEN)


async def test_one_entry_tells_the_md5_that_somebody_noted(server: FilesServer, opened: Opened) -> None:
    with ShareServiceClient.from_connection_string(server.connection_string) as service:
        file = service.get_share_client("models").get_file_client("a")
        file.upload_file(b"x", content_settings=ContentSettings(content_md5=bytearray(range(16))))
    async with opened(server.account_url) as share:
        entry = await share.entry("a")
        assert entry is not None
        assert base64.b64decode(entry.md5) == bytes(range(16))
        assert await share.entry("b") is None
        assert await share.entry("no/such") is None


async def test_a_rename_replaces_only_when_asked_to(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        await share.put_file("new", b"new")
        await share.put_file("old", b"old")
        with pytest.raises(Conflict):
            await share.rename("new", "old", replace=False)
        assert await share.read("old") == b"old"
        await share.rename("new", "old", replace=True)
        assert await share.read("old") == b"new"
        assert await share.read("new") is None


async def test_a_folder_is_not_renamed_over_another(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        await share.make_directory("a")
        await share.make_directory("b")
        await share.put_file("b/kept", b"1")
        assert await share.rename_directory("a", "b") is False
        assert await share.read("b/kept") == b"1"


async def test_a_missing_share_is_told_by_name(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url, share="nothing") as share:
        with pytest.raises(NotFound, match="share does not exist"):
            await share.list()
        with pytest.raises(NotFound, match="share does not exist"):
            await share.read("x")


async def test_a_name_that_azure_refuses_says_what_to_do(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        with pytest.raises(AppError) as caught:
            await share.put_file('a"b', b"1")
    assert "rename the file" in caught.value.suggestion


Fault = Callable[[web.Request], web.Response | None]


@asynccontextmanager
async def in_front_of(server: FilesServer, fault: Fault) -> AsyncIterator[str]:
    """A server that answers with what ``fault`` gives and otherwise passes the request on as it is."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        wrong = fault(request)  # type: ignore[arg-type] # a BaseRequest has all that a fault looks at
        if wrong is not None:
            return wrong
        url = server.url + request.raw_path
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                URL(url, encoded=True),
                data=body or None,
                headers=headers,
                skip_auto_headers=["Content-Type"],
            ) as answer,
        ):
            kept = {
                k: v
                for k, v in answer.headers.items()
                if k.lower() not in ("transfer-encoding", "content-length")
            }
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/acct"
    finally:
        await runner.cleanup()


def answers(*codes: tuple[int, str, dict[str, str]]) -> Fault:
    """Give these answers first, one a request."""
    left = list(codes)

    def fault(request: web.Request) -> web.Response | None:
        if not left:
            return None
        status, code, headers = left.pop(0)
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>"
        return web.Response(
            status=status,
            text=text,
            content_type="application/xml",
            headers={"x-ms-error-code": code, **headers},
        )

    return fault


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "SharingViolation"),
        (409, "DeletePending"),
        (429, "TooManyRequests"),
        (503, "ServerBusy"),
        (500, "InternalError"),
    ],
)
async def test_what_passes_by_itself_is_tried_again(
    server: FilesServer, status: int, code: str, opened: Opened
) -> None:
    clock = PatientClock()
    async with (
        in_front_of(server, answers((status, code, {}), (status, code, {}))) as url,
        opened(url, clock=clock) as share,
    ):
        await share.put_file("a", b"1")
        assert await share.read("a") == b"1"
    assert clock.slept == [0.2, 0.4]


async def test_the_wait_that_the_service_asks_for_is_kept(server: FilesServer, opened: Opened) -> None:
    clock = PatientClock()
    async with (
        in_front_of(server, answers((503, "ServerBusy", {"Retry-After": "7"}))) as url,
        opened(url, clock=clock) as share,
    ):
        await share.put_file("a", b"1")
    assert clock.slept == [7.2]


async def test_an_endless_failure_ends_in_words(server: FilesServer, opened: Opened) -> None:
    clock = PatientClock()
    async with (
        in_front_of(server, answers(*[(503, "ServerBusy", {})] * 100)) as url,
        opened(url, clock=clock) as share,
    ):
        with pytest.raises(Unreachable, match="slow down"):
            await share.put_file("a", b"1")
    assert len(clock.slept) == ATTEMPTS - 1


async def test_a_server_that_is_not_there_is_told(opened: Opened) -> None:
    clock = PatientClock()
    async with opened("http://127.0.0.1:9/acct", clock=clock) as share:
        with pytest.raises(Unreachable, match="can't be reached, while listing the share"):
            await share.list()
    assert len(clock.slept) == ATTEMPTS - 1


async def test_a_service_that_takes_no_data_with_create_gets_two_requests(
    server: FilesServer, opened: Opened
) -> None:
    seen: list[str] = []

    def older(request: web.Request) -> web.Response | None:
        seen.append(f"{request.method} {request.query_string}")
        length = int(request.headers.get("Content-Length", "0"))
        if request.method == "PUT" and not request.query_string and length:
            return web.Response(status=400, headers={"x-ms-error-code": "InvalidHeaderValue"})
        return None

    async with in_front_of(server, older) as url, opened(url) as share:
        first = await share.put_file("a", b"one", modified=THEN)
        second = await share.put_file("b", b"two", modified=THEN)
        assert [await share.read("a"), await share.read("b")] == [b"one", b"two"]
        assert [entry.last_write for entry in await share.list()] == [THEN, THEN]
    assert first.last_write == second.last_write == THEN
    assert seen[:5] == ["PUT ", "PUT ", "PUT comp=range", "PUT ", "PUT comp=range"]


async def test_where_keys_are_refused_the_second_credential_is_used(
    server: FilesServer, opened: Opened
) -> None:
    refused = answers((403, "KeyBasedAuthenticationNotPermitted", {}))
    async with in_front_of(server, refused) as url, opened(url) as share:
        await share.put_file("a", b"1")
        assert await share.read("a") == b"1"


async def test_where_both_credentials_are_refused_the_missing_role_is_named(
    server: FilesServer, opened: Opened
) -> None:
    refused = answers(*[(403, "KeyBasedAuthenticationNotPermitted", {})] * 9)
    async with in_front_of(server, refused) as url, opened(url) as share:
        with pytest.raises(Forbidden) as caught:
            await share.put_file("a", b"1")
    assert "Storage File Data Privileged Contributor" in caught.value.suggestion


async def test_a_lock_is_ours_even_when_the_first_answer_was_lost(
    server: FilesServer, opened: Opened
) -> None:
    owners: list[str] = []

    def lost_once(request: web.Request) -> web.Response | None:
        """The first try is carried out by hand, and its answer never comes."""
        if owners or request.method != "PUT":
            return None
        owners.append(request.headers["x-ms-meta-owner"])
        with ShareServiceClient.from_connection_string(server.connection_string) as service:
            service.get_share_client("models").create_directory("lock", metadata={"owner": owners[0]})
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=500)

    async with in_front_of(server, lost_once) as url, opened(url) as share:
        assert await share.make_directory("lock", {"owner": "me"}) is True
        assert await share.make_directory("lock", {"owner": "you"}) is False


async def test_a_rename_whose_answer_was_lost_is_not_asked_for_again(
    server: FilesServer, opened: Opened
) -> None:
    """The second try would find the source gone and tell a failure that was none."""
    clock = PatientClock()

    def lost(request: web.Request) -> web.Response | None:
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=500)

    async with in_front_of(server, lost) as url, opened(url, clock=clock) as share:
        with pytest.raises(Unreachable):
            await share.rename("a", "b", replace=True)
        assert clock.slept == []
        with pytest.raises(Unreachable):
            await share.put_file("a", b"1")
    assert len(clock.slept) == ATTEMPTS - 1
