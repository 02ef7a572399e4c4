"""The extension's manifest, read as the editor reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aitk_inference
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def manifest() -> dict[str, Any]:
    return dict(json.loads((ROOT / "package.json").read_text()))


@pytest.fixture
def words() -> dict[str, str]:
    return dict(json.loads((ROOT / "package.nls.json").read_text()))


def test_palette_entries_have_exactly_the_documented_titles(
    manifest: dict[str, Any], words: dict[str, str]
) -> None:
    commands = manifest["contributes"]["commands"]
    titles = {f"{item['category']}: {words[item['title'].strip('%')]}" for item in commands}
    assert titles == {
        "AI Toolkit: Provision Azure Container Apps for inference",
        "AI Toolkit: Preview what Provision for inference would do",
        "AI Toolkit: Check what Provision for inference needs",
        "AI Toolkit: Deploy for inference",
        "AI Toolkit: Check the inference project and its model",
        "AI Toolkit: Preview what Deploy for inference would send",
        "AI Toolkit: Create remote inference project",
        "AI Toolkit: Inference status",
        "AI Toolkit: Choose the Azure account and directory for inference",
        "AI Toolkit: Open inference endpoint",
        "AI Toolkit: Show inference logs",
        "AI Toolkit: Stop following inference logs",
        "AI Toolkit: Ask the inference model",
        "AI Toolkit: Open inference app in the Azure portal",
        "AI Toolkit: Stop inference",
        "AI Toolkit: Delete inference resources",
        "AI Toolkit: Start inference",
        "AI Toolkit: Scale inference",
        "AI Toolkit: Inference secrets",
        "AI Toolkit: Protect inference endpoint",
        "AI Toolkit: Show inference output",
    }


def test_every_placeholder_has_its_words(manifest: dict[str, Any], words: dict[str, str]) -> None:
    used = {part for part in json.dumps(manifest).split('"') if part.startswith("%") and part.endswith("%")}
    assert {name.strip("%") for name in used} == set(words)


def test_provision_deploy_and_new_are_never_hidden(manifest: dict[str, Any]) -> None:
    assert manifest["activationEvents"] == ["workspaceContains:infra/**"]
    entries = manifest["contributes"]["menus"]["commandPalette"]
    hidden = {entry["command"].rpartition(".")[2] for entry in entries}
    assert {entry["when"] for entry in entries} == {"aitk.inference.project"}
    assert not hidden & {"provision", "deploy", "new", "showOutput"}
    assert {
        "logs",
        "ask",
        "status",
        "stop",
        "start",
        "scale",
        "secrets",
        "protect",
        "portal",
        "delete",
    } <= hidden


def test_an_untrusted_folder_cannot_set_what_is_run(manifest: dict[str, Any]) -> None:
    settings = manifest["contributes"]["configuration"]["properties"]
    paths = {name for name, value in settings.items() if value["scope"] == "machine-overridable"}
    trust = manifest["capabilities"]["untrustedWorkspaces"]
    assert trust["supported"] == "limited"
    assert set(trust["restrictedConfigurations"]) == paths
    assert {"aitk.inference.interpreter", "aitk.inference.bicepPath"} <= paths


def test_extension_and_server_have_one_version(manifest: dict[str, Any]) -> None:
    assert manifest["version"] == aitk_inference.__version__


def test_the_lock_file_names_no_host() -> None:
    assert "http" not in "".join(
        str(package.get("resolved", ""))
        for package in json.loads((ROOT / "package-lock.json").read_text())["packages"].values()
    )


def test_what_is_made_from_the_server_is_fresh() -> None:
    check = [sys.executable, str(ROOT / "scripts/generate_protocol.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_change_log_links_nothing_that_its_page_can_not_show() -> None:
    """``vsce package`` refuses relative links where it knows no repository."""
    assert "](" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
