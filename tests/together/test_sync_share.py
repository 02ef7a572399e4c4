"""A sync against a real Files service: what goes wrong at each of its requests, and two at once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aca_local.fault_middleware import Faults
from aca_local.fault_rules import read
from aitk_inference.azure.files.address import Endpoint
from aitk_inference.azure.files.open_url import open_channel
from aitk_inference.azure.files.rest_share import RestShare
from aitk_inference.azure.files.retry import Backoff
from aitk_inference.azure.files.signing import SharedKey
from aitk_inference.core.errors import AppError, Busy
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import Holder
from aitk_inference.sync.engine import Job, sync
from aitk_inference.sync.ignore import LOCK_NAME, MANIFEST_NAME
from aitk_inference.sync.manifest import decode
from aitk_inference.sync.report import Synced
from azure.storage.fileshare import ShareServiceClient
from support.files_server import KEY, FilesServer, files_server
from support.scripted import FakeClock, Scripted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

YES = {"overwrite": "yes", "drift": "yes", "delete": "yes"}


@dataclass
class Place:
    """A Files service that goes wrong on demand."""

    server: FilesServer
    faults: Faults
    state: Path
    clock: FakeClock = field(default_factory=FakeClock)

    @asynccontextmanager
    async def share(self) -> AsyncIterator[RestShare]:
        endpoint = Endpoint.of(self.server.account_url)
        signer = SharedKey.of("acct", KEY)
        made = open_channel(endpoint, "models", signer, clock=self.clock, timeout=10)
        share = RestShare(made._replace(backoff=Backoff(lambda: 0.0)))
        try:
            yield share
        finally:
            await share.close()

    async def sync(self, root: Path, who: str = "here", ui: Scripted | None = None) -> Synced:
        job = Job(root, "models", Holder(root.name, who), self.state / who)
        async with self.share() as share:
            return await sync(job, share, self.clock, Reporter(ui or Scripted(YES)))

    def content(self) -> dict[str, bytes]:
        """What the share holds, read by the SDK."""
        found: dict[str, bytes] = {}
        with ShareServiceClient.from_connection_string(self.server.connection_string) as service:
            share, waiting = service.get_share_client("models"), [""]
            while waiting:
                folder = waiting.pop()
                for entry in share.get_directory_client(folder).list_directories_and_files():
                    path = f"{folder}/{entry.name}".lstrip("/")
                    if entry.is_directory:
                        waiting.append(path)
                        found[f"{path}/"] = b""
                    else:
                        found[path] = share.get_file_client(path).download_file().readall()
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    faults = Faults()
    with files_server(tmp_path / "server", faults=faults) as server:
        with ShareServiceClient.from_connection_string(server.connection_string) as service:
            service.create_share("models")
        yield Place(server, faults, tmp_path / "state")


def tree(root: Path) -> dict[str, bytes]:
    """A small folder: files in folders, one that goes in pieces."""
    files = {"app.py": b"print(1)", "lib/a.py": b"a", "lib/b.py": b"b"}
    files["adapter.safetensors"] = random.Random(1).randbytes((5 << 20) + 3)
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return files


FAULTS: list[dict[str, Any]] = [
    {"fault": "throttled"},
    {"fault": "unavailable"},
    {"fault": "revoked-key"},
    {"fault": "expired-token"},
    {"fault": "forbidden"},
    {"fault": "share-full"},
    {"status": 500, "body": {"error": {"code": "InternalError", "message": "m"}}},
    {"status": 409, "body": {"error": {"code": "SharingViolation", "message": "m"}}},
    {"status": 409, "body": {"error": {"code": "DeletePending", "message": "m"}}},
    {"reset": True},
    {"cut": 0},
    {"cut": 60},
    {"bytesPerSecond": 100_000, "delay": 0.01},
]
SYNCS_REQUESTS = 14


@pytest.mark.parametrize("fault", FAULTS, ids=lambda rule: "-".join(str(one) for one in rule.values())[:24])
async def test_a_fault_at_any_request_loses_nothing(
    place: Place, tmp_path: Path, fault: dict[str, Any]
) -> None:
    root = tmp_path / "tree"
    files = tree(root)
    for nth in range(1, SYNCS_REQUESTS + 1):
        (root / "app.py").write_bytes(b"print(%d)" % nth)
        if nth % 2:  # in turns a first sync, and one of a single change
            wipe(place)
        place.faults.rules = read(json.dumps([{"service": "files", "nth": nth, **fault}]))
        with suppress(AppError):
            await place.sync(root)
        place.faults.rules = []
        await place.sync(root)
        now = place.content()
        now.pop(
            f"{LOCK_NAME}/", None
        )  # where the last request failed: the next run that writes takes it over
        manifest = decode(now.pop(MANIFEST_NAME))
        assert now == {**files, "app.py": b"print(%d)" % nth, "lib/": b""}
        assert {path: sent.sha256 for path, sent in manifest.files.items()} == {
            path: hashlib.sha256(content).hexdigest() for path, content in now.items() if path != "lib/"
        }
        assert (await place.sync(root)).requests == 1


def wipe(place: Place) -> None:
    """Make the share anew."""
    with ShareServiceClient.from_connection_string(place.server.connection_string) as service:
        service.delete_share("models")
        service.create_share("models")


def clone(home: Path, name: str) -> Path:
    """One of several clones of a project."""
    root = home / name
    (root / ".git").mkdir(parents=True)
    (root / ".git/config").write_text('[remote "origin"]\n\turl = https://host.example/team/app\n')
    for number in range(8):
        (root / f"f{number}.py").write_text(f"{name} {number}")
    return root


async def test_two_at_once_a_hundred_times_never_corrupt(place: Place, tmp_path: Path) -> None:
    clones = [clone(tmp_path, "first"), clone(tmp_path, "second")]
    chance = random.Random(7)
    refused = 0
    for turn in range(100):
        for root in clones:
            (root / f"f{chance.randrange(8)}.py").write_text(f"{root.name} {turn}")
        ended = await asyncio.gather(
            *(place.sync(root, root.name) for root in clones), return_exceptions=True
        )
        refused += sum(isinstance(one, Busy) for one in ended)
        assert all(isinstance(one, Synced | Busy) for one in ended), ended
        now = place.content()
        for path, sent in decode(now[MANIFEST_NAME]).files.items():
            assert hashlib.sha256(now[path]).hexdigest() == sent.sha256
    assert 0 < refused < 200
    assert f"{LOCK_NAME}/" not in place.content()
    await place.sync(clones[0], "first")
    assert place.content()["f0.py"] == (clones[0] / "f0.py").read_bytes()


async def test_an_edit_through_the_sdk_is_drift(place: Place, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    tree(root)
    await place.sync(root)
    with ShareServiceClient.from_connection_string(place.server.connection_string) as service:
        service.get_share_client("models").get_file_client("app.py").upload_file(b"edited there")
    (root / "app.py").write_bytes(b"edited here")
    with pytest.raises(AppError, match="changed on the share since"):
        await place.sync(root, ui=Scripted())
    assert place.content()["app.py"] == b"edited there"


async def test_a_write_through_the_mounted_share_is_drift_too(place: Place, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    tree(root)
    await place.sync(root)
    folder = place.server.call(lambda: place.server.shares.folder("acct", "models"))
    (Path(folder) / "lib/a.py").write_bytes(b"edited by the app")
    (root / "lib/a.py").write_bytes(b"edited here")
    with pytest.raises(AppError, match="changed on the share since"):
        await place.sync(root, ui=Scripted())


async def test_an_older_service_takes_two_requests_a_file(tmp_path: Path) -> None:
    from aca_local.files import FilesOptions

    options = FilesOptions(create_with_data=False)
    with files_server(tmp_path / "server", options=options) as server:
        with ShareServiceClient.from_connection_string(server.connection_string) as service:
            service.create_share("models")
        place = Place(server, Faults(), tmp_path / "state")
        root = tmp_path / "tree"
        files = tree(root)
        await place.sync(root)
        now = place.content()
        assert {path: now[path] for path in files} == files
        assert (await place.sync(root)).requests == 1


async def test_the_manifest_holds_as_many_files_as_there_are(place: Place, tmp_path: Path) -> None:
    """More than one request can carry: its pieces, then a rename."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "a").write_bytes(b"1")
    await place.sync(root)
    manifest = json.loads(place.content()[MANIFEST_NAME])
    row = manifest["files"]["a"]
    manifest["files"] |= {f"gone/{number:0>150}": row for number in range(20_000)}
    with ShareServiceClient.from_connection_string(place.server.connection_string) as service:
        large = json.dumps(manifest).encode()
        service.get_share_client("models").get_file_client(MANIFEST_NAME).upload_file(large)
    (root / "b").write_bytes(b"2")
    synced = await place.sync(root)
    assert len(synced.deleted) == 20_000
    assert set(decode(place.content()[MANIFEST_NAME]).files) == {"a", "b"}
