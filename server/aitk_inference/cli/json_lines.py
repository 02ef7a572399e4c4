"""A program that reads: one JSON object a line on stdout, nothing else there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aitk_inference.cli.lines import put
from aitk_inference.core.errors import InputRequired, InvalidProject, describe
from aitk_inference.core.interface import missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    from aitk_inference.core.errors import AppError
    from aitk_inference.core.interface import Action, Answers, Level, ProgressEvent, Question
    from aitk_inference.core.model import Json
    from aitk_inference.flows.requests import Outcome


class JsonLinesUserInterface:
    """Writes what happens as objects with a ``type``: ``progress``, ``said``, ``result``, ``error``."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Name every question with its flag: a program is not asked.

        Raises:
            InputRequired: always.
        """
        raise InputRequired([missing(question) for question in questions])

    def progress(self, event: ProgressEvent) -> None:
        """Write a ``progress`` object."""
        self._write(
            "progress",
            {
                "step": event.step,
                "message": event.message,
                "percent": event.percent,
                "elapsedSeconds": round(event.elapsed, 3),
            },
        )

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Write a ``said`` object."""
        self._write("said", {"level": str(level), "text": text, "actions": _actions(actions)})

    def result(self, outcome: Outcome) -> None:
        """Write the ``result`` object."""
        self._write(
            "result",
            {
                "summary": outcome.summary,
                "endpoint": outcome.endpoint,
                "config": str(outcome.config) if outcome.config else None,
                "actions": _actions(outcome.actions),
                "data": dict(outcome.data),
            },
        )

    def error(self, error: AppError) -> None:
        """Write the ``error`` object."""
        told = describe(error)
        fields: dict[str, Json] = {
            "code": told.code,
            "message": told.message,
            "suggestion": told.suggestion,
            "link": told.link,
            "causes": list(told.causes),
        }
        if isinstance(error, InputRequired):
            fields["inputs"] = [{"name": i.name, "flag": i.flag, "prompt": i.prompt} for i in error.inputs]
        if isinstance(error, InvalidProject):
            fields["problems"] = [
                {"path": str(p.path), "line": p.line + 1, "column": p.column + 1, "message": p.message}
                for p in error.problems
            ]
        self._write("error", fields)

    def _write(self, kind: str, fields: Mapping[str, Json]) -> None:
        put(self._out, json.dumps({"type": kind, **fields}, ensure_ascii=False) + "\n")


def _actions(actions: Sequence[Action]) -> list[Json]:
    return [{"kind": str(a.kind), "title": a.title, "target": a.target} for a in actions]
