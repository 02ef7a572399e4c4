"""Reads the text of a template, and finds lines and columns in it again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from arm_template.dotnet.newtonsoft_json import deeper_than, read_json
from arm_template.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from arm_template.values import JSON, Node

DEEPEST = 96  # levels of arrays and objects; the engine's own readers stop at 64
LARGEST = 4 * 1024 * 1024
MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|/\*.*?\*/|//[^\r\n]*|[^\s\[\]{},:"]+', re.DOTALL)


@dataclass(frozen=True, eq=False)
class Document:
    """A template as JSON, and the syntax trees of its parts that were compiled so far, by the id of the part.

    Parts are never changed and live as long as the document, so that an id stays what it is.
    """

    json: Mapping[str, JSON]
    compiled: dict[tuple[int, bool], Node] = field(default_factory=dict)


@lru_cache(maxsize=64)
def read_document(text: str) -> Document:
    """Read a template's text, or find it among those read before. Raises TemplateError."""
    return Document(read_template(text))


def read_template(text: str) -> dict[str, JSON]:
    """Read a template's text: JSON, comments allowed. Raises TemplateError."""
    if len(text) > LARGEST:
        raise TemplateError("The template exceeds the limit of 4 MB.", code="InvalidTemplate")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise too_deep() from error
    except ValueError:
        try:
            value = read_json(text)
        except ValueError as error:
            raise TemplateError("The template is not valid JSON.") from error
    if not isinstance(value, dict):
        raise TemplateError("The template is not valid JSON: it must be an object.")
    if deeper_than(value, DEEPEST):
        raise too_deep()
    return value


def too_deep() -> TemplateError:
    """Return the error that says that a template has too many levels."""
    return TemplateError("The template is not valid JSON: it is nested too deeply.")


def position(text: str, path: Sequence[str | int]) -> tuple[int, int] | None:
    """Find the line and column (from 1) where the value at `path` opens. None where it is not found."""
    at = _offset(text, tuple(path))
    if at is None:
        return None
    line = text.count("\n", 0, at) + 1
    return line, at - text.rfind("\n", 0, at)


@dataclass(slots=True)
class _Walk:
    """Where a walk over the marks of a JSON text is: the path of the value that comes next."""

    here: list[str | int] = field(default_factory=list)
    awaits_name: list[bool] = field(default_factory=list)

    def close(self) -> None:
        self.here.pop()
        self.awaits_name.pop()

    def comma(self) -> None:
        last = self.here[-1]
        if isinstance(last, int):
            self.here[-1] = last + 1
        else:
            self.awaits_name[-1] = True

    def name(self, mark: str) -> None:
        self.here[-1] = json.loads(mark) if mark.startswith('"') else mark
        self.awaits_name[-1] = False

    def open(self, mark: str) -> None:
        self.here.append(0 if mark == "[" else "")
        self.awaits_name.append(mark == "{")


def _offset(text: str, path: tuple[str | int, ...]) -> int | None:
    walk, wanted = _Walk(), [str(part).lower() for part in path]
    for match in MARKS.finditer(text):
        mark = match.group()
        if mark in "]}":
            walk.close()
        elif mark == ",":
            walk.comma()
        elif walk.awaits_name and walk.awaits_name[-1]:
            walk.name(mark)
        elif mark != ":" and mark[:2] not in ("//", "/*"):
            if [str(part).lower() for part in walk.here] == wanted:
                return match.start()
            if mark in "[{":
                walk.open(mark)
    return None
