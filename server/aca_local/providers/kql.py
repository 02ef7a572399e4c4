"""A small, strict part of KQL: ``Table | where … | project … | order by … | take n``.

What is not known here raises QueryError: an answer is never to another question than the one asked. Stages
work one after the other, as in Kusto: https://learn.microsoft.com/kusto/query/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from aca_local.providers import kql_operators
from aca_local.providers.kql_text import QueryError, pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.providers.kql_text import Kind, Piece, Scalar

Row = Mapping[str, str | float | datetime]
Stage = Callable[[Iterable[Row]], Iterable[Row]]
Condition = Callable[[Row], bool]

_DEEPEST = 100
_STAGES = "where, project, order by, sort by, take, limit"
_KINDS: Mapping[type, Kind] = {str: "string", float: "real", datetime: "datetime"}


@dataclass(frozen=True)
class Table:
    """A table's columns; ``absent`` names those that Azure has and this one has not, each with the reason."""

    name: str
    columns: Mapping[str, Kind]
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """A query that was understood: from which table, through which stages, to which columns."""

    table: str
    columns: Mapping[str, Kind]
    stages: Sequence[Stage]

    def run(self, rows: Iterable[Row]) -> Iterable[Row]:
        """Answer the rows of the result; ``rows`` are the table's."""
        for stage in self.stages:
            rows = stage(rows)
        return rows


def parse(text: str, tables: Mapping[str, Table], now: datetime) -> Query:
    """Read a query. Raises QueryError."""
    return _Reader(list(pieces(text)), tables, now).query()


class _Reader:
    """Reads piece by piece; ``_columns`` are those after the stages read so far."""

    def __init__(self, found: list[Piece], tables: Mapping[str, Table], now: datetime) -> None:
        self._pieces, self._at, self._depth = found, 0, 0
        self._tables, self._now = tables, now
        self._columns: Mapping[str, Kind] = {}
        self._absent: Mapping[str, str] = {}

    def query(self) -> Query:
        first = self._take("name")
        table = self._tables.get(first.text)
        if table is None:
            raise self._unresolved(first, "table", f"The tables here are {', '.join(self._tables)}.")
        self._columns, self._absent = table.columns, table.absent
        stages = []
        while self._skip("|"):
            stages.append(self._stage())
        self._skip(";")
        if self._next.form != "end":
            raise self._wrong("'|'")
        return Query(table.name, self._columns, stages)

    def _stage(self) -> Stage:
        name = self._take("name")
        if name.text in {"order", "sort"}:
            self._keyword("by")
            return self._order()
        if name.text in {"take", "limit"}:
            return self._limit()
        if name.text == "where":
            condition = self._either()
            return lambda rows: filter(condition, rows)
        if name.text == "project":
            return self._project()
        raise self._unsupported(name, f"the operator '{name.text}'. It knows {_STAGES}")

    def _limit(self) -> Stage:
        number = self._take("number")
        if not (number.text.isascii() and number.text.isdigit()):
            raise QueryError("SyntaxError", "take wants a whole number.", number.text, number.pos)
        return lambda rows: islice(rows, int(number.text[:18]))

    def _project(self) -> Stage:
        chosen: dict[str, str] = {}
        while True:
            name = self._take("name")
            source = self._take("name") if self._skip("=") else name
            self._kind(source)
            if name.text in chosen:
                words = f"A column named '{name.text}' already exists."
                raise QueryError("SemanticError", words, name.text, name.pos)
            chosen[name.text] = source.text
            if not self._skip(","):
                break
        self._columns = {name: self._columns[source] for name, source in chosen.items()}
        self._absent = {}
        return lambda rows: ({name: row[source] for name, source in chosen.items()} for row in rows)

    def _order(self) -> Stage:
        keys: list[tuple[str, bool]] = []
        while True:
            column = self._take("name")
            self._kind(column)
            descending = not self._skip("asc")  # Kusto's default is the latest first
            if descending:
                self._skip("desc")
            if self._next.text == "nulls":
                raise self._unsupported(self._next, "'nulls' in order by")
            keys.append((column.text, descending))
            if not self._skip(","):
                break

        def in_order(rows: Iterable[Row]) -> list[Row]:
            found = list(rows)
            for name, descending in reversed(keys):
                found.sort(key=itemgetter(name), reverse=descending)
            return found

        return in_order

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._skip("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._skip("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _one(self) -> Condition:
        negated = self._next.text == "not" and self._pieces[self._at + 1].text == "("
        self._at += negated
        if self._skip("("):
            self._depth += 1
            if self._depth > _DEEPEST:
                raise self._unsupported(self._next, f"more than {_DEEPEST} conditions in parentheses")
            inner = self._either()
            self._keyword(")")
            return (lambda row: not inner(row)) if negated else inner
        return self._comparison()

    def _comparison(self) -> Condition:
        column = self._take("name")
        if self._next.text == "(":
            raise self._unsupported(column, f"the function '{column.text}'")
        kind, name = self._kind(column), column.text
        sign = self._next
        if sign.form not in {"name", "sign"}:
            raise self._wrong("an operator")
        self._at += 1
        many, one = kql_operators.lists(kind).get(sign.text), kql_operators.operators(kind).get(sign.text)
        if many:
            values = self._list(kind)
            return lambda row: many(row[name], values)
        if one is None:
            words = f"the operator '{sign.text}' on the column '{name}' ({kind})"
            raise self._unsupported(sign, words)
        value = self._literal(kind)
        return lambda row: one(row[name], value)

    def _list(self, kind: Kind) -> list[Scalar]:
        self._keyword("(")
        values = [self._literal(kind)]
        while self._skip(","):
            values.append(self._literal(kind))
        self._keyword(")")
        return values

    def _literal(self, kind: Kind) -> Scalar:
        piece = self._next
        self._at += 1
        value = self._moment(piece) if piece.text in {"ago", "now"} else piece.value
        if value is None and piece.form == "name":
            raise self._unsupported(
                piece, f"'{piece.text}' on the right: a literal, ago() or now() is wanted"
            )
        if value is None:
            self._at -= 1
            raise self._wrong("a literal")
        if isinstance(value, timedelta) or _KINDS[type(value)] != kind:
            words = f"'{piece.text}' cannot be compared with a value of type {kind}."
            raise QueryError("SemanticError", words, piece.text, piece.pos)
        return value

    def _moment(self, name: Piece) -> datetime:
        self._keyword("(")
        back = timedelta()
        if name.text == "ago":
            span = self._take("timespan").value
            assert isinstance(span, timedelta)
            back = span
        self._keyword(")")
        return self._now - back

    def _kind(self, name: Piece) -> Kind:
        if name.text in self._absent:
            raise self._unsupported(name, f"the column '{name.text}': {self._absent[name.text]}")
        if name.text not in self._columns:
            raise self._unresolved(name, "column", f"The columns here are {', '.join(self._columns)}.")
        return self._columns[name.text]

    @property
    def _next(self) -> Piece:
        return self._pieces[min(self._at, len(self._pieces) - 1)]

    def _skip(self, text: str) -> bool:
        found = self._next.text == text and self._next.form in {"name", "sign"}
        self._at += found
        return found

    def _take(self, form: str) -> Piece:
        piece = self._next
        if piece.form != form:
            raise self._wrong(f"a {form}")
        self._at += 1
        return piece

    def _keyword(self, text: str) -> None:
        if not self._skip(text):
            raise self._wrong(f"'{text}'")

    def _wrong(self, wanted: str) -> QueryError:
        piece = self._next
        return QueryError("SyntaxError", f"{wanted} is wanted, not {piece.text}.", piece.text, piece.pos)

    def _unsupported(self, piece: Piece, what: str) -> QueryError:
        return QueryError("UnsupportedQuery", f"aca-local does not support {what}.", piece.text, piece.pos)

    def _unresolved(self, piece: Piece, what: str, known: str) -> QueryError:
        words = f"Failed to resolve {what} or scalar expression named '{piece.text}'. {known}"
        return QueryError("SemanticError", words, piece.text, piece.pos)
