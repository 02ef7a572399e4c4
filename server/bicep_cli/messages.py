"""What the Bicep CLI is asked for and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LINK = "https://learn.microsoft.com/azure/azure-resource-manager/bicep/install"


class BicepError(Exception):
    """The Bicep CLI is missing, too old, does not answer, or refuses a request: one line for people.

    `suggestion` says what to do, `link` where to read on.
    """

    def __init__(self, message: str, suggestion: str = "", link: str = LINK) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion
        self.link = link


class Level(StrEnum):
    """How serious a diagnostic is."""

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"
    OFF = "Off"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file, counted from zero: line, and character in units of UTF-16."""

    line: int
    character: int


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` up to `end`, which is no longer in it."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A problem that the compiler or the linter sees. `code` is BCPnnn or the name of a linter rule."""

    path: Path
    range: Range
    level: Level
    code: str
    message: str

    def line(self) -> str:
        """Write it as compilers do, counted from one: `path(line,column) : Level code: message`."""
        start = self.range.start
        return (
            f"{self.path}({start.line + 1},{start.character + 1}) : {self.level} {self.code}: {self.message}"
        )


def _errors(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    return tuple(item for item in diagnostics if item.level is Level.ERROR)


@dataclass(frozen=True, slots=True)
class Compilation:
    """A compiled `.bicep` file: the JSON template's text, None when there are errors."""

    template: str | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that forbid to deploy."""
        return _errors(self.diagnostics)


@dataclass(frozen=True, slots=True)
class ParametersCompilation:
    """A compiled `.bicepparam` file: the text of the parameters file, and of the template it uses."""

    parameters: str | None
    template: str | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that forbid to deploy."""
        return _errors(self.diagnostics)


def diagnostics_of(found: object, path_of: type[Path]) -> tuple[Diagnostic, ...]:
    """Read the diagnostics of an answer; what is not one is left out."""
    listed = found if isinstance(found, list) else []
    return tuple(_diagnostic(item, path_of) for item in listed if isinstance(item, dict))


def level_of(word: str) -> Level:
    """Read a level in any case; an unknown one is an error."""
    return next((level for level in Level if level.value.lower() == word.lower()), Level.ERROR)


def _diagnostic(found: Mapping[str, object], path_of: type[Path]) -> Diagnostic:
    where = found.get("range")
    place = where if isinstance(where, dict) else {}
    return Diagnostic(
        path=path_of(str(found.get("source", ""))),
        range=Range(_position(place.get("start")), _position(place.get("end"))),
        level=level_of(str(found.get("level", ""))),
        code=str(found.get("code", "")),
        message=str(found.get("message", "")),
    )


def _position(found: object) -> Position:
    place = found if isinstance(found, dict) else {}
    line, character = place.get("line", 0), place.get("char", 0)
    return Position(
        line if isinstance(line, int) else 0,
        character if isinstance(character, int) else 0,
    )
