"""``python -m aitk_inference serve`` as it is installed, with the product's own flows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING

from product.lsp.raw import raw_client

if TYPE_CHECKING:
    from pathlib import Path

SERVE = [sys.executable, "-m", "aitk_inference", "serve"]
IMPORTS_TOLD = [sys.executable, "-X", "importtime", *SERVE[1:]]
SLOW_IMPORTS = ("azure", "httpx", "aiohttp", "cryptography", "tempfile", "shutil", "bz2")
LATE = ("aitk_inference.composition", "aitk_inference.cli", "aitk_inference.flows.project.check")


async def test_a_project_is_made_and_a_folder_without_one_is_told(tmp_path: Path) -> None:
    async with raw_client(SERVE, AITK_STATE_DIR=str(tmp_path / "state")) as client:
        folder, other = tmp_path / "project", tmp_path / "other"
        other.mkdir()
        await client.initialize(folder, notifications=True)
        client.execute(1, "new", {"projectUri": folder.as_uri()})
        assert (await client.answer(1))["result"]["configUri"].endswith("infra/inference.config.json")
        assert (folder / "infra/inference.config.json").exists()
        client.execute(2, "deploy", {"projectUri": other.as_uri()})
        failure = (await client.answer(2))["error"]["data"]
        assert failure["code"] == "InvalidProject"
        assert failure["actions"][0]["target"] == "aitk-inference.new"


async def test_nothing_slow_is_imported_before_initialize_is_answered(tmp_path: Path) -> None:
    async with raw_client(IMPORTS_TOLD) as client:
        client.send(
            id=0, method="initialize", params={"processId": None, "rootUri": None, "capabilities": {}}
        )
        await client.answer(0)
        client.send(id=1, method="shutdown")
        await client.answer(1)
        client.send(method="exit")
        assert client.process.stderr
        lines = (await asyncio.wait_for(client.process.stderr.read(), 20)).decode().splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines}
    assert "pygls.lsp.server" in imported
    assert not [name for name in imported if name.startswith(SLOW_IMPORTS + LATE)]


async def test_what_the_first_command_needs_is_loaded_before_it_comes(tmp_path: Path) -> None:
    needed = {"aitk_inference.flows.provision.plan", "aitk_inference.azure.clients", "azure.identity"}
    imported = set[str]()
    async with raw_client(IMPORTS_TOLD, AITK_STATE_DIR=str(tmp_path / "state")) as client:
        await client.initialize(tmp_path)
        assert client.process.stderr
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                while not needed <= imported and (line := await client.process.stderr.readline()):
                    imported.add(line.decode().rpartition("|")[2].strip())
    assert needed <= imported


async def test_the_tenant_of_the_settings_is_signed_in_to(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    keys = ("RESOURCE_GROUP_NAME", "STORAGE_ACCOUNT_NAME", "FILE_SHARE_NAME", "ACA_APP_NAME")
    config = dict.fromkeys(keys, "x") | {"SUBSCRIPTION_ID": "11111111-1111-1111-1111-111111111111"}
    text = json.dumps(config | {"ACA_APP_ENDPOINT": "x.invalid"})
    (tmp_path / "infra/inference.config.json").write_text(text)
    async with raw_client(SERVE, AITK_STATE_DIR=str(tmp_path / "state"), PATH="") as client:
        client.settings = {"tenant": " contoso.example "}
        await client.initialize(
            tmp_path, capabilities={"workspace": {"configuration": True}}, accessToken=True
        )
        client.execute(1, "status", {})
        asked = await client.request("workspace/aitk/accessToken")
        assert asked["params"]["tenantId"] == "contoso.example"
        client.send(id=1, method="shutdown")
