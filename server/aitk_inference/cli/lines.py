"""What every user interface of a terminal shares: writing lines, describing errors and outcomes."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError, describe
from aitk_inference.core.interface import ActionKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from aitk_inference.flows.requests import Outcome

_SHOWN = (ActionKind.OPEN_ENDPOINT, ActionKind.OPEN_PORTAL, ActionKind.OPEN_LINK)


def put(stream: TextIO, text: str) -> None:
    """Write at once; a reader that has gone away does not matter."""
    try:
        stream.write(text)
        stream.flush()
    except (BrokenPipeError, ValueError):
        return


def error_lines(error: AppError) -> Iterator[str]:
    """An error in lines: what happened, the causes, what to do, a link."""
    told = describe(error)
    yield told.message
    for cause in told.causes:
        yield f"  {_untold(cause, told.message)}"
    if told.suggestion:
        yield f"→ {told.suggestion}"
    if told.link:
        yield f"  {told.link}"


def _untold(cause: str, message: str) -> str:
    """A cause without the words that the message has told already: its code or place remains."""
    head, _, words = cause.partition(": ")
    return head if words and words in message else cause


def outcome_lines(outcome: Outcome, project: Path) -> Iterator[str]:
    """An outcome in lines: the summary, then the addresses behind its buttons.

    Args:
        outcome: How the flow ended.
        project: The project as the person named it: the next command is told so that it works from here.
    """
    if outcome.summary:
        yield outcome.summary
    for action in outcome.actions:
        if action.kind in _SHOWN and action.target:
            yield f"  {action.title}: {action.target}"
        elif action.kind is ActionKind.RUN:
            yield f"  Next: aitk-inference {action.target}{_in_project(project)}"


def _in_project(project: Path) -> str:
    """The flag for a project in another folder than this one, ready to be pasted into a shell."""
    if project.expanduser().resolve() == Path.cwd():
        return ""
    return f" --project {_quoted(str(project))}"


def _quoted(word: str) -> str:
    return subprocess.list2cmdline([word]) if os.name == "nt" else shlex.quote(word)
