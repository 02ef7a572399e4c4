"""Small-file creates a second on one core, and the memory of a 1 GiB upload .

A create has its SharedKey verified and its content on disk (2 KB each, in 40 folders). The same requests go
to a bare aiohttp handler in the same run, in turns: on a busy machine only the ratio means something.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from azure.storage.fileshare import ShareClient
from files_load import create_request, send_all
from files_serve import KEY

HERE = Path(__file__).parent
FOLDERS = 40


@dataclass
class Server:
    """A server under test."""

    what: str
    port: int
    process: psutil.Process

    def share(self) -> ShareClient:
        url = f"http://127.0.0.1:{self.port}/acct/share"
        return ShareClient.from_share_url(url, credential={"account_name": "acct", "account_key": KEY})


class Zeros:
    """A source of zero bytes that holds none of them."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, count: int = -1) -> bytes:
        count = self._left if count < 0 else min(count, self._left)
        self._left -= count
        return bytes(count)


@contextmanager
def serving(what: str, root: str) -> Iterator[Server]:
    """Run one of the two servers while the context lasts."""
    command = [sys.executable, str(HERE / "files_serve.py"), what, root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(what, int(process.stdout.readline()), psutil.Process(process.pid))
        finally:
            process.terminate()


def creates(server: Server, turn: int, count: int) -> tuple[float, float]:
    """Return how many creates a second one turn reaches: by the clock, and by the server's processor time."""
    folders = [f"t{turn}d{number:02}" for number in range(FOLDERS)]
    if server.what == "files":
        with server.share() as client:
            for folder in folders:
                client.create_directory(folder)
    paths = (f"/acct/share/{folders[number % FOLDERS]}/file{number:05}.txt" for number in range(count))
    requests = [create_request(path, b"x" * 2048, KEY) for path in paths]
    before = sum(server.process.cpu_times()[:2])
    seconds = asyncio.run(send_all(server.port, requests))
    return count / seconds, count / (sum(server.process.cpu_times()[:2]) - before)


def compare(turns: int, count: int) -> None:
    """Measure both servers in turns, and print the medians."""
    found: dict[str, list[tuple[float, float]]] = {"bare": [], "files": []}
    with (
        tempfile.TemporaryDirectory() as root,
        serving("bare", root) as bare,
        serving("files", root) as files,
    ):
        for turn in range(turns):
            for server in (bare, files):
                found[server.what].append(creates(server, turn, count))
    for name, rates in found.items():
        wall, busy = (sorted(column)[turns // 2] for column in zip(*rates, strict=True))
        print(f"{name:6}{wall:7.0f} creates/s, {busy:7.0f} per second of one core")


def upload(size: int) -> None:
    """Upload one large file in 4 MiB ranges, and print the server's memory at its highest."""
    with tempfile.TemporaryDirectory() as root, serving("files", root) as server, server.share() as client:
        before, start = server.process.memory_info().rss, time.perf_counter()
        client.get_file_client("large.bin").upload_file(Zeros(size), length=size, max_concurrency=8)
        rate = size / (time.perf_counter() - start) / 2**20
        peak = peak_memory(server.process)
        print(f"upload of {size >> 20} MiB: {rate:.0f} MiB/s, memory {before >> 20} to {peak >> 20} MiB")


def peak_memory(process: psutil.Process) -> int:
    """Return the highest resident memory of a process so far, in bytes (only Linux keeps it)."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--mebibytes", type=int, default=1024)
    chosen = parser.parse_args()
    compare(chosen.turns, chosen.count)
    upload(chosen.mebibytes << 20)
