"""Syncs as people run them: what they must not lose, whatever they do between two runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aca_local.fault_rules import read
from support.sync_cli import (
    SyncCli,
    clone,
    content_of,
    data,
    file_of,
    lay,
    names_of,
    put,
    share_of,
    shown,
    until,
)

if TYPE_CHECKING:
    from aca_local.fault_middleware import Faults
    from support.files_server import FilesServer

MANIFEST = ".aitk-manifest.json"
LARGE = (5 << 20) + 3


def slow_writes(faults: Faults) -> None:
    """Let pieces of large files take their time."""
    faults.rules = read(
        json.dumps(
            [{"service": "files", "method": "PUT", "path": "comp=range|part|bin", "delay": 1.5, "times": 0}]
        )
    )


# 1: two writers


def test_a_second_container_with_the_same_name_and_path_waits(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", {"model.bin": os.urandom(3 * LARGE), "a.py": b"1"})
    other = SyncCli(server, tmp_path / "other-state")
    slow_writes(faults)
    with sync.started(root) as first:
        until(lambda: ".aitk-lock/" in names_of(server))
        second = other(root)
        assert (second.returncode, "is writing to this file share" in second.stderr) == (1, True), second
        faults.rules = []
        assert first.wait(60) == 0
    assert content_of(server)["model.bin"] == (root / "model.bin").read_bytes()


def test_a_corrupt_file_on_the_share_is_found_on_request(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    """As two writers of an earlier version left it: half of another content under a manifest that vouches for it."""
    root = lay(tmp_path / "app", {"model.bin": os.urandom(LARGE), "a.py": b"1"})
    assert sync(root).returncode == 0
    with share_of(server) as share:
        file = share.get_file_client("model.bin")
        file.upload_range(b"other", 1000, 5, file_last_write_mode="preserve")
        etag = file.get_file_properties().etag
        manifest = share.get_file_client(MANIFEST)
        document = json.loads(manifest.download_file().readall())
        document["files"]["model.bin"][3] = etag
        manifest.upload_file(json.dumps(document).encode())
    assert data(sync(root, "--verify", "--json"))["sent"] == ["model.bin"]
    assert content_of(server)["model.bin"] == (root / "model.bin").read_bytes()
    assert data(sync(root, "--verify", "--json"))["sent"] == []


def test_a_computer_name_that_is_not_ascii(server: FilesServer, sync: SyncCli, tmp_path: Path) -> None:
    ahead = lay(
        tmp_path / "ahead",
        {"sitecustomize.py": "import socket\nsocket.gethostname = lambda: 'Bürö-Пк'\n".encode()},
    )
    named = SyncCli(server, tmp_path / "state", ahead)
    done = named(lay(tmp_path / "app", {"a.py": b"1"}))
    assert done.returncode == 0, done.stderr
    assert content_of(server)["a.py"] == b"1"


def test_a_large_file_in_use_is_replaced_as_a_whole(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    old, new = os.urandom(LARGE), os.urandom(LARGE)
    root = lay(tmp_path / "app", {"model.bin": old})
    assert sync(root).returncode == 0
    (root / "model.bin").write_bytes(new)
    slow_writes(faults)
    seen = set()
    with sync.started(root) as process:
        while process.poll() is None:
            seen.add(file_of(server, "model.bin"))
    assert process.returncode == 0
    assert seen | {file_of(server, "model.bin")} == {old, new}


# 2: a clone that lacks what others sent


ADAPTER = {
    "adapter/adapter_model.safetensors": b"w" * 100,
    "adapter/adapter_config.json": b"{}",
    "adapter/x.json": b"[]",
}
CODE = {f"f{number}.py": b"x" for number in range(20)}


@pytest.mark.parametrize("answer", ["n", "no input", "--yes"])
def test_a_clone_without_the_adapter_leaves_it_there(
    server: FilesServer, sync: SyncCli, tmp_path: Path, answer: str
) -> None:
    assert sync(clone(tmp_path / "A", {**CODE, **ADAPTER})).returncode == 0
    other = SyncCli(server, tmp_path / "other-state")
    root = clone(tmp_path / "B", {**CODE, "f0.py": b"changed"})
    if answer == "n":
        code, words = other.answered(root, "n")
    else:
        done = other(root, *([answer] if answer == "--yes" else []))
        code, words = done.returncode, shown(done)
    there = content_of(server)
    assert {path: there.get(path) for path in ADAPTER} == ADAPTER, words
    assert (code, there["f0.py"]) == (0, b"changed"), words
    assert "adapter/adapter_config.json" in words
    assert data(other(root, "--json"))["deleted"] == []


def test_a_folder_in_other_case_hides_nothing_that_this_folder_never_had(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    files = {"Lib/a.py": b"1", "Lib/w.safetensors": b"w", "Lib/notes.txt": b"n"}
    assert sync(clone(tmp_path / "A", {**CODE, **files})).returncode == 0
    other = SyncCli(server, tmp_path / "other-state")
    done = other(clone(tmp_path / "B", {**CODE, "lib/a.py": b"1"}))
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    assert {path: there.get(path) for path in ("lib/a.py", "lib/w.safetensors", "lib/notes.txt")} == {
        "lib/a.py": b"1",
        "lib/w.safetensors": b"w",
        "lib/notes.txt": b"n",
    }


def test_a_no_to_deleting_weights_keeps_their_folder(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    root = clone(tmp_path / "A", {**CODE, **ADAPTER})
    assert sync(root).returncode == 0
    shutil.rmtree(root / "adapter")
    code, words = sync.answered(root, "n")
    there = content_of(server)
    assert ({path: there.get(path) for path in ADAPTER}, code) == (ADAPTER, 0), words


def test_deletions_are_counted_and_named_everywhere(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "A", CODE)
    assert sync(root).returncode == 0
    (root / "f3.py").unlink()
    plan = sync(root, "--dry-run").stdout
    assert "1 of them deleted" in plan
    assert "  delete  f3.py" in plan
    assert "1 of them deleted (f3.py)" in sync(root).stdout
    (root / "f4.py").unlink()
    assert data(sync(root, "--json"))["deleted"] == ["f4.py"]


# 3: after an end before the end


def test_after_ctrl_c_the_next_run_knows_its_own_files(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", {"a.py": b"1", "model.bin": os.urandom(3 * LARGE)})
    slow_writes(faults)
    stopped = sync.interrupted(root, lambda: "a.py" in names_of(server))
    assert stopped.returncode == 130, stopped.stderr
    faults.rules = []
    (root / "a.py").write_bytes(b"changed")
    (root / "model.bin").write_bytes(os.urandom(LARGE))
    fresh = SyncCli(server, tmp_path / "another-computer")
    done = fresh(root)
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    assert {path: there[path] for path in ("a.py", "model.bin")} == {
        path: (root / path).read_bytes() for path in ("a.py", "model.bin")
    }
    assert not [path for path in there if path.startswith(".aitk-") and path != MANIFEST]


def test_after_ctrl_c_in_a_later_run_the_next_one_knows_its_own_files(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    """What this computer noted after the first run is older than what the second one left on the share."""
    root = lay(tmp_path / "app", {"a.py": b"1", "model.bin": os.urandom(LARGE)})
    assert sync(root).returncode == 0
    lay(root, {"a.py": b"before", "new.py": b"2", "model.bin": os.urandom(3 * LARGE)})
    slow_writes(faults)
    stopped = sync.interrupted(root, lambda: file_of(server, "a.py") == b"before")
    assert stopped.returncode == 130, stopped.stderr
    faults.rules = []
    lay(root, {"a.py": b"changed", "new.py": b"changed"})
    done = sync(root)
    assert done.returncode == 0, done.stderr
    assert (file_of(server, "a.py"), file_of(server, "new.py")) == (b"changed", b"changed")


def test_after_an_error_the_next_run_knows_its_own_files(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", {f"f{number}.py": b"1" for number in range(9)})
    full = {"service": "files", "method": "PUT", "path": "f5.py", "fault": "share-full", "times": 0}
    faults.rules = read(json.dumps([full]))
    assert sync(root).returncode == 1
    faults.rules = []
    lay(root, {f"f{number}.py": b"changed" for number in range(9)})
    done = sync(root)
    assert done.returncode == 0, done.stderr
    assert {content_of(server)[f"f{number}.py"] for number in range(9)} == {b"changed"}


# 4: case


@pytest.mark.parametrize("path", ["Lib/deep/b.py", "Model/w.bin"])
def test_a_folder_renamed_in_its_case_alone(
    server: FilesServer, sync: SyncCli, tmp_path: Path, path: str
) -> None:
    root = lay(tmp_path / "app", {path: os.urandom(LARGE), "a.py": b"1", "f/x.py": b"2"})
    put(server, f"{path.split('/', maxsplit=1)[0]}/theirs.txt", b"somebody's")
    assert sync(root).returncode == 0
    old, new = path.split("/", maxsplit=1)[0], path.split("/", maxsplit=1)[0].lower()
    (root / old).rename(root / "aside")
    (root / "aside").rename(root / new)
    done = sync(root)
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    now = new + path[len(old) :]
    assert there.get(now) == (root / now).read_bytes()
    assert there.get(f"{new}/theirs.txt") == b"somebody's"
    assert not [name for name in there if name.startswith((old, ".aitk-moving"))]
    assert data(sync(root, "--json"))["requests"] == 1


def test_a_file_renamed_in_its_case_alone(server: FilesServer, sync: SyncCli, tmp_path: Path) -> None:
    root = lay(
        tmp_path / "app", {"d/Readme.md": b"1", "d/Model.bin": os.urandom(LARGE), "a.py": b"1", "b.py": b"2"}
    )
    assert sync(root).returncode == 0
    for old, new in (("Readme.md", "README.md"), ("Model.bin", "model.bin")):
        (root / "d" / old).rename(root / "d/aside")
        (root / "d/aside").rename(root / "d" / new)
    done = sync(root)
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    assert {"d/README.md", "d/model.bin"} <= set(there)
    assert not {"d/Readme.md", "d/Model.bin"} & set(there)


def test_verify_finds_names_that_differ_in_case(server: FilesServer, sync: SyncCli, tmp_path: Path) -> None:
    """As an earlier version left them, or somebody who renamed them on the share."""
    root = lay(tmp_path / "app", {"lib/deep/b.py": b"1", "lib/c.py": b"2", "a.py": b"3"})
    assert sync(root).returncode == 0
    with share_of(server) as share:
        share.get_directory_client("lib").rename_directory("aside")
        share.get_directory_client("aside").rename_directory("LIB")
        share.get_file_client("LIB/c.py").rename_file("LIB/aside")
        share.get_file_client("LIB/aside").rename_file("LIB/C.py")
    done = sync(root, "--verify", "--yes")
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    assert {name: there.get(name) for name in ("lib/", "lib/c.py", "lib/deep/b.py")} == {
        "lib/": b"",
        "lib/c.py": b"2",
        "lib/deep/b.py": b"1",
    }


# 5: what is left out


def test_a_folder_that_is_brought_back_by_its_files(sync: SyncCli, tmp_path: Path) -> None:
    root = lay(
        tmp_path / "app",
        {"models/a/w.safetensors": b"1", "models/a/log.txt": b"2", "models/x.safetensors": b"3", "a.py": b""},
    )
    (root / ".aitkignore").write_text("models/**\n!models/**/\n!models/**/*.safetensors\n")
    assert data(sync(root, "--json"))["sent"] == ["a.py", "models/a/w.safetensors", "models/x.safetensors"]


# 6: files that don't keep still, and odd times


@pytest.mark.parametrize("change", ["grows", "shrinks", "is touched", "turns into a folder"])
def test_a_large_file_that_changes_all_the_time_is_named(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path, change: str
) -> None:
    root = lay(tmp_path / "app", {"model.bin": os.urandom(10 * LARGE), "a.py": b"1"})
    over = threading.Event()

    def write() -> None:
        size, path = 10 * LARGE, root / "model.bin"
        while not over.wait(0.02):
            if change == "turns into a folder":
                path.unlink()
                path.mkdir()
                return
            size += {"grows": 1 << 16, "shrinks": -100}.get(change, 0)
            os.truncate(path, size)

    slow = {"service": "files", "method": "PUT", "path": "comp=range|part|bin", "delay": 0.4, "times": 0}
    faults.rules = read(json.dumps([slow]))
    with sync.started(root) as process:
        until(lambda: any("part" in name or name == "model.bin" for name in names_of(server)))
        writer = threading.Thread(target=write)
        writer.start()
        shown_words = "".join(process.communicate(timeout=100))
        over.set()
        writer.join()
    ends = {1: "changes while it is sent"}
    if change == "turns into a folder":  # as it is seen before, between or after the two steps
        ends = {1: "can't be read: Is a directory", 0: "Deleted while it was being sent"}
    assert "model.bin" in shown_words
    assert ends[process.returncode] in shown_words


def test_a_large_file_that_vanishes_while_it_is_sent(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", {"model.bin": os.urandom(3 * LARGE), "a.py": b"1"})
    slow_writes(faults)
    with sync.started(root) as process:
        until(lambda: any("part" in name or name == "model.bin" for name in names_of(server)))
        (root / "model.bin").unlink()
        words, _ = process.communicate(timeout=100)
    assert process.returncode == 0, words
    assert "Deleted while it was being sent: model.bin" in words
    assert "1 of 2 files changed, 1 B in" in words
    assert set(content_of(server)) == {"a.py", MANIFEST}


@pytest.mark.skipif(sys.platform != "linux", reason="a file system that holds any time")
@pytest.mark.parametrize("year", [10000, 1600, 1])
def test_a_time_that_the_service_cannot_hold_is_named(server: FilesServer, sync: SyncCli, year: int) -> None:
    seconds = int(
        (datetime(min(year, 9999), 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    )
    seconds += (year > 9999) * 366 * 24 * 3600
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        root = lay(Path(home), {"odd.txt": b"1", "b.py": b"2"})
        os.utime(root / "odd.txt", ns=(0, seconds * 10**9))
        if (root / "odd.txt").stat().st_mtime_ns != seconds * 10**9:
            pytest.skip("this file system can't hold the time either")
        done = sync(root)
        assert "can't hold these files' times, and gets the nearest: odd.txt" in shown(done), done
        assert (done.returncode, content_of(server)["odd.txt"]) == (0, b"1"), done.stderr
        assert data(sync(root, "--json"))["requests"] == 1


# 7: whose share it is, and what its manifest says


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize("change", ["remote add", "moved", "another host name", "all of them"])
def test_our_own_earlier_identity_is_known(
    server: FilesServer, sync: SyncCli, tmp_path: Path, change: str
) -> None:
    root = lay(tmp_path / "app", CODE)
    git(root, "init", "-q")
    assert sync(root).returncode == 0
    if change in ("moved", "all of them"):
        root = root.rename(tmp_path / "elsewhere")
    if change in ("remote add", "all of them"):
        git(root, "remote", "add", "origin", "https://host.example/team/app")
    if change in ("another host name", "all of them"):
        sync.ahead = lay(
            tmp_path / "ahead", {"sitecustomize.py": b"import socket\nsocket.gethostname = lambda: 'other'\n"}
        )
    (root / "f1.py").write_bytes(b"changed")
    done = sync(root)
    assert done.returncode == 0, done.stderr
    assert content_of(server)["f1.py"] == b"changed"


def test_another_project_of_this_computer_is_still_asked_about(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    assert sync(lay(tmp_path / "one", CODE)).returncode == 0
    shutil.rmtree(tmp_path / "one")
    done = sync(lay(tmp_path / "two", {"other.py": b"1"}))
    assert (done.returncode, "holds another project" in done.stderr) == (2, True)
