"""What a front end gets back from a flow."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aitk_inference.core.actions import Action
    from aitk_inference.core.errors import Problem
    from aitk_inference.core.model import Json
    from aitk_inference.core.user_interface import Document, StageTime


class Outcome(NamedTuple):
    """How a flow ended; a flow that failed raises an AppError instead.

    Attributes:
        summary: For a person: a sentence, and perhaps lines that list something.
        endpoint: The web API's URL.
        config: The configuration file that holds it.
        actions: Buttons, the most wanted first; a terminal prints their targets.
        data: More facts for programs (``--json``, the wire); camelCase keys.
        headline: One sentence for a notification, where the summary does not begin with one.
        key: A new key, shown this once; it goes into no log and no panel.
        failed: True where a check found a problem: a program ends with 1.
        document: The summary to be read in an editor, where it has more to show than lines.
    """

    summary: str
    endpoint: str | None = None
    config: Path | None = None
    actions: tuple[Action, ...] = ()
    data: Mapping[str, Json] = MappingProxyType({})
    headline: str = ""
    key: str = ""
    failed: bool = False
    document: Document | None = None

    def in_short(self) -> str:
        """Return what a notification says."""
        first = self.summary.partition("\n")[0]
        return self.headline or (f"{first[:-1]}." if first.endswith(":") else first)

    def at_length(self) -> tuple[str, ...]:
        """Return the lines beyond what a notification says."""
        lines = self.summary.splitlines()
        return tuple(lines if self.headline else lines[1:])


def problem_json(problem: Problem) -> dict[str, Json]:
    """Return a problem for programs; lines and columns count from one, as terminals show them."""
    return {
        "path": str(problem.path),
        "line": problem.line + 1,
        "column": problem.column + 1,
        "message": problem.message,
        "code": problem.code,
        "severity": problem.severity,
        "suggestion": problem.suggestion,
        "link": problem.link,
        "about": str(problem.about or problem.path),
    }


def stage_json(stage: StageTime) -> dict[str, Json]:
    """Return a stage of an app's start for programs."""
    last = stage.last_seconds
    return {
        "stage": stage.name,
        "seconds": round(stage.seconds, 3),
        "lastSeconds": None if last is None else round(last, 3),
        "done": stage.is_done,
    }
