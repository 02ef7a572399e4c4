"""Documents in one SQLite file, a transaction a change, so that a ``kill -9`` loses nothing that was
answered.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_by_seq ON documents (kind, seq);
"""


class Store:
    """Documents by kind and key (keys do not tell upper from lower case: ARM's ids do not either).

    It may be used from several threads. A document handed out is the caller's own copy: changing it changes
    nothing before ``put``.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock = threading.RLock()
        self._depth = 0
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file; the store is not used after that."""
        with self._lock:
            self._db.close()

    @property
    def changes(self) -> int:
        """How many rows were written so far: what was read is still true while this stays the same."""
        return self._db.total_changes

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside happen together or not at all; nested ones join the outer one."""
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

    def get(self, kind: str, key: str) -> JsonObject | None:
        """Read one document, None where there is none."""
        with self._lock:
            row = self._db.execute(
                "SELECT value FROM documents WHERE kind = ? AND key = ?", (kind, key.lower())
            ).fetchone()
        return None if row is None else _loads(row[0])

    def put(self, kind: str, key: str, value: JsonObject) -> None:
        """Write one document; an existing one keeps its place in the order of creation."""
        text = json.dumps(value, separators=(",", ":"))
        with self.transaction():
            self._db.execute(
                "INSERT INTO documents (kind, key, value, seq) VALUES (?, ?, ?,"
                " (SELECT COALESCE(MAX(seq), 0) + 1 FROM documents WHERE kind = ?))"
                " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
                (kind, key.lower(), text, kind),
            )

    def delete(self, kind: str, key: str) -> None:
        """Remove one document, if it is there."""
        with self.transaction():
            self._db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key.lower()))

    def delete_under(self, kind: str, prefix: str) -> None:
        """Remove the documents whose key starts with ``prefix``."""
        with self.transaction():
            self._db.execute(
                "DELETE FROM documents WHERE kind = ? AND substr(key, 1, ?) = ?",
                (kind, len(prefix), prefix.lower()),
            )

    def list(self, kind: str, prefix: str = "") -> list[JsonObject]:
        """Read the documents whose key starts with ``prefix``, in the order of their creation."""
        with self._lock:
            rows = self._db.execute(
                "SELECT value FROM documents WHERE kind = ? AND substr(key, 1, ?) = ? ORDER BY seq",
                (kind, len(prefix), prefix.lower()),
            ).fetchall()
        return [_loads(row[0]) for row in rows]


def _loads(text: str) -> JsonObject:
    value: JsonObject = json.loads(text)
    return value
