"""What is typed after ``sync``: swapped, empty, broken on its way; and that no signature is shown again."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.sync_cli import SyncCli, content_of, lay, shown, signature

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.files_server import FilesServer

ENDS = "se=2024-01-01T00%3A00%3A00Z&sp=rcwdl&sv=2026-10-06&sr=s&sig=dGhpcy1pcy1hLXNlY3JldC1zaWduYXR1cmUtMDEyMzQ1Njc%3D"
WHOLE = f"https://acct.file.core.windows.net/models?{ENDS}"


def run(sync: SyncCli, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aitk_inference", *words]
    return subprocess.run(
        command,
        env=sync._environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize(
    "words",
    [
        ["sync", WHOLE, "."],
        ["sync", ".", WHOLE, WHOLE],
        ["sync", ".", WHOLE, "--log-level", WHOLE],
        ["deploy", WHOLE],
        ["deploy", "--project", WHOLE],
        ["new", WHOLE],
        [WHOLE],
    ],
)
def test_a_signature_in_the_wrong_place_is_not_shown(
    sync: SyncCli, tmp_path: Path, words: list[str], more: list[str]
) -> None:
    done = run(sync, *words, *more, cwd=tmp_path)
    assert done.returncode == 2, shown(done)
    logs = "".join(path.read_text() for path in sync.state.rglob("*.log"))
    assert "dGhpcy1pcy1hLXNlY3JldC" not in shown(done) + logs
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("https")] == []


@pytest.mark.parametrize("verb", ["sync", "new", "deploy"])
def test_an_empty_word_is_not_the_current_folder(
    server: FilesServer, sync: SyncCli, tmp_path: Path, verb: str
) -> None:
    """As of ``sync "$MODELS" "$URL"`` where MODELS is not set."""
    words = {"sync": ["", sync.url, "--yes"], "new": [""], "deploy": ["--project", ""]}[verb]
    here = lay(tmp_path / "here", {"private.txt": b"1"})
    done = run(sync, verb, *words, cwd=here)
    assert (done.returncode, "it is empty" in done.stderr) == (2, True), shown(done)
    assert content_of(server) == {}
    assert [path.name for path in here.iterdir()] == ["private.txt"]


@pytest.mark.parametrize("folder", ["loop", "~nobody-of-this-name/x"])
def test_a_folder_that_none_can_be_is_told(sync: SyncCli, tmp_path: Path, folder: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = run(sync, "sync", folder, WHOLE, cwd=tmp_path)
    assert (done.returncode, "can't be a folder" in done.stderr) == (2, True), shown(done)


BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "no quotes in the shell": (lambda url: url.split("&")[0], "Put the whole URL in quotes"),
    "cut before the end": (lambda url: url.split("&sig=")[0], "sig=… is missing"),
    "as a page's source has it": (lambda url: url.replace("&", "&amp;"), "sig=… is missing"),
    "wrapped by a mail program": (lambda url: url.replace("&sig", " &sig"), "Copy the URL again"),
    "a letter of another alphabet": (lambda url: url.replace("sig=", "sig=é"), "Copy the URL again"),
    "a host with an empty part": (lambda _: f"https://a..b/models/x?{ENDS}", "not the URL of a file share"),
    "a host that is too long": (
        lambda _: f"https://{'a' * 70}.example/models?{ENDS}",
        "not the URL of a file share",
    ),
    "another scheme": (lambda _: f"ftp://127.0.0.1:1/a/models?{ENDS}", "not the URL of a file share"),
    "another share by a way round": (
        lambda url: url.replace("/models?", "/models/%2e%2e/others?"),
        "not the URL of a file share",
    ),
    "a folder that is no text": (
        lambda url: url.replace("/models?", "/models/%ff?"),
        "not the URL of a file share",
    ),
    "bytes that are no text": (
        lambda url: url.replace("/models?", "/models/\udcff?"),
        "not the URL of a file share",
    ),
    "an end that no calendar has": (
        lambda url: f"{url.split('?')[0]}?{signature().replace('se=2', 'se=9999-12-31T23:59:59-14:00&x=2')}",
        "is not one of this share's",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_url_that_was_broken_on_its_way_is_told(
    server: FilesServer, sync: SyncCli, tmp_path: Path, how: str
) -> None:
    broken, words = BROKEN[how]
    done = sync(lay(tmp_path / "app", {"a.py": b"1"}), url=broken(sync.url))
    code = 2 if "not the URL" in words else 1  # a word that can't be, as with any other argument
    assert (done.returncode, words in done.stderr) == (code, True), shown(done)
    assert "az login" not in done.stderr
    assert content_of(server) == {}


@pytest.mark.parametrize("more", [" ", "\n"])
def test_a_url_with_a_blank_or_a_second_question_mark_is_read(
    server: FilesServer, sync: SyncCli, tmp_path: Path, more: str
) -> None:
    """As people paste it: the portal's token begins with ``?`` itself."""
    done = sync(lay(tmp_path / "app", {"a.py": b"1"}), url=sync.url.replace("?", "??") + more)
    assert done.returncode == 0, done.stderr
    assert content_of(server)["a.py"] == b"1"
