"""What a run that was killed wrote, and its manifest does not say, is found by the next one."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from aca_local.fault_rules import read
from support.sync_cli import SyncCli, clone, content_of, data, file_of, lay, names_of, put, share_of, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aca_local.fault_middleware import Faults
    from support.files_server import FilesServer

MANIFEST = ".aitk-manifest.json"
CODE = {f"f{number}.py": b"x" for number in range(12)}
LARGE = (5 << 20) + 3


def killed(
    faults: Faults, sync: SyncCli, root: Path, path: str, when: Callable[[], bool], *words: str
) -> None:
    """Run until something is so; requests that match are never carried out meanwhile."""
    slow = {"service": "files", "method": "PUT", "path": path, "delay": 600, "times": 0}
    faults.rules = read(json.dumps([slow]))
    with sync.started(root, *words) as process:
        until(lambda: when() or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.wait()
    faults.rules = []


def test_a_file_that_it_deleted_and_that_is_back(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", CODE)
    assert sync(root).returncode == 0
    assert sync(root).returncode == 0
    (root / "f1.py").rename(tmp_path / "kept")
    killed(faults, sync, root, MANIFEST, lambda: "f1.py" not in names_of(server))
    (tmp_path / "kept").rename(root / "f1.py")
    assert data(sync(root, "--json"))["sent"] == ["f1.py"]
    assert content_of(server)["f1.py"] == b"x"
    assert not [name for name in names_of(server) if name.startswith(".aitk-lock")]
    assert data(sync(root, "--json"))["requests"] == 1


def test_an_edit_that_it_sent_and_that_was_taken_back(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", CODE)
    assert sync(root).returncode == 0
    (root / "f1.py").write_bytes(b"broken")
    killed(faults, sync, root, MANIFEST, lambda: file_of(server, "f1.py") == b"broken")
    (root / "f1.py").write_bytes(b"x")
    done = sync(root)
    assert done.returncode == 0, done.stderr
    assert file_of(server, "f1.py") == b"x"
    assert data(sync(root, "--json"))["requests"] == 1


def test_a_clone_on_this_computer_that_takes_over(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    ours, other = clone(tmp_path / "A", CODE), clone(tmp_path / "B", CODE)
    assert sync(ours).returncode == sync(other).returncode == 0
    (ours / "f1.py").write_bytes(b"broken")
    (ours / "f2.py").unlink()
    killed(faults, sync, ours, MANIFEST, lambda: "f2.py" not in names_of(server))
    (other / "f3.py").write_bytes(b"other")
    done = sync(other)
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    assert [there[f"f{number}.py"] for number in (1, 2, 3)] == [b"x", b"x", b"other"]


def test_a_part_of_a_large_file_whose_folder_was_renamed_in_its_case(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", {**CODE, "Model/w.bin": os.urandom(LARGE)})
    killed(
        faults,
        sync,
        root,
        "comp=range",
        lambda: any(name.startswith(".aitk-part") for name in names_of(server)),
    )
    (root / "Model").rename(root / "aside")
    (root / "aside").rename(root / "model")
    done = sync(root)
    assert done.returncode == 0, done.stderr
    assert set(content_of(server)) == {*CODE, "model/", "model/w.bin", MANIFEST}


def test_a_folder_that_was_to_become_a_large_file(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path
) -> None:
    """Its journal names both; no row of it is one that no sync writes."""
    root = lay(tmp_path / "app", {**CODE, "model/old.txt": b"1"})
    assert sync(root).returncode == 0
    (root / "model/old.txt").unlink()
    (root / "model").rmdir()
    (root / "model").write_bytes(os.urandom(LARGE))
    killed(
        faults,
        sync,
        root,
        "comp=range",
        lambda: any(name.startswith(".aitk-part") for name in names_of(server)),
    )
    done = sync(root)
    assert (done.returncode, "no sync writes" in done.stdout + done.stderr) == (0, False), done
    assert set(content_of(server)) == {*CODE, "model", MANIFEST}


# names that differ in case


@pytest.mark.parametrize("size", [1, LARGE])
def test_a_file_of_somebody_else_that_is_spelled_otherwise_is_replaced_with_its_name(
    server: FilesServer, sync: SyncCli, tmp_path: Path, size: int
) -> None:
    """A module of the old spelling is not found in a replica."""
    put(server, "Model.bin", b"somebody's")
    root = lay(tmp_path / "app", {"model.bin": os.urandom(size)})
    assert sync(root, "--yes").returncode == 0
    there = content_of(server)
    assert set(there) == {"model.bin", MANIFEST}
    assert there["model.bin"] == (root / "model.bin").read_bytes()


def test_a_no_keeps_a_file_that_was_renamed_and_edited_on_the_share(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    root = lay(tmp_path / "app", CODE)
    assert sync(root).returncode == 0
    with share_of(server) as share:
        share.get_file_client("f1.py").rename_file("aside")
        share.get_file_client("aside").rename_file("F1.py")
        share.get_file_client("F1.py").upload_file(b"edited")
    (root / "f5.py").write_bytes(b"new")
    code, words = sync.answered(root, "n", "--verify")
    assert code == 0, words
    assert content_of(server).get("F1.py") == b"edited", words
