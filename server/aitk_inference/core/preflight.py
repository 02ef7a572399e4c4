"""What is checked before anything is made: the result of a check, and what it reads of the cloud."""

from __future__ import annotations

import re
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.core.actions import Action


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(NamedTuple):
    """One line of the preflight.

    Attributes:
        name: A stable name of what was checked: ``gpu-quota``.
        state: A problem keeps the project from working, a warning does not.
        message: What is so.
        suggestion: What to do about it.
        link: A page that helps.
        code: What was found, by its row in the catalogue; empty where nothing was.
        values: What its words were filled with.
        fixes: Buttons that mend it.
    """

    name: str
    state: CheckState
    message: str
    suggestion: str = ""
    link: str | None = None
    code: str = ""
    values: Mapping[str, str] = MappingProxyType({})
    fixes: tuple[Action, ...] = ()

    @property
    def words(self) -> str:
        """Return what is so and what to do about it."""
        return f"{self.message} {self.suggestion}".rstrip()

    def as_json(self) -> dict[str, str | None]:
        """Return the check as programs read it."""
        return {
            "name": self.name,
            "state": str(self.state),
            "message": self.message,
            "suggestion": self.suggestion,
            "link": self.link,
        }


class Grant(NamedTuple):
    """Actions that a role gives, with ``*``, and those that it leaves out."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Return True if an action is given; neither case nor what ``*`` stands for matters."""

        def matches(pattern: str) -> bool:
            return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None

        return any(map(matches, self.actions)) and not any(map(matches, self.not_actions))


class Usage(NamedTuple):
    """What is in use of a quota."""

    name: str
    used: float
    limit: float


class ProfileType(NamedTuple):
    """A type of workload profile that a region offers: what a node of it (or a replica on it) has."""

    name: str
    cores: float
    memory_gib: float
    gpus: int = 0


class NameAnswer(NamedTuple):
    """Whether a name is free; ``invalid`` where nobody could have it, with Azure's words."""

    free: bool
    invalid: bool = False
    message: str = ""


class DeletedWorkspace(NamedTuple):
    """A Log Analytics workspace that can still be recovered: its name is kept for where it was."""

    name: str
    resource_group: str
    location: str


def problems(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that ended in a problem."""
    return [check for check in checks if check.state is CheckState.PROBLEM]
