"""`kill -9` in the middle of a sync: what was acknowledged is there, and nothing is half there."""

import asyncio
import contextlib
import hashlib
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from azure.core.exceptions import AzureError
from azure.storage.fileshare.aio import ShareClient
from support.files_server import KEY

TESTS = Path(__file__).parents[1]
KILLS = int(os.environ.get("AITK_KILLS", "20"))  # `make test-deep` asks for 200
WORKERS = 4
NOTHING = "nothing"


class Sync:
    """Puts, overwrites, renames and deletes files until it is cut off.

    `sure` is what was acknowledged (path → digest of the content), `maybe` what a path under way may hold
    instead.
    """

    def __init__(self) -> None:
        self.sure: dict[str, str] = {}
        self.maybe: dict[str, str] = {}

    async def run(self, share: ShareClient) -> None:
        """Work until the connection breaks."""
        await asyncio.gather(*(self._work(share, f"w{worker}") for worker in range(WORKERS)))

    async def _work(self, share: ShareClient, folder: str) -> None:
        with contextlib.suppress(AzureError):
            if folder not in self.sure:
                await self._make(share, folder)
            for number in range(10_000):
                path = f"{folder}/{number % 7}.bin"
                await self._put(share, path, os.urandom(random.choice((10, 2_000, 300_000))))
                if number % 3 == 0:
                    await self._rename(share, path, f"{folder}/renamed{number % 11}.bin")
                if number % 5 == 0:
                    await self._delete(share, path)
                    await self._make_or_remove(share, f"{folder}/folder{number % 3}")

    async def _make(self, share: ShareClient, folder: str) -> None:
        self.maybe[folder] = "folder"
        await share.create_directory(folder, metadata={"by": folder})
        self.sure[folder] = self.maybe.pop(folder)

    async def _make_or_remove(self, share: ShareClient, folder: str) -> None:
        if folder not in self.sure:
            await self._make(share, folder)
            return
        self.maybe[folder] = NOTHING
        await share.delete_directory(folder)
        del self.sure[folder], self.maybe[folder]

    async def _put(self, share: ShareClient, path: str, data: bytes) -> None:
        self.maybe[path] = hashlib.sha256(data).hexdigest()
        client = share.get_file_client(path)
        await client.create_file(len(data), data=data, metadata={"sha": self.maybe[path]})
        self.sure[path] = self.maybe.pop(path)

    async def _rename(self, share: ShareClient, old: str, new: str) -> None:
        self.maybe[new], self.maybe[old] = self.sure[old], NOTHING
        await share.get_file_client(old).rename_file(new, overwrite=True)
        self.sure[new] = self.maybe.pop(new)
        del self.sure[old], self.maybe[old]

    async def _delete(self, share: ShareClient, path: str) -> None:
        if path in self.sure:
            self.maybe[path] = NOTHING
            await share.get_file_client(path).delete_file()
            del self.sure[path], self.maybe[path]

    def settle(self, found: dict[str, str]) -> None:
        """Hold what is there after a kill against what must be and what may be."""
        for path in {*self.sure, *self.maybe, *found}:
            there = found.get(path, NOTHING)
            allowed = {self.sure.get(path, NOTHING), self.maybe.get(path, self.sure.get(path, NOTHING))}
            assert there in allowed, path
        self.sure, self.maybe = found, {}


@contextlib.asynccontextmanager
async def service(root: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, ShareClient]]:
    """Run the service and give a client without retries; at the end it is killed, whatever it does."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.files_process",
        str(root),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = f"http://127.0.0.1:{int(await process.stdout.readline())}/acct/share"
    credential = {"account_name": "acct", "account_key": KEY}
    try:
        async with ShareClient.from_share_url(url, credential=credential, retry_total=0) as share:
            yield process, share
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def everything(share: ShareClient, folder: str = "") -> dict[str, str]:
    """Return all files with the digest of their content, and all folders; none of them is half there."""
    found: dict[str, str] = {}
    async for item in share.list_directories_and_files(folder):
        path = f"{folder}/{item.name}".lstrip("/")
        if item.is_directory:
            about = await share.get_directory_client(path).get_directory_properties()
            assert about.metadata == {"by": path}
            found |= {path: "folder", **await everything(share, path)}
        else:
            download = await share.get_file_client(path).download_file()
            found[path] = hashlib.sha256(await download.readall()).hexdigest()
            assert download.properties.metadata == {"sha": found[path]}, path
    return found


async def test_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    sync = Sync()
    for _ in range(KILLS):
        async with service(tmp_path) as (process, share):
            sync.settle(await everything(share))
            work = asyncio.create_task(sync.run(share))
            await asyncio.sleep(random.uniform(0.05, 0.5))
            process.kill()
            await work
    async with service(tmp_path) as (_, share):
        sync.settle(await everything(share))
        assert any(value != "folder" for value in sync.sure.values())
        assert list((tmp_path / "staging").iterdir()) == []
