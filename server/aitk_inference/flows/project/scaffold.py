"""A new project: the starter's code and model, the model's check, the template, an empty configuration."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import model_check

import aitk_inference
from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.config import CONFIG_PATH
from aitk_inference.core.errors import AppError, Conflict, InvalidProject
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.project.template import FOLDER, SOURCE
from aitk_inference.flows.user_dirs import state_folder

if TYPE_CHECKING:
    from aitk_inference.core.user_interface import UserInterface

_STARTER = "starter"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*_cache", ".venv", ".DS_Store")


def packaged_infra() -> Path:
    """Return the folder ``infra``: inside the wheel, or at the top of a source checkout.

    Raises:
        InvalidProject: this installation lacks it.
    """
    package = Path(aitk_inference.__file__).resolve().parent
    found = next((f for f in (package / "infra", package.parents[1] / "infra") if f.is_dir()), None)
    if found is None:
        raise InvalidProject(
            "This installation lacks its folder infra.", [], suggestion="Install aitk-inference again."
        )
    return found


async def new_project(target: Path, *, infra: Path, ui: UserInterface) -> Outcome:
    """Make a starter project in a new or empty folder.

    Args:
        target: The folder.
        infra: Where the template and the starter are (:func:`packaged_infra`).
        ui: Told about it.

    Raises:
        Conflict: the folder holds files already.
        Busy: another run makes a project there.
        AppError: it can't be written.
    """
    with hold(target, "new", state_folder()):
        begun = _staging(target).exists()  # by a run of ours that was killed
        if target.exists() and not (target.is_dir() and (begun or not any(target.iterdir()))):
            raise _taken(target)
        return await _made(target, infra, ui)


async def _made(target: Path, infra: Path, ui: UserInterface) -> Outcome:
    name = _named(target)
    Reporter(ui).step("New", f"Writing a starter project to {name}")
    try:
        await asyncio.to_thread(_copy, infra, target)
    except (OSError, shutil.Error) as error:
        raise AppError(
            f"{name} can't be written.", suggestion="Check the folder's permissions and the free space."
        ) from error
    action = Action(ActionKind.RUN, "Provision", "provision")
    config = target / CONFIG_PATH
    return Outcome(f"Made a starter project in {name}.", None, config, (action,), {"project": str(target)})


def _taken(target: Path) -> Conflict:
    if (target / FOLDER / SOURCE).exists():
        return Conflict(
            f"{_named(target)} holds a project already.",
            suggestion="Run Provision in it, or choose another folder for a new one.",
        )
    return Conflict(
        f"{_named(target)} is not an empty folder.", suggestion="Choose another folder, or empty this one."
    )


def _named(target: Path) -> Path:
    """Return the folder as the person named it; of a dot, what it stands for."""
    return target if target.name not in ("", "..") else target.resolve()


def _staging(target: Path) -> Path:
    return target.resolve().with_name(f".{target.name}.aitk-new")


def _copy(infra: Path, target: Path) -> None:
    """Copy beside the target and move at the end, so that a killed run leaves no half project."""
    made = _staging(target)
    made.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(made, ignore_errors=True)
    try:
        shutil.copytree(infra / _STARTER, made, ignore=_LEFT_OUT)
        shutil.copytree(
            Path(model_check.__file__).parent, made / "inference" / model_check.__name__, ignore=_LEFT_OUT
        )
        shutil.copytree(infra / "provision", made / "infra" / "provision", ignore=_LEFT_OUT)
        shutil.copy2(infra / CONFIG_PATH.name, made / CONFIG_PATH)
        _move(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _move(made: Path, target: Path) -> None:
    """Keep an empty folder that is there the same folder: a shell may stand in it.

    Each item comes whole; what a killed run brought before is there already. ``infra`` is last: it is what
    makes a folder a project.
    """
    if not target.exists():
        made.rename(target)
        return
    for item in sorted(made.iterdir(), key=lambda item: item.name == CONFIG_PATH.parts[0]):
        if not (target / item.name).exists():
            item.rename(target / item.name)
