"""The extension's manifest, read as the editor reads it."""

from __future__ import annotations

import importlib.util
import json
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
        "AI Toolkit: Deploy for inference",
        "AI Toolkit: Preview what Deploy for inference would send",
        "AI Toolkit: Create remote inference project",
        "AI Toolkit: Show inference output",
    }


def test_every_placeholder_has_its_words(manifest: dict[str, Any], words: dict[str, str]) -> None:
    used = {part for part in json.dumps(manifest).split('"') if part.startswith("%") and part.endswith("%")}
    assert {name.strip("%") for name in used} == set(words)


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


def test_the_protocol_of_the_extension_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "scripts/generate_protocol.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.TARGET.read_text(encoding="utf-8") == generate.render(), "run: make protocol"
