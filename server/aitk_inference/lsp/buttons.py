"""Buttons: as a client gets them, and as one that knows LSP alone can press them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.actions import ActionKind
from aitk_inference.core.user_interface import Level
from aitk_inference.lsp.wire import COMMAND_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.actions import Action
    from aitk_inference.lsp.editor import Editor

_PAGES = frozenset({ActionKind.OPEN_ENDPOINT, ActionKind.OPEN_PORTAL, ActionKind.OPEN_LINK})


def addressed(action: Action) -> Action:
    """Return the action with what a client can use as its target: a file's URI, a verb's command."""
    if action.kind is ActionKind.OPEN_FILE and "://" not in action.target:
        return action._replace(target=Path(action.target).absolute().as_uri())
    if action.kind is ActionKind.RUN and "?" in action.target:
        return action._replace(kind=ActionKind.FIX)  # it says where to: the server reads it, as of a fix
    if action.kind is ActionKind.RUN and not action.target.startswith(COMMAND_PREFIX):
        return action._replace(target=f"{COMMAND_PREFIX}{action.target}")
    return action


def plain_actions(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Return those that any editor can do by itself: open a page or a file."""
    return tuple(
        addressed(action)
        for action in actions
        if action.kind in _PAGES or action.kind is ActionKind.OPEN_FILE
    )


async def offer(editor: Editor, level: Level, text: str, actions: Sequence[Action]) -> None:
    """Show a message with buttons in a plain client, and do what is pressed.

    An editor that can open no page gets the addresses to read, in the message and again when it is pressed.
    """
    if not editor.opens_documents:
        pages = (f"{action.title}: {action.target}" for action in actions if action.kind in _PAGES)
        text = "\n".join([text, *pages])
    title = await editor.choose(level, text, [action.title for action in actions])
    for action in actions:
        if action.title == title and not await editor.open(action.target, external=action.kind in _PAGES):
            editor.show(Level.INFO, f"Open {action.target}")
