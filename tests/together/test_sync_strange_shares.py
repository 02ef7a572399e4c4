"""Manifests and signatures that no run of ours made."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.sync_cli import (
    SyncCli,
    content_of,
    data,
    lay,
    put,
    share_of,
    shown,
    signature,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.files_server import FilesServer

MANIFEST = ".aitk-manifest.json"
CODE = {f"f{number}.py": b"x" for number in range(20)}
GOOD_ROW = [1, "0" * 64, 1, '"0x8"', 1]
BAD_ROWS: dict[str, Any] = {
    "../victim/v.txt": GOOD_ROW,
    "/victim/v.txt": GOOD_ROW,
    "a//b": GOOD_ROW,
    "": GOOD_ROW,
    "a/": GOOD_ROW,
    "a/./b": GOOD_ROW,
    "back\\slash": GOOD_ROW,
    "bell\u0007": GOOD_ROW,
    "esc\u001b[2J": GOOD_ROW,
    "CON": GOOD_ROW,
    ".aitk-lock/x": GOOD_ROW,
    ".aitk-manifest.json": GOOD_ROW,
    "F0.PY": GOOD_ROW,
    "f1.py/below": GOOD_ROW,
    "x" * 300: GOOD_ROW,
    "d/" * 300 + "x": GOOD_ROW,
    "text": "not a row",
    "none": None,
    "short": [1],
    "long": [*GOOD_ROW, 1, 2],
    "word": ["1", "0" * 64, 1, "", 1],
    "yes": [True, "0" * 64, 1, "", 1],
    "minus": [-1, "0" * 64, 1, "", 1],
    "huge": [10**30, "0" * 64, 1, "", 1],
    "half": [1.5, "0" * 64, 1, "", 1],
    ".AITK-MANIFEST.JSON": GOOD_ROW,
    ".Aitk-Lock/x": GOOD_ROW,
    "nel\u0085": GOOD_ROW,
}


def test_rows_that_no_scan_can_make_are_named_and_never_followed(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    url = sync.url.replace("/models?", "/models/inside?")
    put(server, "victim/v.txt", b"a victim's")
    root = lay(tmp_path / "app", CODE)
    assert sync(root, url=url).returncode == 0
    with share_of(server) as share:
        manifest = share.get_file_client(f"inside/{MANIFEST}")
        document = json.loads(manifest.download_file().readall())
        document["files"] = {**document["files"], **BAD_ROWS}
        manifest.upload_file(json.dumps(document).encode())
    (root / "f2.py").write_bytes(b"changed")
    done = sync(root, "--yes", url=url)
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    assert (there["victim/v.txt"], there["inside/f2.py"], there["inside/f0.py"]) == (
        b"a victim's",
        b"changed",
        b"x",
    )
    assert "../victim/v.txt" in shown(done)
    assert "\x1b[2J" not in shown(done)
    assert set(json.loads(there[f"inside/{MANIFEST}"])["files"]) == set(CODE)
    assert data(sync(root, "--json", url=url))["requests"] == 1


BAD_MOVES: dict[str, Any] = {
    "victim": ".aitk-lock",
    "other": ".aitk-manifest.json",
    "long": ".aitk-moving-" + "a" * 200 + "-0",
    ".aitk-lock": ".aitk-moving-00-0",
    "../out": ".aitk-moving-00-0",
    "number": 5,
}


def _edited(server: FilesServer, **more: Any) -> None:
    """Add these to the share's manifest, as somebody with an editor would."""
    with share_of(server) as share:
        manifest = share.get_file_client(MANIFEST)
        document = json.loads(manifest.download_file().readall())
        document["files"].update(more.pop("files", {}))
        manifest.upload_file(json.dumps({**document, **more}).encode())


def test_moves_that_no_sync_makes_are_named_and_never_followed(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    """Followed, one of them would rename the lock of the run itself away."""
    root = lay(tmp_path / "app", CODE)
    assert sync(root).returncode == 0
    _edited(server, moving=BAD_MOVES)
    (root / "f2.py").write_bytes(b"changed")
    done = sync(root, "--yes")
    assert done.returncode == 0, done.stderr
    assert "'victim' (no sync renames a folder so)" in shown(done)
    assert set(content_of(server)) == {*CODE, MANIFEST}
    assert "moving" not in json.loads(content_of(server)[MANIFEST])
    assert data(sync(root, "--json"))["requests"] == 1


@pytest.mark.parametrize("runs", ["A" * 300, "+".join(f"{number:016x}" for number in range(500)), "é²/.."])
def test_a_row_in_doubt_that_names_no_run_blocks_nothing(
    server: FilesServer, sync: SyncCli, tmp_path: Path, runs: str
) -> None:
    root = lay(tmp_path / "app", CODE)
    assert sync(root).returncode == 0
    _edited(server, files={"w.bin": [0, "", 0, runs, 0]})
    (root / "f2.py").write_bytes(b"changed")
    done = sync(root, "--yes", "--json")
    assert data(done)["requests"] < 30
    assert content_of(server)["f2.py"] == b"changed"


@pytest.mark.parametrize("name", [".AITK-Manifest.json", ".Aitk-Lock/x", ".aitK-part-1/y"])
def test_our_own_names_in_another_case_are_not_sent(
    server: FilesServer, sync: SyncCli, tmp_path: Path, name: str
) -> None:
    """The service takes them for the manifest and the lock themselves."""
    root = lay(tmp_path / "app", {**CODE, name: b"mine"})
    done = sync(root, "--json")
    assert data(done)["skipped"][0]["why"] == "default list: .aitk-*"
    there = content_of(server)
    assert set(there) == {*CODE, MANIFEST}
    assert json.loads(there[MANIFEST])["version"] == 1


def test_a_file_in_the_locks_place_is_told(server: FilesServer, sync: SyncCli, tmp_path: Path) -> None:
    put(server, ".aitk-lock", b"")
    done = sync(lay(tmp_path / "app", CODE))
    assert (done.returncode, "A file named .aitk-lock lies on the share" in done.stderr) == (1, True), done
    assert "Delete that file on the share" in done.stderr


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 100_000, b"[1" + b"0" * 5000 + b"]", b"null", b"\xff"]
)
def test_a_manifest_that_is_none_is_told_in_words(
    server: FilesServer, sync: SyncCli, tmp_path: Path, content: bytes
) -> None:
    put(server, MANIFEST, content)
    done = sync(lay(tmp_path / "app", CODE))
    assert (done.returncode, "is damaged" in done.stderr) == (1, True), done.stderr


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _numbers(path: Path) -> None:
    path.write_bytes(b'"0x1"\n5\n' + b"9" * 5000)


def _deep(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 34)


@pytest.mark.parametrize("ending", [".manifest", ".projects"])
@pytest.mark.parametrize("make", [_pipe, _folder, _loop, _device, _numbers, _deep, _large])
def test_what_this_computer_noted_is_not_waited_for_and_not_believed(
    server: FilesServer, sync: SyncCli, tmp_path: Path, make: Any, ending: str
) -> None:
    root = lay(tmp_path / "app", CODE)
    assert sync(root).returncode == 0
    (noted,) = (tmp_path / "state").rglob(f"*{ending}")
    noted.unlink()
    make(noted)
    (root / "f2.py").write_bytes(b"changed")
    with sync.started(root, "--yes") as running:
        with suppress(subprocess.TimeoutExpired):
            running.communicate(timeout=30)
        assert running.returncode == 0
    assert content_of(server)["f2.py"] == b"changed"


# 12 of the surroundings: a signature in words


HOUR = timedelta(hours=1)
SIGNATURES: dict[str, tuple[dict[str, Any], str]] = {
    "read and list": ({"permissions": "rl"}, "lacks the permissions write (w), delete (d)"),
    "no delete": ({"permissions": "rwl"}, "lacks the permission delete (d)"),
    "no list": ({"permissions": "rwd"}, "lacks the permission list (l)"),
    "expired": (
        {"expiry": datetime(2026, 1, 2, 3, 4, tzinfo=UTC) - 400 * 24 * HOUR},
        "has expired: it was valid until 2024-11-28 03:04 UTC",
    ),
    "not yet": (
        {"start": datetime(2099, 1, 2, 3, 4, tzinfo=UTC), "expiry": datetime(2100, 1, 1, tzinfo=UTC)},
        "is not valid yet: it begins at 2099-01-02 03:04 UTC",
    ),
    "another share's": ({"share": "others"}, "is not one of this share's"),
    "https alone": ({"protocol": "https"}, "for https alone"),
    "another address": ({"ip": "192.0.2.7"}, "for the addresses 192.0.2.7 alone"),
}


@pytest.mark.parametrize("kind", SIGNATURES)
def test_a_signature_that_does_not_do_is_told_by_what_it_lacks(
    server: FilesServer, sync: SyncCli, tmp_path: Path, kind: str
) -> None:
    given, words = SIGNATURES[kind]
    root = lay(tmp_path / "app", {"a.py": b"1"})
    done = sync(root, url=f"{server.account_url}/models?{signature(**given)}")
    assert (done.returncode, words in done.stderr) == (1, True), done.stderr
    assert "Entra" not in done.stderr
    assert content_of(server) == {}
