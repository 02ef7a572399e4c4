"""Documents in one SQLite file, a transaction a change, so that a ``kill -9`` loses nothing that was
answered.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from aca_local.state.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
JsonObject: TypeAlias = dict[str, Any]
"""The body of a request, already checked, or of an answer. What is stored has a type of its own: ``Kind``."""

T = TypeVar("T")

_PREPARATION = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_by_seq ON documents (kind, seq);
"""


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of documents: its name in the store; ``T`` is what each of them is (a TypedDict)."""

    name: str


class Store:
    """Documents by kind and key (keys do not tell upper from lower case: ARM's ids do not either).

    It may be used from several threads. A document handed out is the caller's own copy: changing it changes
    nothing before ``put``.
    """

    def __init__(self, path: Path) -> None:
        """Open or make it, for its owner only. Raises OwnFileError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = open_database(path, _PREPARATION)
        self._lock = threading.RLock()
        self._depth = 0

    def close(self) -> None:
        """Close the file; the store is not used after that."""
        with self._lock:
            self._db.close()

    @property
    def changes(self) -> int:
        """Return how many rows were written so far: what was read is still true while this stays the same."""
        return self._db.total_changes

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes inside happen together or not at all; nested ones join the outer one."""
        with self._lock:
            if self._depth:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            yield from self._outermost()

    def _outermost(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        else:
            self._db.execute("COMMIT")
        finally:
            self._depth = 0

    def get(self, kind: Kind[T], key: str) -> T | None:
        """Read one document, None where there is none."""
        with self._lock:
            row = self._db.execute(
                "SELECT value FROM documents WHERE kind = ? AND key = ?", (kind.name, key.lower())
            ).fetchone()
        return None if row is None else _read(kind, row[0])

    def put(self, kind: Kind[T], key: str, value: T) -> None:
        """Write one document; an existing one stays where it is in the order of creation."""
        text = json.dumps(value, separators=(",", ":"))
        with self.transaction():
            self._db.execute(
                "INSERT INTO documents (kind, key, value, seq) VALUES (?, ?, ?,"
                " (SELECT COALESCE(MAX(seq), 0) + 1 FROM documents WHERE kind = ?))"
                " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
                (kind.name, key.lower(), text, kind.name),
            )

    def delete(self, kind: Kind[T], key: str) -> None:
        """Remove one document, if it is there."""
        with self.transaction():
            self._db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind.name, key.lower()))

    def delete_under(self, kind: Kind[T], prefix: str) -> None:
        """Remove the documents whose key starts with ``prefix``."""
        with self.transaction():
            self._db.execute(
                "DELETE FROM documents WHERE kind = ? AND substr(key, 1, ?) = ?",
                (kind.name, len(prefix), prefix.lower()),
            )

    def list(self, kind: Kind[T], prefix: str = "") -> list[T]:
        """Read the documents whose key starts with ``prefix``, in the order of their creation."""
        with self._lock:
            rows = self._db.execute(
                "SELECT value FROM documents WHERE kind = ? AND substr(key, 1, ?) = ? ORDER BY seq",
                (kind.name, len(prefix), prefix.lower()),
            ).fetchall()
        return [_read(kind, row[0]) for row in rows]


def _read(_: Kind[T], text: str) -> T:
    """Return a document that ``put`` wrote: of this kind, so of its type."""
    value: T = json.loads(text)
    return value
