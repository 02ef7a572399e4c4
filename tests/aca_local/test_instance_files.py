"""The Files service of a running aca-local on what a share may hold that no file share could."""

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from aca_local.security import page_url
from support.running import GROUP_API, STORAGE_API, Azure, aca_local, start

PATIENCE = 5.0  # of one request: all that is asked here is answered at once
pytestmark = pytest.mark.skipif(os.name == "nt", reason="files of these kinds are POSIX's")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files") / "data"


@pytest.fixture(scope="module")
def azure(folder: Path) -> Iterator[Azure]:
    found = start(folder)
    found.put(found.group, GROUP_API, {"location": "westus3"})
    account = f"{found.group}/providers/Microsoft.Storage/storageAccounts/oddaccount"
    body = {"location": "westus3", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    found.put(account, STORAGE_API, body)
    found.put(f"{account}/fileServices/default/shares/odd", STORAGE_API, {"properties": {}})
    yield found
    aca_local(folder, "stop")


@pytest.fixture(scope="module")
def share(azure: Azure, folder: Path) -> Path:
    """The folder of a share with everything in it that is neither a file nor a folder."""
    path = folder / "files" / "shares" / "oddaccount" / "odd"
    (path / "file.txt").write_text("text")
    (path / "full" / "sub").mkdir(parents=True)
    os.mkfifo(path / "fifo")
    os.mkfifo(path / "full" / "sub" / "fifo")
    with socket.socket(socket.AF_UNIX) as server, suppress(OSError):  # a path may be too long for one
        server.bind(str(path / "sock"))
    with suppress(PermissionError):
        os.mknod(path / "device", stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero
    (path / "out").symlink_to("/etc")
    (path / "link").symlink_to("fifo")
    os.close(os.open(os.fsencode(path) + b"/not-\xff-text", os.O_CREAT | os.O_WRONLY))
    return path


def ask(
    azure: Azure, folder: Path, method: str, path: str, body: bytes = b"", **headers: str
) -> httpx.Response:
    port = json.loads((folder / "ports.json").read_text())["files"]
    sent = {"Authorization": f"Bearer {azure.line['token']}", "x-ms-file-request-intent": "backup"}
    sent |= {"x-ms-version": "2025-05-05"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.request(
        method,
        f"http://127.0.0.1:{port}/oddaccount/odd{path}",
        headers=sent,
        content=body or None,
        timeout=PATIENCE,
        trust_env=False,
    )


def outcome(azure: Azure, folder: Path, method: str, path: str, body: bytes = b"", **headers: str) -> str:
    """Return the status and error code of an answer, or that there was none."""
    try:
        answer = ask(azure, folder, method, path, body, **headers)
    except httpx.TimeoutException:
        return "no answer"
    return f"{answer.status_code} {answer.headers.get('x-ms-error-code', '')}".strip()


@pytest.mark.parametrize("name", ["fifo", "sock", "device", "link", "out", "full/sub/fifo", "not-%FF-text"])
def test_what_is_no_file_is_not_there(azure: Azure, folder: Path, share: Path, name: str) -> None:
    answers = [outcome(azure, folder, method, f"/{name}") for method in ("GET", "HEAD", "DELETE")]
    assert all(
        answer in {"404 ResourceNotFound", "404 ParentNotFound", "400 InvalidUri"} for answer in answers
    )
    assert outcome(azure, folder, "GET", "/file.txt") == "200"


def test_a_listing_leaves_out_what_is_no_file(azure: Azure, folder: Path, share: Path) -> None:
    answer = ask(azure, folder, "GET", "?restype=directory&comp=list")
    assert answer.status_code == 200
    assert "<Name>file.txt</Name>" in answer.text
    for name in ("fifo", "sock", "device", "out", "link", "not-"):
        assert f"<Name>{name}" not in answer.text


def test_a_folder_that_only_looks_empty_says_why_it_stays(azure: Azure, folder: Path, share: Path) -> None:
    answer = ask(azure, folder, "DELETE", "/full/sub?restype=directory")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (409, "DirectoryNotEmpty")
    assert "a FIFO" in answer.text


def test_a_snapshot_and_the_statistics_pass_over_them(azure: Azure, folder: Path, share: Path) -> None:
    assert outcome(azure, folder, "PUT", "?restype=share&comp=snapshot") == "201"
    assert outcome(azure, folder, "GET", "?restype=share&comp=stats") == "200"


def test_the_page_shows_such_a_share(azure: Azure, share: Path) -> None:
    with httpx.Client(base_url=azure.line["armHttp"], timeout=PATIENCE, trust_env=False) as browser:
        browser.get(page_url(azure.line["armHttp"], azure.line["token"]))
        listing = browser.get("/aca-local/page/files/oddaccount/odd/")
        assert listing.status_code == 200
        assert "file.txt" in listing.text
        assert browser.get("/aca-local/page/files/oddaccount/odd/fifo").status_code in {403, 404}


def test_a_file_takes_the_name_of_a_fifo(azure: Azure, folder: Path, share: Path) -> None:
    os.mkfifo(share / "taken")
    made = {"x_ms_type": "file", "x_ms_content_length": "0"}
    assert outcome(azure, folder, "PUT", "/taken", **made) == "201"
    assert outcome(azure, folder, "GET", "/taken") == "200"


def test_a_file_that_may_not_be_read_is_refused_not_retried(azure: Azure, folder: Path, share: Path) -> None:
    (share / "secret").touch(mode=0o000)
    if os.access(share / "secret", os.R_OK):
        pytest.skip("NOT TRIED: this account may read all files")
    assert outcome(azure, folder, "GET", "/secret") == "403 AuthorizationPermissionMismatch"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/file.txt?restype=directory", "404 ResourceNotFound"),
        ("GET", "/file.txt?restype=directory&comp=list", "404 ResourceNotFound"),
        ("GET", "/file.txt?restype=directory&comp=metadata", "404 ResourceNotFound"),
        ("DELETE", "/file.txt?restype=directory", "404 ResourceNotFound"),
        ("PUT", "/file.txt?restype=directory", "409 ResourceTypeMismatch"),
        ("GET", "/full", "404 ResourceNotFound"),
        ("HEAD", "/full", "404 ResourceNotFound"),
        ("DELETE", "/full", "404 ResourceNotFound"),
        ("GET", "/full?comp=rangelist", "404 ResourceNotFound"),
        ("PUT", "/full?comp=metadata", "404 ResourceNotFound"),
        ("PUT", "/full?restype=directory", "409 ResourceAlreadyExists"),
        ("GET", "/file.txt/below", "404 ParentNotFound"),
    ],
)
def test_a_file_asked_as_a_folder_is_not_found_nor_the_reverse(
    azure: Azure, share: Path, method: str, path: str, expected: str
) -> None:
    assert outcome(azure, share.parents[3], method, path) == expected


def test_a_file_is_not_put_over_a_folder(azure: Azure, folder: Path, share: Path) -> None:
    made = {"x_ms_type": "file", "x_ms_content_length": "0"}
    assert outcome(azure, folder, "PUT", "/full", **made) == "409 ResourceTypeMismatch"


@pytest.mark.parametrize("path", ["/file.txt", "/none", "?restype=directory&comp=list", "/x?comp=strange"])
def test_every_answer_has_a_date(azure: Azure, folder: Path, share: Path, path: str) -> None:
    assert ask(azure, folder, "GET", path).headers["Date"].endswith(" GMT")
