"""What the starter serves: config.json, overridden by the environment."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import compile_infra
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INFERENCE = compile_infra.ROOT / "infra" / "starter" / "inference"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(INFERENCE))
    yield importlib.import_module("settings")
    sys.modules.pop("settings")


def write(folder: Path, **changes: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads((INFERENCE / "config.json").read_text("utf-8")) | changes), "utf-8")
    return path


def test_the_shipped_configuration_names_the_shipped_sample(settings: Any) -> None:
    shipped = settings.read_settings(environment={})
    assert (shipped.base / "openvino_model.xml").is_file()
    assert (shipped.adapter / "adapter_model.safetensors").is_file()
    assert (shipped.base_only, shipped.port) == (False, 7860)


def test_folders_are_relative_to_the_configuration(settings: Any, tmp_path: Path) -> None:
    read = settings.read_settings(write(tmp_path, adapter="../mine"), {})
    assert read.adapter == tmp_path.parent / "mine"


def test_the_environment_overrides_the_file(settings: Any, tmp_path: Path) -> None:
    variables = {
        "INFERENCE_ADAPTER": str(tmp_path),
        "INFERENCE_BASE_ONLY": "true",
        "PORT": "8000",
        "HOST": "::1",
    }
    read = settings.read_settings(write(tmp_path), variables)
    assert (read.adapter, read.base_only, read.port, read.host) == (tmp_path, True, 8000, "::1")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"adapter": 7}, "adapter must be a text"),
        ({"baseOnly": "no"}, "baseOnly must be true or false"),
        ({"contextTokens": True}, "contextTokens must be a whole number"),
        ({"name": None}, "name must be a text"),
    ],
)
def test_a_wrong_entry_is_named(
    settings: Any, tmp_path: Path, changes: dict[str, object], names: str
) -> None:
    with pytest.raises(settings.BadConfiguration, match=names):
        settings.read_settings(write(tmp_path, **changes), {})


def test_broken_json_is_placed(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{\n"name": }', "utf-8")
    with pytest.raises(settings.BadConfiguration, match="line 2"):
        settings.read_settings(path, {})


def test_a_missing_file_and_a_bad_port_are_told(settings: Any, tmp_path: Path) -> None:
    with pytest.raises(settings.BadConfiguration, match="is missing"):
        settings.read_settings(tmp_path / "config.json", {})
    with pytest.raises(settings.BadConfiguration, match="PORT is 'many'"):
        settings.read_settings(environment={"PORT": "many"})


def test_the_lock_is_whole_and_names_no_host_and_no_torch() -> None:
    lock = (INFERENCE / "requirements.txt").read_text("utf-8")
    wanted = [
        line for line in (INFERENCE / "requirements.in").read_text("utf-8").splitlines() if line[:1] != "#"
    ]
    packages = [line for line in lock.splitlines() if line[:1].isalnum()]
    assert all(any(package.startswith(f"{name}==") for package in packages) for name in wanted)
    assert all(package.endswith("\\") for package in packages)
    assert "://" not in lock
    assert not any(package.startswith(("torch", "nvidia")) for package in packages)
