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
    lines = (INFERENCE / "requirements.in").read_text("utf-8").splitlines()
    wanted = [line.partition(";")[0] for line in lines if line[:1] != "#"]
    packages = [line for line in lock.splitlines() if line[:1].isalnum()]
    assert all(any(package.startswith(f"{name}==") for package in packages) for name in wanted)
    assert all(package.endswith("\\") for package in packages)
    assert "://" not in lock
    assert not any(package.startswith(("torch", "nvidia")) for package in packages)


def test_a_base_may_be_a_name_with_a_revision(settings: Any, tmp_path: Path) -> None:
    inference = tmp_path / "inference"
    inference.mkdir()
    wanted = settings.read_settings(write(inference, base="org/tiny", revision="a" * 40), {}).wanted_base
    assert (wanted.name, wanted.revision, wanted.beside) == ("org/tiny", "a" * 40, inference)
    assert wanted.caches[0] == tmp_path / "model-cache"
    named = settings.read_settings(write(inference), {"INFERENCE_BASE": "org/other"}).wanted_base
    assert named.name == "org/other"


def test_weights_are_read_ahead_on_a_share_alone(settings: Any, tmp_path: Path) -> None:
    share = importlib.import_module("share")
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "overlay / overlay rw 0 0\n//account/share /mount cifs rw 0 0\ntmpfs /mount/model/ram tmpfs rw 0 0\n"
    )
    assert share.wants_prefetch(share.Path("/mount/model/base"), 1e6, mounts)
    assert not share.wants_prefetch(share.Path("/mount/model/base"), 1e15, mounts)
    assert not share.wants_prefetch(share.Path("/mount/model/ram/base"), 1e6, mounts)
    assert not share.wants_prefetch(share.Path("/root/base"), 1e6, mounts)


def test_a_base_on_a_share_is_copied_to_the_disk_where_it_fits(settings: Any, tmp_path: Path) -> None:
    share, mounts, base = importlib.import_module("share"), tmp_path / "mounts", tmp_path / "share/base"
    (base / "original").mkdir(parents=True)
    (base / "weights").write_text("w")
    (base / "link").symlink_to("weights")
    mounts.write_text(f"//account/share {base.parent} cifs rw 0 0\n")
    assert share.wants_copy(base, tmp_path, mounts)
    copy = share.copied(base, tmp_path)
    assert sorted(path.name for path in copy.iterdir() if not path.is_symlink()) == ["link", "weights"]
    with (base / "weights").open("r+b") as weights:
        weights.truncate(1 << 43)  # a hole
    assert not share.wants_copy(base, tmp_path, mounts)
    mounts.write_text("")
    assert not share.wants_copy(base, tmp_path, mounts)
