"""Errors as a client gets them: a standard error answer whose ``data`` is a ``Failure`` of ``wire.py``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lsprotocol.types import LSPErrorCodes
from pygls.exceptions import JsonRpcException

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import (
    AppError,
    Busy,
    Cancelled,
    DeployFailed,
    Dismissed,
    InputRequired,
    InvalidProject,
    MissingInput,
    ProvisionFailed,
    describe,
    problems_of,
)
from aitk_inference.core.redaction import redact
from aitk_inference.core.terminal_text import printable
from aitk_inference.lsp.buttons import addressed
from aitk_inference.lsp.codec import to_json
from aitk_inference.lsp.wire import Failure, FileProblem, Severity

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATES = "infra/provision"
_NO_PROJECT = "Open the project's own folder, or create a project."
_YES = "--yes"
_MOST_FIXES = 3
"""Buttons beside **Show output** that a notification can carry and still be read."""
SHOW_OUTPUT = Action(ActionKind.SHOW_OUTPUT, "Show output")


class RunsHere(Busy):
    """A flow of this very server runs on the project: this output panel tells how far it is."""


def as_answer(error: AppError, project: Path, verb: str) -> JsonRpcException:
    """Return the error answer; its message alone is enough for a client that does not read ``data``."""
    failure = as_failure(error, project, verb)
    text = " ".join(part for part in (failure.message, failure.suggestion) if part)
    stopped = isinstance(error, Cancelled | Dismissed)
    code = LSPErrorCodes.RequestCancelled if stopped else LSPErrorCodes.RequestFailed
    return JsonRpcException(text, code=int(code), data=to_json(failure))


def as_failure(error: AppError, project: Path, verb: str) -> Failure:
    """Return the error in the words and buttons that a person gets.

    Args:
        error: What happened.
        project: Its folder; its files are named from there.
        verb: What was run, to be run again.
    """
    said = describe(error)
    message, suggestion = _short(said.message, project), _suggestion(error, said.suggestion, project)
    causes = tuple(printable(redact(cause)) for cause in said.causes)
    inputs = error.inputs if isinstance(error, InputRequired) else ()
    problems = problems_of(error)
    # a deployment's message is general, its first cause is not; other causes are places and logs
    cause = causes[:1] if isinstance(error, ProvisionFailed) else ()
    details = (message, *(f"  {cause}" for cause in causes), suggestion, said.link or "")
    return Failure(
        said.code,
        _severity(error),
        " ".join(part for part in (message, *cause, suggestion) if part),
        message,
        suggestion,
        said.link,
        tuple(line for line in details if line),
        causes,
        tuple(addressed(action) for action in _actions(error, project, verb)),
        tuple(item._replace(name=_argument(item)) for item in inputs),
        tuple(FileProblem(p.path.absolute().as_uri(), p.words, p.line, p.column) for p in problems),
    )


def _severity(error: AppError) -> Severity:
    match error:
        case Dismissed():
            return Severity.NONE
        case Cancelled():
            return Severity.INFO
        case Busy():
            return Severity.WARNING
        case _:
            return Severity.ERROR


def _suggestion(error: AppError, said: str, project: Path) -> str:
    """Return the way out as an editor's user can take it."""
    if _is_no_project(error, project):
        return _NO_PROJECT
    if isinstance(error, InputRequired):
        details = [item.detail for item in error.inputs if item.detail]
        names = ", ".join(dict.fromkeys(_argument(item) for item in error.inputs))
        return " ".join([*details, f"Pass {names} in the command's argument."])
    return _short(said, project)


def _argument(item: MissingInput) -> str:
    """Return the argument of the wire that answers a question; one answers all that want a yes."""
    return "assumeYes" if item.flag == _YES else item.name


def _short(text: str, project: Path) -> str:
    """Return the text without secrets, with files of the project named as the editor names them."""
    return printable(redact(text)).replace(f"{project}{os.sep}", "")


def _actions(error: AppError, project: Path, verb: str) -> tuple[Action, ...]:
    """Return the buttons: never none, since an editor may fold a message without buttons to one line."""
    if error.actions:
        return (*error.actions[:_MOST_FIXES], SHOW_OUTPUT)
    match error:
        case RunsHere():
            best = Action(ActionKind.SHOW_OUTPUT, "Show what is running")
        case Cancelled() | Busy() | Dismissed():
            best = Action(ActionKind.RUN, "Run again", verb)
        case InvalidProject() if _is_no_project(error, project):
            best = Action(ActionKind.RUN, "Create Project…", "new")
        case InvalidProject() | DeployFailed() if (found := problems_of(error)) and found[0].path.is_file():
            first = found[0]
            at = f"{first.path.absolute().as_uri()}#L{first.line + 1},{first.column + 1}"
            best = Action(ActionKind.OPEN_FILE, f"Open {first.path.name}", at)
        case AppError(link=str(link)):
            best = Action(ActionKind.OPEN_LINK, "Learn more", link)
        case _:
            best = SHOW_OUTPUT
    is_enough = best is SHOW_OUTPUT or isinstance(error, Cancelled | Busy | Dismissed)
    if isinstance(error, DeployFailed):
        return (best, Action(ActionKind.SHOW_LOGS, "Show logs"))
    return (best,) if is_enough else (best, SHOW_OUTPUT)


def _is_no_project(error: AppError, project: Path) -> bool:
    return isinstance(error, InvalidProject) and not (project / _TEMPLATES).is_dir()
