"""``kill -9`` at any moment of a sync or a deployment loses nothing acknowledged, and halves nothing."""

import os
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aca_local.replicas.process import start_time
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import AzureError
from azure.storage.fileshare import ShareClient
from support.running import ACCOUNT, GROUP_API, SHARE, STORAGE_API, Azure, aca_local, start, until

KILLS = int(os.environ.get("AITK_KILLS", "20"))
DEPLOYMENTS_API = "2024-03-01"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")


@dataclass
class Acknowledged:
    """What aca-local said it has."""

    files: dict[str, bytes] = field(default_factory=dict)
    deployments: list[str] = field(default_factory=list)


def base(azure: Azure) -> str:
    """Make a group with an account and a share; answer the account's key."""
    azure.put(azure.group, GROUP_API, {"location": "westus3"})
    account = f"{azure.group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    azure.put(account, STORAGE_API, storage())
    azure.put(f"{account}/fileServices/default/shares/{SHARE}", STORAGE_API, {"properties": {}})
    key = azure.ask("POST", f"{account}/listKeys", STORAGE_API)["keys"][0]["value"]
    assert isinstance(key, str)
    return key


def storage() -> dict[str, Any]:
    return {"location": "westus3", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}


def share_of(azure: Azure, key: str) -> ShareClient:
    account = f"{azure.group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    endpoint = azure.ask("GET", account, STORAGE_API)["properties"]["primaryEndpoints"]["file"]
    credential = AzureNamedKeyCredential(ACCOUNT, key)
    return ShareClient(endpoint.rstrip("/"), SHARE, credential=credential, retry_total=0)


def sync(share: ShareClient, number: int, said: Acknowledged, gone: threading.Event) -> None:
    """Upload files until aca-local is gone; only what was answered counts."""
    count = 0
    while not gone.is_set():
        name, content = f"file-{number}-{count}", f"content {number} {count} ".encode() * 500
        try:
            share.get_file_client(name).upload_file(content)
        except (AzureError, OSError):
            return
        said.files[name] = content
        count += 1


def deploy(azure: Azure, number: int, said: Acknowledged) -> None:
    """Begin a deployment of one storage account with a share."""
    name = f"killed{number}"
    account = {"type": "Microsoft.Storage/storageAccounts", "name": name, **storage()}
    share = {"type": "Microsoft.Storage/storageAccounts/fileServices/shares", "name": f"{name}/default/made"}
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            {**account, "apiVersion": STORAGE_API},
            {
                **share,
                "apiVersion": STORAGE_API,
                "properties": {},
                "dependsOn": [f"[resourceId('Microsoft.Storage/storageAccounts', '{name}')]"],
            },
        ],
    }
    try:
        azure.ask("PUT", deployment(azure, name), DEPLOYMENTS_API, body(template))
    except httpx.HTTPError:
        return
    said.deployments.append(name)


def body(template: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"mode": "Incremental", "template": template}}


def deployment(azure: Azure, name: str) -> str:
    return f"{azure.group}/providers/Microsoft.Resources/deployments/{name}"


def kill_while_working(azure: Azure, share: ShareClient, number: int, said: Acknowledged) -> None:
    gone = threading.Event()
    work = [
        threading.Thread(target=sync, args=(share, number, said, gone)),
        threading.Thread(target=deploy, args=(azure, number, said)),
    ]
    for one in work:
        one.start()
    gone.wait(random.Random(number).uniform(0.0, 0.4))
    os.kill(azure.line["pid"], signal.SIGKILL)
    gone.set()
    for one in work:
        one.join()
    until(lambda: start_time(azure.line["pid"]), lambda found: found == 0)


def check(azure: Azure, share: ShareClient, said: Acknowledged) -> None:
    names = [one["name"] for one in share.list_directories_and_files()]
    assert not set(said.files) - set(names)
    for name in names:
        content = share.get_file_client(name).download_file().readall()
        assert content == said.files.get(name, content)
        # The SDK creates a file, full of zeros, and writes its content in a second request.
        assert content in {bytes(len(content)), expected(name)}
    for name in said.deployments:
        state = until(
            lambda one=name: azure.ask("GET", deployment(azure, one), DEPLOYMENTS_API)["properties"],
            lambda found: found["provisioningState"] not in {"Accepted", "Running"},
        )
        assert state["provisioningState"] == "Succeeded", state.get("error")
        account = f"{azure.group}/providers/Microsoft.Storage/storageAccounts/{name}"
        made = f"{account}/fileServices/default/shares/made"
        assert azure.ask("GET", made, STORAGE_API)["name"] == "made"


def expected(name: str) -> bytes:
    _, number, count = name.split("-")
    return f"content {number} {count} ".encode() * 500


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    aca_local(tmp_path / "data", "stop")


def test_nothing_acknowledged_is_lost(folder: Path) -> None:
    said = Acknowledged()
    azure = start(folder)
    key = base(azure)
    for number in range(KILLS):
        with share_of(azure, key) as share:
            kill_while_working(azure, share, number, said)
            azure = start(folder)
            check(azure, share, said)
        said.deployments.clear()
    assert said.files
