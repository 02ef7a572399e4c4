"""What every user interface of a terminal shares: errors and outcomes in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.actions import ActionKind
from aitk_inference.core.errors import DeployFailed, describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aitk_inference.core.actions import Action
    from aitk_inference.core.errors import AppError
    from aitk_inference.flows.outcome import Outcome

_WHOLE_FILE = ":1:1"
_SHOWN = (ActionKind.OPEN_ENDPOINT, ActionKind.OPEN_PORTAL, ActionKind.OPEN_LINK)


def error_lines(error: AppError, project: Path) -> Iterator[str]:
    """Yield an error in lines: what happened, the causes, what to do, a link, and where the whole log is.

    Args:
        error: What happened.
        project: The project as the person named it.
    """
    said = describe(error)
    yield said.message
    for cause in said.causes:
        code, _, words = cause.partition(": ")
        is_said = bool(words) and words in said.message and not isinstance(error, DeployFailed)
        if is_said and code.endswith(_WHOLE_FILE):
            continue  # the message names the file, and there is no place in it
        yield f"  {code if is_said else cause}"  # no words twice
    if said.suggestion:
        yield f"→ {said.suggestion}"
    if said.link:
        yield f"  {said.link}"
    if isinstance(error, DeployFailed):
        from aitk_inference.core.command_line import command_line  # noqa: PLC0415 - a sync starts without it

        yield f"  Show logs: {command_line(['logs'], project)}"


def outcome_lines(outcome: Outcome, project: Path) -> Iterator[str]:
    """Yield an outcome in lines: the summary, then the addresses behind its buttons, where it has not said them.

    Args:
        outcome: How the flow ended.
        project: The project as the person named it: the next command is named so that it works from here.
    """
    if outcome.summary:
        yield outcome.summary
    if outcome.key:
        yield f"The key, shown this once: {outcome.key}"
    unsaid = [
        one
        for one in outcome.actions
        if not one.target or one.kind not in _SHOWN or one.target not in outcome.summary
    ]
    yield from action_lines(unsaid, project)


def action_lines(actions: Sequence[Action], project: Path) -> Iterator[str]:
    """Yield the address behind each button, or the command that does the same."""
    if not actions:
        return
    from aitk_inference.flows.provision.fix_text import command_of  # noqa: PLC0415 - a sync starts without it

    for action in actions:
        if action.kind in _SHOWN and action.target:
            yield f"  {action.title}: {action.target}"
        elif command := command_of(action, project):
            yield f"  {'Next' if action.kind is ActionKind.RUN else action.title}: {command}"
