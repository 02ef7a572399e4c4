"""KQL in pieces: names, literals and signs, with their places; and how a query is refused.

Literals as https://learn.microsoft.com/kusto/query/scalar-data-types/ has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Scalar = str | float | datetime
Kind = Literal["string", "real", "datetime"]

_PIECES = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<verbatim>@'(?:[^']|'')*'|@"(?:[^"]|"")*")
    |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<datetime>datetime\s*\([^)]*\))
    |(?P<timespan>\d+(?:\.\d+)?(?:ms|[dhms])\b)
    |(?P<number>\d+(?:\.\d+)?\b)
    |(?P<name>!?[A-Za-z_]\w*~?)
    |(?P<sign>==|!=|=~|!~|<=|>=|[<>=|(),;])""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@dataclass(eq=False)
class QueryError(Exception):
    """A query that is not answered: not KQL, not of this table, or not known here; ``pos`` from 0."""

    code: Literal["SyntaxError", "SemanticError", "UnsupportedQuery"]
    message: str
    token: str = ""
    pos: int = 0


@dataclass(frozen=True)
class Piece:
    """A piece of a query; ``value`` is a literal's."""

    form: str
    text: str
    pos: int
    value: Scalar | timedelta | None = None


END = "the end of the query"


def pieces(query: str) -> Iterator[Piece]:
    """Cut a query; the last piece has the form "end". Raises QueryError."""
    position = 0
    while position < len(query):
        found = _PIECES.match(query, position)
        if found is None:
            wrong = query[position]
            raise QueryError("SyntaxError", f"'{wrong}' cannot be read here.", wrong, position)
        form = str(found.lastgroup)
        if form != "space":
            yield Piece(form, found[0], position, _value(form, found[0], position))
        position = found.end()
    yield Piece("end", END, position)


def _value(form: str, text: str, pos: int) -> Scalar | timedelta | None:
    reader = _READERS.get(form)
    try:
        return reader(text) if reader else None
    except (ValueError, KeyError, OverflowError):
        raise QueryError("SyntaxError", f"'{text}' is not a valid {form}.", text, pos) from None


def _string(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], text[1:-1])


def _verbatim(text: str) -> str:
    return text[2:-1].replace(text[1] * 2, text[1])


def _datetime(text: str) -> datetime:
    inside = text.partition("(")[2].rstrip(")").strip()
    return moment(inside.strip("'\""))


def _timespan(text: str) -> timedelta:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()  # type: ignore[union-attr]  # the piece has this form
    return timedelta(seconds=float(number) * _UNITS[unit])


def moment(text: str) -> datetime:
    """Read an ISO 8601 date and time; without a zone it is UTC. Raise ValueError."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_READERS: dict[str, Callable[[str], Scalar | timedelta]] = {
    "string": _string,
    "verbatim": _verbatim,
    "datetime": _datetime,
    "timespan": _timespan,
    "number": float,
}
