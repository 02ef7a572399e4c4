"""``python -m aitk_inference serve`` as it is installed, with the product's own flows."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from lsp.raw import raw_client

if TYPE_CHECKING:
    from pathlib import Path

SERVE = [sys.executable, "-m", "aitk_inference", "serve"]
SLOW_IMPORTS = ("azure", "httpx", "aiohttp", "cryptography", "tempfile", "shutil", "bz2")
LATE = ("aitk_inference.services", "aitk_inference.cli", "aitk_inference.flows.check")


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


async def test_nothing_slow_is_imported_before_the_first_command(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", *SERVE[1:]]
    async with raw_client(command) as client:
        await client.initialize(tmp_path)
        client.send(id=1, method="shutdown")
        await client.answer(1)
        client.send(method="exit")
        assert client.process.stderr
        lines = (await asyncio.wait_for(client.process.stderr.read(), 20)).decode().splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines}
    assert "pygls.lsp.server" in imported
    assert not [name for name in imported if name.startswith(SLOW_IMPORTS + LATE)]
