"""A program that reads: one JSON object a line on stdout, nothing else there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aitk_inference.core.errors import DeployFailed, InputRequired, describe, problems_of
from aitk_inference.core.terminal_text import printable
from aitk_inference.core.user_interface import Level, NobodyToAsk
from aitk_inference.flows.outcome import problem_json, stage_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aitk_inference.cli.output import Writer
    from aitk_inference.core.actions import Action
    from aitk_inference.core.errors import AppError
    from aitk_inference.core.model import Json, LogLine
    from aitk_inference.core.user_interface import Document, ProgressEvent
    from aitk_inference.flows.outcome import Outcome


class JsonLinesUserInterface(NobodyToAsk):
    """Writes what happens as objects with a ``type``: ``progress``, ``said``, ``log``, ``answer``, ``result``, ``error``."""

    def __init__(self, out: Writer, project: Path) -> None:
        self._out, self._project = out, project

    def progress(self, event: ProgressEvent) -> None:
        """Write a ``progress`` object."""
        self._write(
            "progress",
            {
                "step": event.step,
                "message": event.message,
                "percent": event.percent,
                "elapsedSeconds": round(event.elapsed, 3),
                **(stage_json(event.stage) if event.stage else {}),
            },
        )

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Write a ``said`` object."""
        self._write("said", {"level": str(level), "text": text, "actions": self._actions(actions)})

    async def show(self, document: Document) -> None:
        """Write a ``said`` object with its lines."""
        self.say(Level.INFO, document.text)

    def log(self, line: LogLine, *, named: bool = False, timed: bool = False) -> None:
        """Write a ``log`` object; its time, and whose line it is, are always said."""
        time = line.time.isoformat() if line.time else None
        fields: dict[str, Json] = {"time": time, "source": line.source, "replica": line.replica or None}
        self._write("log", {**fields, "text": printable(line.text)})

    def answer(self, text: str) -> None:
        """Write what came of an answer as an ``answer`` object."""
        self._write("answer", {"text": text})

    def result(self, outcome: Outcome) -> None:
        """Write the ``result`` object."""
        self._write(
            "result",
            {
                "summary": outcome.summary,
                "endpoint": outcome.endpoint,
                "config": str(outcome.config) if outcome.config else None,
                "actions": self._actions(outcome.actions),
                "data": dict(outcome.data),
                **({"key": outcome.key} if outcome.key else {}),
            },
        )

    def error(self, error: AppError) -> None:
        """Write the ``error`` object."""
        said = describe(error)
        fields: dict[str, Json] = {
            "code": said.code,
            "message": said.message,
            "suggestion": said.suggestion,
            "link": said.link,
            "causes": list(said.causes),
        }
        if isinstance(error, InputRequired):
            fields["inputs"] = [{"name": i.name, "flag": i.flag, "prompt": i.prompt} for i in error.inputs]
        if isinstance(error, DeployFailed):
            fields["cause"] = error.cause
        if error.actions:
            fields["actions"] = self._actions(error.actions)
        if problems := problems_of(error):
            fields["problems"] = [problem_json(problem) for problem in problems]
        self._write("error", fields)

    def _actions(self, actions: Sequence[Action]) -> list[Json]:
        if not actions:
            return []
        from aitk_inference.flows.provision.fix_text import action_json  # noqa: PLC0415 - a sync starts without it

        return [action_json(action, self._project) for action in actions]

    def _write(self, kind: str, fields: Mapping[str, Json]) -> None:
        self._out.write(f"{json_line({'type': kind, **fields})}\n")


def json_line(value: Mapping[str, Json]) -> str:
    """Return a JSON object in ASCII alone, the same in each encoding; half characters are replaced."""
    line = json.dumps(value)
    if "\\ud" not in line:  # neither a half nor a pair, as nearly always
        return line
    whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    return json.dumps(json.loads(whole))
