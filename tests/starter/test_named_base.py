"""A base that is a name: the app fetches it to the share, shows that, and needs no network afterwards."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from starter.models import make_base
from starter.vllm_app import vllm_app
from support import starter
from support.fake_hub import COMMIT, NAME, FakeHub, serving

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, since the base goes beside its inference/."""
    inference = shutil.copytree(starter.INFERENCE, tmp_path / "project" / "inference")
    monkeypatch.setattr(starter, "INFERENCE", inference)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return inference.parent


def variables(endpoint: str) -> dict[str, str]:
    return {
        "INFERENCE_BASE": NAME,
        "INFERENCE_REVISION": COMMIT,
        "HF_ENDPOINT": endpoint,
        "NO_PROXY": "127.0.0.1",
    }


def test_it_is_fetched_once(project: Path, tmp_path: Path) -> None:
    made = make_base(tmp_path / "made")
    files = {path.name: path.read_bytes() for path in made.iterdir()}
    with serving(FakeHub(files)) as hub, vllm_app(tmp_path, **variables(hub.url)) as app:
        app.wait_ready()
        assert f"Fetching {NAME}, 0.0 GB" in app.served.log
    folder = project / "model-cache" / f"models--{NAME.replace('/', '--')}" / "snapshots" / COMMIT
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    with vllm_app(tmp_path, **variables(NOWHERE)) as app:
        app.wait_ready()
        assert "Fetching" not in app.served.log
        assert app.events[-1]["body"]["model"] in ("tuned", "tuned-base")


def test_what_keeps_it_from_being_fetched_is_shown(project: Path, tmp_path: Path) -> None:
    with vllm_app(tmp_path, **variables(NOWHERE)) as app:
        starter.wait(app.served, lambda: app.state()["status"] == "refused")
        assert f"{NAME} can't be fetched: Hugging Face can't be reached." in app.state()["reason"]
        assert app.events == []
    assert not list(project.rglob("*.safetensors"))
