"""Buttons: as the wire carries them, and as a plain client can press them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.interface import Action, ActionKind, Level
from aitk_inference.lsp import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.lsp.editor import Editor

_PAGES = frozenset({ActionKind.OPEN_ENDPOINT, ActionKind.OPEN_PORTAL, ActionKind.OPEN_LINK})


def as_button(action: Action) -> wire.Button:
    """The action with its file as a URI."""
    return wire.Button(action.kind, action.title, _target(action))


def plain_actions(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Those that any editor can do by itself: open a page or a file."""
    return tuple(action for action in actions if action.kind in _PAGES or action.kind is ActionKind.OPEN_FILE)


async def act(editor: Editor, level: Level, text: str, actions: Sequence[Action]) -> None:
    """Show a message with buttons in a plain client and do what is pressed."""
    title = await editor.choose(level, text, [action.title for action in actions])
    for action in actions:
        if action.title == title:
            await editor.open(_target(action), external=action.kind in _PAGES)


def _target(action: Action) -> str:
    is_path = action.kind is ActionKind.OPEN_FILE and action.target and "://" not in action.target
    return Path(action.target).absolute().as_uri() if is_path else action.target
