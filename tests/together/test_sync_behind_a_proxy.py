"""What answers in the place of the Files service is believed in nothing: no file is lost over it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from support.between import Page, between
from support.sync_cli import SyncCli, content_of, lay, shown

if TYPE_CHECKING:
    from pathlib import Path

    from support.files_server import FilesServer

TREES = (
    {"a.py": b"a", "sub/b.py": b"b", "gone.py": b"g", "big.bin": b"1" * (5 << 20)},
    {"a.py": b"a2", "moved/b.py": b"b2", "new.py": b"n", "big.bin": b"2" * (5 << 20)},
)
ANSWERED = (
    ("PUT", "/a.py"),
    ("PUT", "/b.py"),
    ("PUT", "comp=range"),
    ("PUT", "comp=rename"),
    ("PUT", "/.aitk-manifest.json"),
    ("DELETE", ".py"),
    ("HEAD", "/"),
)


def become(root: Path, files: dict[str, bytes]) -> Path:
    """Give a folder these files and no others."""
    shutil.rmtree(root, ignore_errors=True)
    return lay(root, files)


def of_the_person(server: FilesServer) -> dict[str, bytes]:
    """The files of the share that are not the sync's own."""
    there = content_of(server).items()
    return {name: content for name, content in there if ".aitk" not in name and not name.endswith("/")}


@pytest.mark.parametrize("status", [200, 201, 202, 404])
def test_a_page_in_the_place_of_an_answer_loses_nothing(
    server: FilesServer, sync: SyncCli, tmp_path: Path, status: int
) -> None:
    wrong = []
    with between(server.url) as proxy:
        sync.url = sync.url.replace(server.url, proxy.url)
        assert sync(become(tmp_path / "app", TREES[1])).returncode == 0
        for number, asked in enumerate(ANSWERED):
            files = TREES[number % 2]
            proxy.pages = {asked: Page(status)}
            done = sync(become(tmp_path / "app", files), "--yes")
            if done.returncode != 1 or "Something other than Azure answered" not in shown(done):
                wrong.append((asked, done.returncode, shown(done)[-200:], sorted(of_the_person(server))))
            proxy.pages = {}
            again = sync(tmp_path / "app", "--yes")
            if again.returncode != 0 or of_the_person(server) != files:
                wrong.append((asked, "not put right", shown(again)[-200:], sorted(of_the_person(server))))
    assert wrong == []


BODIES = (
    b"",
    b"<a/>",
    b"{}",
    b"\xff\xfe",
    b"<" * 5000,
    b"<EnumerationResults><Entries><File><Name>a</Name><Properties><Content-Length>x</Content-Length>"
    b"</Properties></File></Entries></EnumerationResults>",
    b"<EnumerationResults><Entries/><NextMarker>again</NextMarker></EnumerationResults>",
)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_another_list_is_told_and_ends(
    server: FilesServer, sync: SyncCli, tmp_path: Path, body: bytes
) -> None:
    with between(server.url) as proxy:
        sync.url = sync.url.replace(server.url, proxy.url)
        root = lay(tmp_path / "app", TREES[0])
        assert sync(root).returncode == 0
        proxy.bodies = {("GET", "comp=list"): body}
        done = sync(root, "--verify")
    assert "went wrong inside" not in shown(done)
    assert "Traceback" not in shown(done)
