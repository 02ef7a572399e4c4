"""A project in a folder of its own, and the locks of this test alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from doubles import FakeCloud

_INFRA = Path(__file__).resolve().parents[2] / "infra"


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_STATE_DIR", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The shipped infra and two files of code."""
    root = tmp_path / "project"
    shutil.copytree(_INFRA / "provision", root / "infra" / "provision")
    shutil.copy(_INFRA / "inference.config.json", root / "infra")
    (root / "inference").mkdir()
    (root / "inference" / "gradio_chat.py").write_text("print('hello')\n")
    (root / "inference" / "requirements.txt").write_text("gradio\n")
    return root


@pytest.fixture
def world() -> FakeCloud:
    return FakeCloud()
