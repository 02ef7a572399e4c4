"""A new project: whole or not at all."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError, Conflict
from aitk_inference.core.params import read_parameters
from aitk_inference.flows.scaffold import new_project, packaged_infra
from aitk_inference.flows.sync.ignore import ignore_rules
from aitk_inference.flows.sync.scan import scan
from aitk_inference.flows.template import FOLDER, is_fresh
from doubles import Scripted

if TYPE_CHECKING:
    from pathlib import Path


async def test_it_has_what_provision_and_deploy_need(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "new"
    await new_project(target, infra=packaged_infra(), ui=Scripted())
    assert len(read_config(target).missing()) == 6
    assert read_parameters(target).values["defaultCommands"]
    assert is_fresh(target / FOLDER)
    sent = [file.path for file in scan(target, ignore_rules(target))]
    assert "inference/gradio_chat.py" in sent
    assert any(path.endswith(".safetensors") for path in sent)
    assert not any(path.startswith("infra/") for path in sent)


async def test_an_empty_folder_will_do_another_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "here"
    target.mkdir()
    before = target.stat().st_ino
    await new_project(target, infra=packaged_infra(), ui=Scripted())
    assert target.stat().st_ino == before
    with pytest.raises(Conflict, match="not an empty folder"):
        await new_project(target, infra=packaged_infra(), ui=Scripted())


async def test_a_failed_copy_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(AppError, match="can't be written"):
        await new_project(tmp_path / "new", infra=packaged_infra(), ui=Scripted())
    assert list(tmp_path.iterdir()) == []
