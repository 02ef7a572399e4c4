"""The Share port, with requests of our own and over the official SDK, against aca-local's Files service."""

import asyncio
import base64
import random
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from aitk_inference.azure.files.rest_share import RestShare
from aitk_inference.azure.files.sdk_share import SdkShare
from aitk_inference.core.errors import AppError, Conflict, NotFound
from aitk_inference.sync.plan import PIECE
from azure.storage.fileshare import ContentSettings, ShareServiceClient
from support.files_server import FilesServer
from support.opened_shares import Opened

THEN = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)


async def metadata(share: RestShare | SdkShare, folder: str) -> Mapping[str, str]:
    found = await share.directory(folder)
    assert found is not None
    return found.metadata


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
        assert await share.directory("no") is None
        assert await share.delete_file("no") is False
        assert await share.delete_file("no/such") is False
        assert await share.delete_directory("no") is False
        assert await share.rename_directory("no", "new") is False


async def test_a_folder_is_made_once_and_carries_metadata(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        assert await share.make_directory("lock", {"owner": "me"})
        assert await share.make_directory("lock", {"owner": "you"}) is None
        assert await metadata(share, "lock") == {"owner": "me"}
        await share.set_directory_metadata("lock", {"owner": "us", "until": "later"})
        assert await metadata(share, "lock") == {"owner": "us", "until": "later"}
        await share.put_file("lock/x", b"1")
        assert await share.delete_directory("lock") is False
        await share.delete_file("lock/x")
        assert await share.delete_directory("lock") is True


async def test_of_several_racers_one_makes_the_folder(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        won = await asyncio.gather(*(share.make_directory("lock", {"n": str(n)}) for n in range(12)))
        assert sum(one is not None for one in won) == 1
        moved = await asyncio.gather(*(share.rename_directory("lock", f"mine{n}") for n in range(6)))
        assert sum(moved) == 1


async def test_a_large_file_is_written_in_ranges_and_keeps_its_time(
    server: FilesServer, opened: Opened
) -> None:
    content = random.Random(1).randbytes(2 * PIECE + 123)
    async with opened(server.account_url) as share:
        await share.create_file("big", len(content), modified=THEN)
        parts = range(0, len(content), PIECE)
        await asyncio.gather(*(share.put_range("big", at, content[at : at + PIECE]) for at in parts))
        entry = await share.entry("big")
        assert await share.read("big") == content
        assert [entry] == list(await share.list())
    assert entry is not None
    assert (entry.size, entry.last_write) == (len(content), THEN)


async def test_the_written_parts_of_a_file_are_told(server: FilesServer, opened: Opened) -> None:
    async with opened(server.account_url) as share:
        await share.create_file("big", 3 * PIECE, modified=THEN)
        assert list(await share.ranges("big")) == []
        await share.put_range("big", PIECE, b"1" * PIECE)
        assert list(await share.ranges("big")) == [(PIECE, 2 * PIECE)]


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
