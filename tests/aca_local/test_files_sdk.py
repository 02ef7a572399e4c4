"""The official SDK, unmodified, against the Files service."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.fileshare import ShareClient, ShareServiceClient
from azure.storage.fileshare.aio import ShareServiceClient as AioShareServiceClient
from support.files_server import KEY, FilesServer, files_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FilesServer]:
    with files_server(tmp_path) as running:
        yield running


@pytest.fixture
def share(server: FilesServer) -> Iterator[ShareClient]:
    with ShareServiceClient.from_connection_string(server.connection_string) as service:
        yield service.create_share("share")


def test_a_share_is_created_listed_and_deleted(server: FilesServer) -> None:
    with ShareServiceClient.from_connection_string(server.connection_string) as service:
        service.create_share("one", metadata={"Purpose": "models"}, quota=7)
        with pytest.raises(ResourceExistsError):
            service.create_share("one")
        [listed] = service.list_shares(include_metadata=True)
        assert (listed.name, listed.quota, listed.metadata) == ("one", 7, {"Purpose": "models"})
        assert service.get_share_client("one").get_share_properties().etag == listed.etag
        service.delete_share("one")
        assert list(service.list_shares()) == []
        with pytest.raises(ResourceNotFoundError):
            service.get_share_client("one").get_share_properties()


def test_a_file_comes_back_as_it_was_uploaded(share: ShareClient, server: FilesServer) -> None:
    share.create_directory("a")
    share.create_directory("a/b")
    content = bytes(range(256)) * 40_000
    file = share.get_file_client("a/b/Größe 1%.bin")
    file.upload_file(content, metadata={"k": "v"})
    assert file.download_file().readall() == content
    assert file.download_file(offset=1000, length=10).readall() == content[1000:1010]
    assert file.get_file_properties().metadata == {"k": "v"}
    assert (server.shares.folder("acct", "share") / "a/b/Größe 1%.bin").read_bytes() == content


def test_a_file_is_created_with_its_content_in_one_request(share: ShareClient) -> None:
    file = share.get_file_client("one.txt")
    made = file.create_file(3, data=b"abc", metadata={"x": "1"})
    found = file.get_file_properties()
    assert (found.etag, found.last_modified, found.size) == (made["etag"], made["last_modified"], 3)
    assert file.download_file().readall() == b"abc"


def test_names_keep_their_case_and_compare_without_it(share: ShareClient) -> None:
    share.create_directory("Models")
    share.get_file_client("MODELS/Weights.BIN").create_file(2, data=b"hi")
    assert share.get_file_client("models/weights.bin").download_file().readall() == b"hi"
    [folder] = share.list_directories_and_files()
    [file] = share.list_directories_and_files("models")
    assert (folder.name, file.name) == ("Models", "Weights.BIN")
    with pytest.raises(ResourceExistsError):
        share.create_directory("MODELS")


def test_files_that_another_process_made_are_listed_and_read(share: ShareClient, server: FilesServer) -> None:
    folder = server.shares.folder("acct", "share")
    (folder / "cache").mkdir()
    (folder / "cache" / "model.bin").write_bytes(b"weights")
    [found] = share.list_directories_and_files("cache", include=["timestamps", "ETag"])
    assert (found.name, found.size) == ("model.bin", 7)
    file = share.get_file_client("cache/model.bin")
    before = file.get_file_properties()
    assert before.etag == found.etag
    (folder / "cache" / "model.bin").write_bytes(b"other weights")
    assert file.get_file_properties().etag != before.etag
    assert file.download_file().readall() == b"other weights"


def test_pages_of_a_listing_join_to_the_whole(share: ShareClient) -> None:
    names = [f"file{i:02}" for i in range(23)]
    for name in names:
        share.get_file_client(name).create_file(0)
    listing = share.list_directories_and_files(results_per_page=5)
    pages = [[item.name for item in page] for page in listing.by_page()]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]
    assert [name for page in pages for name in page] == names
    assert [item.name for item in share.list_directories_and_files(name_starts_with="file1")] == names[10:20]


def test_a_wrong_key_is_refused(server: FilesServer) -> None:
    wrong = {"account_name": "acct", "account_key": "AAAA"}
    with (
        ShareServiceClient(server.account_url, credential=wrong) as service,
        pytest.raises(HttpResponseError) as refused,
    ):
        service.create_share("one")
    assert (refused.value.status_code, refused.value.error_code) == (403, "AuthenticationFailed")


async def test_the_async_client_works_too(server: FilesServer) -> None:
    async with AioShareServiceClient.from_connection_string(server.connection_string) as service:
        share = await service.create_share("aio")
        await share.create_directory("d")
        file = share.get_file_client("d/f.txt")
        await file.upload_file(b"hello")
        assert await (await file.download_file()).readall() == b"hello"
        assert [item.name async for item in share.list_directories_and_files("d")] == ["f.txt"]
        await file.delete_file()
        await share.delete_directory("d")
        await service.delete_share("aio")


def test_a_signer_need_not_be_named_in_the_path(server: FilesServer) -> None:
    """As the JavaScript SDK renames in path style: `/share/new`, signed as `/acct/share/new`."""
    credential = {"account_name": "acct", "account_key": KEY}
    with ShareClient(server.url, "rootless", credential=credential) as share:
        share.create_share()
        share.get_file_client("a").upload_file(b"x")
    assert (server.shares.folder("acct", "rootless") / "a").read_bytes() == b"x"
    stranger = {"account_name": "acct", "account_key": base64.b64encode(b"another").decode()}
    with (
        ShareClient(server.url, "rootless", credential=stranger) as share,
        pytest.raises(ClientAuthenticationError),
    ):
        share.get_share_properties()
