"""What an app's start needs of its share, looked for there before a restart takes away what still runs."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.errors import Dismissed, InvalidProject
from aitk_inference.core.user_interface import Confirm
from aitk_inference.flows.app.share_contents import contents_of
from aitk_inference.flows.project.model_settings import read_model_settings
from aitk_inference.flows.project.start_command import files_of, script_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aitk_inference.core.model import ContainerApp
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.share import Share
    from aitk_inference.flows.api import DeployRequest

_SHOWN = 8
_PATHS = ("/", "./", "../")
"""How a base begins that is a folder; others may be names on Hugging Face."""


class Need(NamedTuple):
    """A file or folder that a start needs.

    Attributes:
        path: Where it is on the share.
        who: Who needs it.
        is_adapter: It is the folder of an adapter.
    """

    path: str
    who: str
    is_adapter: bool = False


async def confirm_needs(request: DeployRequest, app: ContainerApp, share: Share, report: Reporter) -> None:
    """Ask whether to restart an app whose start would miss something on the share.

    Raises:
        Dismissed: the person does not want it.
        InputRequired: nobody can be asked; says what is missing, and what lies there instead.
    """
    missing = [
        need
        for need in needs_of(app, request.project)
        if await share.entry(need.path) is None and await share.directory(need.path) is None
    ]
    if not missing:
        return
    words = [await _words(share, need) for need in missing]
    if request.assume_yes:
        report.warn(" ".join(words))
        return
    question = Confirm(
        "missingOnShare",
        f"{words[0]} Restart all the same?",
        "--yes",
        "Restart all the same",
        " ".join([*words[1:], "The files were sent; what runs goes on running."]),
    )
    if (await report.ui.ask([question]))[question.name] != "yes":
        raise Dismissed


def needs_of(app: ContainerApp, project: Path) -> tuple[Need, ...]:
    """Return what the start command names below the share's mount, and the model of the project's settings."""
    named = (Need(path, "The start command") for path in files_of(script_of(app.command), app.mount_path))
    return tuple({need.path: need for need in (*named, *_model(app, project))}.values())


def _model(app: ContainerApp, project: Path) -> Iterator[Need]:
    try:
        settings = read_model_settings(project)
    except InvalidProject:
        return  # the check of the project says so
    if settings is None:
        return
    source = settings.source.relative_to(project).as_posix()
    folder = posixpath.join(app.mount_path, posixpath.dirname(source))
    for value, is_adapter in ((settings.base, False), (settings.adapter or "", True)):
        if value and (is_adapter or value.startswith(_PATHS)):
            path = posixpath.normpath(posixpath.join(folder, value.replace("\\", "/")))
            if path.startswith(f"{app.mount_path}/"):
                yield Need(path.removeprefix(f"{app.mount_path}/"), source, is_adapter)


async def _words(share: Share, need: Need) -> str:
    if need.is_adapter:
        adapters = (await contents_of(share, "")).adapters
        there = f"adapters there: {_listed(list(adapters))}" if adapters else "no adapter is there"
    else:
        there = await _neighbours(share, need.path)
    return f"{need.who} needs {need.path}, which is not on the share ({there})."


async def _neighbours(share: Share, path: str) -> str:
    """Return what lies in the nearest folder above a path that is there."""
    folder = posixpath.dirname(path)
    while folder and await share.directory(folder) is None:
        folder = posixpath.dirname(folder)
    names = [posixpath.basename(entry.path) for entry in await share.list(folder)]
    where = f"in {folder}" if folder else "at its top"
    return f"{where}: {_listed([name for name in names if not name.startswith('.')])}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(sorted(names)[:_SHOWN])}{more}" if names else "nothing"
