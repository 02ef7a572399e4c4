"""A project in a folder of its own, and the locks of this test alone."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aca_local import certificates
from support.azure_world import World
from support.fake_share import ShareWorld
from support.projects import SMALL_COMMANDS, set_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_local.certificates import Certificates

_INFRA = Path(__file__).resolve().parents[2] / "infra"


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_STATE_DIR", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("AITK_PRICES_URL", "http://127.0.0.1:9")  # tests talk to this computer alone


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The shipped infra and two files of code."""
    root = tmp_path / "project"
    shutil.copytree(_INFRA / "provision", root / "infra" / "provision")
    shutil.copy(_INFRA / "inference.config.json", root / "infra")
    (root / "inference").mkdir()
    (root / "inference" / "gradio_chat.py").write_text("print('hello')\n")
    (root / "inference" / "requirements.txt").write_text("gradio\n")
    set_parameters(root, defaultCommands=SMALL_COMMANDS)
    return root


@pytest.fixture
def world() -> ShareWorld:
    return ShareWorld()


@pytest.fixture(scope="session")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate authority for all tests of this process."""
    return certificates.ensure(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def azure(tmp_path: Path, trust: Certificates) -> Iterator[World]:
    """aca-local's Resource Manager in this process."""
    with ExitStack() as stack:
        yield World(tmp_path / "azure", stack, trust)
