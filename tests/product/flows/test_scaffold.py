"""A new project: whole or not at all."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError, Busy, Conflict
from aitk_inference.core.params import read_parameters
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.project.scaffold import new_project, packaged_infra
from aitk_inference.flows.project.template import FOLDER, is_fresh
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.sync.ignore import ignore_rules
from aitk_inference.sync.scan import scan
from support.scripted import Scripted

TESTS = Path(__file__).resolve().parents[2]


async def test_it_has_what_provision_and_deploy_need(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "new"
    await new_project(target, infra=packaged_infra(), ui=Scripted())
    assert len(read_config(target).missing()) == 6
    assert read_parameters(target).values["defaultCommands"]
    assert is_fresh(target / FOLDER)
    sent = [file.path for file in scan(target, ignore_rules(target)).files]
    assert "inference/gradio_chat.py" in sent
    assert any(path.endswith(".safetensors") for path in sent)
    assert not any(path.startswith("infra/") for path in sent)


ALONE = """
from pathlib import Path
from model_check import check_model
print(check_model(Path("../sample/base"), Path("../sample/adapter")).findings)
"""


def test_the_check_of_the_model_comes_along_and_runs_there_by_itself(tmp_path: Path) -> None:
    asyncio.run(new_project(tmp_path / "new", infra=packaged_infra(), ui=Scripted()))
    command = [sys.executable, "-S", "-E", "-c", ALONE]
    folder = tmp_path / "new/inference"
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("()\n", "")


async def test_an_empty_folder_will_do_another_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "here"
    target.mkdir()
    before = target.stat().st_ino
    await new_project(target, infra=packaged_infra(), ui=Scripted())
    assert target.stat().st_ino == before
    with pytest.raises(Conflict, match="holds a project already") as caught:
        await new_project(target, infra=packaged_infra(), ui=Scripted())
    assert "Provision" in caught.value.suggestion
    (mine := tmp_path / "mine").mkdir()
    (mine / "notes.txt").write_text("mine")
    with pytest.raises(Conflict, match="not an empty folder"):
        await new_project(mine, infra=packaged_infra(), ui=Scripted())
    assert [item.name for item in mine.iterdir()] == ["notes.txt"]


async def test_a_failed_copy_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(AppError, match="can't be written"):
        await new_project(tmp_path / "new", infra=packaged_infra(), ui=Scripted())
    assert list(tmp_path.iterdir()) == []


DYING = """
import asyncio, os, shutil, sys
from pathlib import Path
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.project.scaffold import new_project, packaged_infra
from support.scripted import Scripted
left = int(sys.argv[2])
def counted(call):
    def die(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return call(*arguments, **options)
    return die
Path.rename, shutil.copytree, shutil.copy2 = map(counted, (Path.rename, shutil.copytree, shutil.copy2))
asyncio.run(new_project(Path(sys.argv[1]), infra=packaged_infra(), ui=Scripted()))
"""


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("steps", [*range(0, 40, 3), 100])
def test_killed_at_any_step_the_same_command_makes_the_whole(
    tmp_path: Path, exists: bool, steps: int
) -> None:
    whole, target = tmp_path / "whole", tmp_path / "target"
    asyncio.run(new_project(whole, infra=packaged_infra(), ui=Scripted()))
    if exists:
        target.mkdir()
    command = [sys.executable, "-c", DYING, str(target), str(steps)]
    died = subprocess.run(command, cwd=TESTS, check=False, timeout=60, capture_output=True)
    assert died.returncode in ({0} if steps == 100 else {9} if steps < 9 else {0, 9}), died.stderr
    if died.returncode:
        asyncio.run(new_project(target, infra=packaged_infra(), ui=Scripted()))
    assert _files(target) == _files(whole)
    assert {item.name for item in tmp_path.iterdir()} == {"whole", "target"}


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


async def test_two_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    with hold(tmp_path / "new", "new", state_folder()), pytest.raises(Busy):
        await new_project(tmp_path / "new", infra=packaged_infra(), ui=Scripted())
