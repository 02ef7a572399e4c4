"""A button's work as the text that it carries (``set?NAME=VALUE&then=…``, ``provision?subscription=…``), and as a command."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

from aitk_inference.core.actions import ActionKind
from aitk_inference.core.command_line import command_line
from aitk_inference.core.errors import InvalidProject

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aitk_inference.core.actions import Action
    from aitk_inference.core.model import Json

_FLAGS = MappingProxyType(
    {
        "--subscription": "subscription",
        "--resource-group": "resource-group",
        "--location": "group-location",
        "--tenant": "tenant",
    }
)
_WHOLE = MappingProxyType({"secrets": ("secrets", "set", "HF_TOKEN")})
"""Verbs that are none without more words, with those that their buttons leave to a question."""
_GOES_ON = (*_FLAGS.values(), "then")
GO_ON = "provision"
"""What a button does that mends nothing, and goes on with Provision where the plan or the checks were for."""


class Fix(NamedTuple):
    """A fix as its button carries it.

    Attributes:
        verb: ``set``, ``register`` or ``provision``.
        values: What is set, or which providers are registered.
        goes_on: Where the command goes on.
    """

    verb: str
    values: Mapping[str, str]
    goes_on: Mapping[str, str]


def read_fix(text: str) -> Fix:
    """Return what a button carries.

    Raises:
        InvalidProject: there is no such fix.
    """
    verb, _, query = text.partition("?")
    given = dict(parse_qsl(query))
    values = {name: value for name, value in given.items() if name not in _GOES_ON}
    if verb != GO_ON and (verb not in ("set", "register") or not values):
        raise InvalidProject(f"There is no fix of this name: {verb}.", [])
    return Fix(verb, values, {name: value for name, value in given.items() if name in _GOES_ON})


def effect_of(action: Action) -> str:
    """Return what a button does beyond what its title says; empty where it says all."""
    fix = read_fix(action.target) if action.kind is ActionKind.FIX else None
    return f"writes {', '.join(fix.values)} into the parameters file" if fix and fix.verb == "set" else ""


def command_of(action: Action, project: Path) -> str:
    """Return the command that does in a terminal what a button does in an editor; empty where none does.

    Args:
        action: The button.
        project: The project as the person named it.
    """
    if action.kind is ActionKind.RUN:
        verb, _, query = action.target.partition("?")
        return command_line([*_WHOLE.get(verb, (verb,)), *_where(dict(parse_qsl(query)))], project)
    if action.kind is not ActionKind.FIX:
        return ""
    fix = read_fix(action.target)
    if fix.verb == "register":
        return ""  # Provision does it; the words beside the button say what an owner runs
    check = ["--check"] if fix.goes_on.get("then") == "preflight" else []
    given = [word for name, value in fix.values.items() for word in ("--set", f"{name}={value}")]
    return command_line(["provision", *check, *given, *_where(fix.goes_on)], project)


def _where(goes_on: Mapping[str, str]) -> list[str]:
    return [word for flag, name in _FLAGS.items() if name in goes_on for word in (flag, goes_on[name])]


def action_json(action: Action, project: Path) -> dict[str, Json]:
    """Return a button as programs read it, with its command where it has one."""
    command = command_of(action, project)
    told: dict[str, Json] = {
        "kind": str(action.kind),
        "title": action.title,
        "target": action.target.partition("?")[0] if action.kind is ActionKind.RUN else action.target,
    }
    return {**told, "command": command} if command else told
