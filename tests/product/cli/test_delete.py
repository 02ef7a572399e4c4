"""`aitk-inference delete`: its flags, its lines and its exit codes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from aitk_inference.cli.main import run
from aitk_inference.core.config import read_config
from support.azure_world import World, WorldClouds
from support.projects import provision_local

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))


def delete(project: Path, azure: World, *flags: str) -> int:
    return run(["delete", "--project", str(project), *flags], lambda *_, **__: WorldClouds(azure))


def test_it_lists_deletes_and_empties(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(provision_local(project, azure))
    assert delete(project, azure, "--no-input") == 2
    assert "--yes" in capsys.readouterr().err
    assert delete(project, azure, "--all", "--yes", "--json") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    kinds = {"containerApps", "managedEnvironments", "storageAccounts", "workspaces"}
    assert kinds <= {part for one in result["data"]["deleted"] for part in one.split("/")}
    assert read_config(project).aca_app_name is None
    assert delete(project, azure, "--yes") == 1
    assert "not provisioned" in capsys.readouterr().err
