"""The Share port where the service refuses, stumbles or loses answers; both ways to a share."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from aitk_inference.azure.files.retry import ATTEMPTS
from aitk_inference.core.errors import Conflict, KeysForbidden, Unreachable
from azure.storage.fileshare import ShareServiceClient
from support.files_server import FilesServer
from support.opened_shares import Opened
from support.scripted import FakeClock
from support.serving import serving
from yarl import URL

THEN = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)


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

    async with serving(handle) as url:
        yield f"{url}/acct"


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
    clock = FakeClock()
    async with (
        in_front_of(server, answers((status, code, {}), (status, code, {}))) as url,
        opened(url, clock=clock) as share,
    ):
        await share.put_file("a", b"1")
        assert await share.read("a") == b"1"
    assert clock.slept == [0.2, 0.4]


async def test_the_wait_that_the_service_asks_for_is_kept(server: FilesServer, opened: Opened) -> None:
    clock = FakeClock()
    async with (
        in_front_of(server, answers((503, "ServerBusy", {"Retry-After": "7"}))) as url,
        opened(url, clock=clock) as share,
    ):
        await share.put_file("a", b"1")
    assert clock.slept == [7.2]


async def test_an_endless_failure_ends_in_words(server: FilesServer, opened: Opened) -> None:
    clock = FakeClock()
    async with (
        in_front_of(server, answers(*[(503, "ServerBusy", {})] * 100)) as url,
        opened(url, clock=clock) as share,
    ):
        with pytest.raises(Unreachable, match="slow down"):
            await share.put_file("a", b"1")
    assert len(clock.slept) == ATTEMPTS - 1


async def test_a_server_that_is_not_there_is_told(opened: Opened) -> None:
    clock = FakeClock()
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


async def test_where_the_key_is_refused_the_missing_role_is_named(
    server: FilesServer, opened: Opened
) -> None:
    refused = answers(*[(403, "KeyBasedAuthenticationNotPermitted", {})] * 9)
    async with in_front_of(server, refused) as url, opened(url) as share:
        with pytest.raises(KeysForbidden) as caught:
            await share.put_file("a", b"1")
    assert "Storage File Data Privileged Contributor" in caught.value.suggestion


async def test_a_folder_made_is_the_one_that_is_read_and_no_later_one(
    server: FilesServer, opened: Opened
) -> None:
    async with opened(server.account_url) as share:
        made = await share.make_directory("lock", {"n": "1"})
        found = await share.directory("lock")
        assert made is not None
        assert found is not None
        assert (found.instance, found.metadata) == (made.instance, {"n": "1"})
        assert found.modified is not None
        assert found.answered is not None
        assert abs(found.answered - found.modified) < timedelta(seconds=30)
        await share.delete_directory("lock")
        later = await share.make_directory("lock", {"n": "1"})
    assert later is not None
    assert later.instance != made.instance


async def test_a_check_before_writes_ends_the_write_and_not_the_reading(
    server: FilesServer, opened: Opened
) -> None:
    async def refuse() -> None:
        raise Conflict("no")

    async with opened(server.account_url) as share:
        await share.put_file("a", b"1")
        share.before_writes(refuse)
        assert await share.read_range("a", 0, 9) == b"1"
        for write in (
            share.put_file("a", b"2"),
            share.put_range("a", 0, b"2"),
            share.rename("a", "b", replace=True),
            share.delete_file("a"),
            share.make_directory("d"),
        ):
            with pytest.raises(Conflict, match="no"):
                await write
        share.before_writes(None)
        assert await share.read("a") == b"1"


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
        assert await share.make_directory("lock", {"owner": "me"})
        assert await share.make_directory("lock", {"owner": "you"}) is None


async def test_a_rename_whose_answer_was_lost_is_not_asked_for_again(
    server: FilesServer, opened: Opened
) -> None:
    """The second try would find the source gone and tell a failure that was none."""
    clock = FakeClock()

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
