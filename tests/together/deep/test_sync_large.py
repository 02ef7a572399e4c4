"""Large trees and files (``make test-deep``): 100,000 files, and one of 20 GB, within 200 MB of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.files_serve import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_MEMORY = 200 << 20
FILES, FOLDERS = 100_000, 400
SPARSE = 20 << 30


@dataclass
class Synced:
    """What a sync's process said, and the most memory that it held."""

    data: dict[str, Any]
    memory: int
    seconds: float


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    from benchmarks import files_serve

    command = [sys.executable, files_serve.__file__, "files", str(tmp_path / "server")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/acct/share"
        finally:
            server.terminate()


def sync(folder: Path, url: str, tmp_path: Path) -> Synced:
    """One sync in a process of its own."""
    environment = {
        **os.environ,
        "AZURE_STORAGE_CONNECTION_STRING": f"AccountName=acct;AccountKey={KEY}",
        "AITK_STATE_DIR": str(tmp_path / "state"),
        "AITK_LOG_DIR": str(tmp_path / "state"),
    }
    out, began = tmp_path / "out.jsonl", time.monotonic()
    with out.open("w") as lines:
        command = [sys.executable, "-m", "aitk_inference", "sync", str(folder), url, "--json", "--no-input"]
        process = subprocess.Popen(command, env=environment, stdout=lines, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    result = json.loads(out.read_text().splitlines()[-1])
    assert process.returncode == 0, result
    return Synced(result["data"], used.ru_maxrss * 1024, time.monotonic() - began)


def tell(what: str, synced: Synced) -> None:
    """For whoever watches: nothing of it is asserted."""
    requests = synced.data["requests"]
    print(f"\n{what}: {synced.seconds:.1f} s, {requests:,} requests, {synced.memory >> 20} MiB", end="")


def test_a_hundred_thousand_files(url: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for folder in range(FOLDERS):
        (tree / f"folder{folder:04}").mkdir(parents=True)
    for number in range(FILES):
        (tree / f"folder{number % FOLDERS:04}/file{number:06}.txt").write_text(str(number))
    first = sync(tree, url, tmp_path)
    tell("first", first)
    assert len(first.data["sent"]) == FILES
    second = sync(tree, url, tmp_path)
    tell("no change", second)
    assert second.data["requests"] == 1
    (tree / "folder0000/file000000.txt").write_text("changed")
    third = sync(tree, url, tmp_path)
    tell("one change", third)
    assert third.data["sent"] == ["folder0000/file000000.txt"]
    assert max(one.memory for one in (first, second, third)) < MOST_MEMORY


def test_a_file_of_twenty_gigabytes(url: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    with (tree / "model.bin").open("wb") as file:
        file.truncate(SPARSE)
        for offset in range(0, SPARSE, 1 << 30):
            file.seek(offset)
            file.write(b"some of it is not zeros")
    first = sync(tree, url, tmp_path)
    tell("20 GB", first)
    assert first.data["bytes"] == SPARSE
    assert sync(tree, url, tmp_path).data["requests"] == 1
    os.utime(tree / "model.bin", (1, 1))
    again = sync(tree, url, tmp_path)
    tell("20 GB with another time, hashed", again)
    assert again.data["sent"] == []
    assert max(one.memory for one in (first, again)) < MOST_MEMORY
