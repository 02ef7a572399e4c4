"""Errors as a client gets them: a standard error answer whose ``data`` is a :class:`~…wire.Failure`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lsprotocol.types import LSPErrorCodes
from pygls.exceptions import JsonRpcException

from aitk_inference.core.errors import (
    AppError,
    Busy,
    Cancelled,
    Dismissed,
    InputRequired,
    InvalidProject,
    MissingInput,
    describe,
)
from aitk_inference.core.interface import Action, ActionKind
from aitk_inference.core.redaction import redact
from aitk_inference.lsp import wire
from aitk_inference.lsp.actions import as_button
from aitk_inference.lsp.codec import to_json

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATES = "infra/provision"
_NO_PROJECT = "Open the project's own folder, or create a project."
_YES = "--yes"
SHOW_OUTPUT = Action(ActionKind.SHOW_OUTPUT, "Show output")


class RunsHere(Busy):
    """A flow of this very server runs on the project: this output panel tells how far it is."""


def as_answer(error: AppError, project: Path) -> JsonRpcException:
    """The error answer; its message alone is enough for a client that does not read ``data``."""
    failure = as_failure(error, project)
    text = " ".join(part for part in (failure.message, failure.suggestion) if part)
    return JsonRpcException(text, code=_code(error), data=to_json(failure))


def as_failure(error: AppError, project: Path) -> wire.Failure:
    """The error in the words and buttons that a person gets."""
    told = describe(error)
    problems = error.problems if isinstance(error, InvalidProject) else ()
    inputs = error.inputs if isinstance(error, InputRequired) else ()
    return wire.Failure(
        told.code,
        _short(told.message, project),
        _suggestion(error, told.suggestion, project),
        told.link,
        tuple(redact(cause) for cause in told.causes),
        tuple(as_button(action) for action in _actions(error, project)),
        tuple(wire.MissingArgument(_argument(item), item.flag, item.prompt) for item in inputs),
        tuple(wire.FileProblem(p.path.absolute().as_uri(), p.message, p.line, p.column) for p in problems),
    )


def as_text(failure: wire.Failure) -> str:
    """The failure as the output panel tells it, one thing a line."""
    causes = (f"  {cause}" for cause in failure.causes)
    return "\n".join(
        line for line in (failure.message, *causes, failure.suggestion, failure.link or "") if line
    )


def _suggestion(error: AppError, told: str, project: Path) -> str:
    """The way out as an editor's user can take it."""
    if _is_no_project(error, project):
        return _NO_PROJECT
    if isinstance(error, InputRequired):
        details = [item.detail for item in error.inputs if item.detail]
        names = ", ".join(dict.fromkeys(_argument(item) for item in error.inputs))
        return " ".join([*details, f"Pass {names} in the command's argument."])
    return _short(told, project)


def _argument(item: MissingInput) -> str:
    """The argument of the wire that answers a question; one answers all that want a yes."""
    return "assumeYes" if item.flag == _YES else item.name


def _short(text: str, project: Path) -> str:
    """The text without secrets, and with files of the project named as the editor names them."""
    return redact(text).replace(f"{project}{os.sep}", "")


def _code(error: AppError) -> int:
    stopped = isinstance(error, Cancelled | Dismissed)
    return int(LSPErrorCodes.RequestCancelled if stopped else LSPErrorCodes.RequestFailed)


def _actions(error: AppError, project: Path) -> tuple[Action, ...]:
    match error:
        case RunsHere():
            return (Action(ActionKind.SHOW_OUTPUT, "Show what is running"),)
        case Cancelled() | Dismissed() | Busy():
            return ()
        case InvalidProject() if _is_no_project(error, project):
            return (Action(ActionKind.RUN, "Create Project…", wire.NEW.name), SHOW_OUTPUT)
        case InvalidProject() if error.problems and error.problems[0].path.is_file():
            place = error.problems[0]
            at = f"{place.path.absolute().as_uri()}#L{place.line + 1},{place.column + 1}"
            return (Action(ActionKind.OPEN_FILE, f"Open {place.path.name}", at), SHOW_OUTPUT)
        case AppError(link=str(link)):
            return (Action(ActionKind.OPEN_LINK, "Learn more", link), SHOW_OUTPUT)
        case _:
            return (SHOW_OUTPUT,)


def _is_no_project(error: AppError, project: Path) -> bool:
    return isinstance(error, InvalidProject) and not (project / _TEMPLATES).is_dir()
