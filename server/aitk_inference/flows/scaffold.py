"""A new project: the starter's code and model, the template, an empty configuration."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.config import CONFIG_PATH
from aitk_inference.core.errors import AppError, Conflict, InvalidProject
from aitk_inference.core.interface import Action, ActionKind
from aitk_inference.flows.progress import Reporter
from aitk_inference.flows.requests import Outcome

if TYPE_CHECKING:
    from aitk_inference.core.interface import UserInterface

_STARTER = "starter"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*_cache", ".venv", ".DS_Store")


def packaged_infra() -> Path:
    """The folder ``infra``: inside the wheel, or at the top of a source checkout.

    Raises:
        InvalidProject: this installation lacks it.
    """
    package = Path(__file__).resolve().parents[1]
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
        AppError: it can't be written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Conflict(
            f"{target} is not an empty folder.", suggestion="Choose another folder, or empty this one."
        )
    Reporter(ui).step("New", f"Writing a starter project to {target}")
    try:
        await asyncio.to_thread(_copy, infra, target)
    except (OSError, shutil.Error) as error:
        raise AppError(
            f"{target} can't be written.", suggestion="Check the folder's permissions and the free space."
        ) from error
    action = Action(ActionKind.RUN, "Provision", "provision")
    config = target / CONFIG_PATH
    return Outcome(f"Made a starter project in {target}.", None, config, (action,), {"project": str(target)})


def _copy(infra: Path, target: Path) -> None:
    """Copy beside the target and move at the end, so that a killed run leaves no half project."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
        made = Path(temporary) / "project"
        shutil.copytree(infra / _STARTER, made, ignore=_LEFT_OUT)
        shutil.copytree(infra / "provision", made / "infra" / "provision", ignore=_LEFT_OUT)
        shutil.copy2(infra / CONFIG_PATH.name, made / CONFIG_PATH)
        _move(made, target)


def _move(made: Path, target: Path) -> None:
    """An empty folder that is there stays the same folder: a shell may stand in it."""
    if not target.exists():
        made.rename(target)
        return
    for item in made.iterdir():
        item.rename(target / item.name)
