"""What a check finds: a code, how bad it is, the words, the remedy, a link and the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

Severity = Literal["error", "warning"]
_LONGEST = 200  # characters of a value that comes from a file


class Finding(NamedTuple):
    """Something wrong or unwise about a model.

    Attributes:
        severity: An error keeps the model from being served as it was trained.
        code: A stable name for the kind of finding.
        message: What is wrong.
        suggestion: What to do about it.
        path: The file or folder.
        link: A page that helps.
        key: The key of a JSON file that it is about; empty when it is about the whole file.
    """

    severity: Severity
    code: str
    message: str
    suggestion: str
    path: Path
    link: str | None = None
    key: str = ""


class Rule(NamedTuple):
    """The words of one kind of finding; ``{names}`` are filled in."""

    severity: Severity
    message: str
    suggestion: str
    link: str | None = None


class Unusable(Exception):
    """A file that can't be read for what it should be; carries the finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def clean(value: object) -> str:
    """Return a value from a file as one short printable line."""
    text = "".join(char if char.isprintable() else " " for char in str(value)[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def listed(values: list[str], most: int = 4) -> str:
    """Return some of the values in one line, and how many are left out."""
    shown = ", ".join(values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"
