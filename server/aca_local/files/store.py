"""What is remembered beside the files: one SQLite database in WAL mode.

A commit is in the operating system's hands before a reply leaves, so it outlives `kill -9` of this process
(not a power cut: `synchronous=OFF`, the file contents are not flushed either).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aca_local.files.record_json import dump_extra, dump_share, load_extra, load_share
from aca_local.files.records import Record, ShareProperties
from aca_local.files.write_ahead import Intent
from aca_local.state.database import open_database

# Nobody else opens it: no locks to take each time.
PREPARATION = """
PRAGMA locking_mode=EXCLUSIVE;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=OFF;
CREATE TABLE IF NOT EXISTS accounts(name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shares(
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, name TEXT NOT NULL,
    snapshot TEXT NOT NULL, deleted TEXT NOT NULL, document TEXT NOT NULL,
    UNIQUE(account, name, snapshot, deleted));
CREATE TABLE IF NOT EXISTS entries(
    share INTEGER NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL,
    mtime INTEGER NOT NULL, size INTEGER NOT NULL,
    changed INTEGER NOT NULL, created INTEGER NOT NULL, written INTEGER NOT NULL, extra TEXT,
    PRIMARY KEY(share, parent, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents(id INTEGER PRIMARY KEY CHECK(id = 1), kind TEXT, source TEXT, target TEXT);
CREATE TABLE IF NOT EXISTS permissions(
    share INTEGER NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY(share, key)) WITHOUT ROWID;
"""
COLUMNS = "mtime, size, changed, created, written, extra"
RecordRow = tuple[int, int, int, int, int, str | None]


class Store:
    """The database; every method is one statement or one transaction. For one thread."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises OwnFileError."""
        self._db = open_database(path, PREPARATION, cached_statements=256)
        self._bare: set[tuple[int, str]] = set()  # folders in which nothing has a record

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is done inside happen wholly or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def accounts(self) -> dict[str, str]:
        """Return each account's document."""
        return dict(self._db.execute("SELECT name, document FROM accounts"))

    def put_account(self, name: str, document: str) -> None:
        """Write an account's document."""
        self._db.execute("INSERT OR REPLACE INTO accounts VALUES(?, ?)", (name, document))

    def remove_account(self, name: str) -> None:
        """Forget an account."""
        self._db.execute("DELETE FROM accounts WHERE name = ?", (name,))

    def shares(self) -> list[ShareProperties]:
        """Return every share, snapshots and deleted ones included."""
        rows = self._db.execute("SELECT id, account, name, snapshot, deleted, document FROM shares")
        return [load_share(row[:5], row[5]) for row in rows]

    def add_share(self, share: ShareProperties) -> ShareProperties:
        """Insert a share and give it its id."""
        columns = (share.account, share.name, share.snapshot, share.deleted, dump_share(share))
        cursor = self._db.execute(
            "INSERT INTO shares(account, name, snapshot, deleted, document) VALUES(?, ?, ?, ?, ?)", columns
        )
        share.id = cursor.lastrowid or 0
        return share

    def put_share(self, share: ShareProperties) -> None:
        """Write a share's settings."""
        columns = (share.name, share.snapshot, share.deleted, dump_share(share), share.id)
        self._db.execute("UPDATE shares SET name=?, snapshot=?, deleted=?, document=? WHERE id=?", columns)

    def remove_share(self, share: int) -> None:
        """Forget a share and everything in it."""
        with self.transaction():
            self._db.execute("DELETE FROM shares WHERE id = ?", (share,))
            self._db.execute("DELETE FROM entries WHERE share = ?", (share,))
            self._db.execute("DELETE FROM permissions WHERE share = ?", (share,))

    def copy_entries(self, source: int, target: int) -> None:
        """Give one share all the records of another (a snapshot's)."""
        with self.transaction():
            self._db.execute(
                f"INSERT INTO entries SELECT ?, parent, name, {COLUMNS} FROM entries WHERE share = ?",  # noqa: S608 - a constant
                (target, source),
            )
            self._db.execute(
                "INSERT INTO permissions SELECT ?, key, text FROM permissions WHERE share = ?",
                (target, source),
            )

    def entry(self, share: int, parent: str, name: str) -> Record | None:
        """Return the record of one file or folder. `parent` and `name` are lower case."""
        row = self._db.execute(
            f"SELECT {COLUMNS} FROM entries WHERE share = ? AND parent = ? AND name = ?",  # noqa: S608 - a constant
            (share, parent, name),
        ).fetchone()
        return _record(row) if row else None

    def children(self, share: int, parent: str) -> dict[str, Record]:
        """Return the records of a folder's children by lower-case name."""
        rows = self._db.execute(
            f"SELECT {COLUMNS}, name FROM entries WHERE share = ? AND parent = ?",  # noqa: S608 - a constant
            (share, parent),
        )
        return {row[6]: _record(row[:6]) for row in rows}

    def put_entry(self, share: int, parent: str, name: str, record: Record) -> None:
        """Write the record of one file or folder."""
        self._bare.discard((share, parent))
        self._db.execute(
            "INSERT OR REPLACE INTO entries VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                share, parent, name, record.mtime, record.size,
                record.changed, record.created, record.written, dump_extra(record.extra),
            ),
        )  # fmt: skip

    def has_rows(self, share: int, parent: str) -> bool:
        """Return True if anything in a folder may have a record; a folder without any is remembered."""
        key = share, parent
        if key not in self._bare:
            query = "SELECT 1 FROM entries WHERE share = ? AND parent = ? LIMIT 1"
            if self._db.execute(query, key).fetchone():
                return True
            self._bare.add(key)
        return False

    def remove_entry(self, share: int, parent: str, name: str) -> None:
        """Forget one file, or one folder with what is in it."""
        path = f"{parent}/{name}" if parent else name
        self._db.execute(
            "DELETE FROM entries WHERE share = ? AND ((parent = ? AND name = ?)"
            " OR parent = ? OR (parent >= ? AND parent < ?))",
            (share, parent, name, path, f"{path}/", f"{path}0"),
        )

    def move_children(self, share: int, old: str, new: str) -> None:
        """Move the records below the folder `old` to the folder `new`."""
        self._bare.clear()
        self._db.execute(
            "UPDATE OR REPLACE entries SET parent = ? || substr(parent, ?) "
            "WHERE share = ? AND (parent = ? OR (parent >= ? AND parent < ?))",
            (new, len(old) + 1, share, old, f"{old}/", f"{old}0"),
        )

    def intend(self, intent: Intent) -> None:
        """Remember the step that follows; it replaces the last one, which has been taken."""
        self._db.execute(
            "INSERT OR REPLACE INTO intents VALUES(1, ?, ?, ?)", (intent.kind, intent.source, intent.target)
        )

    def taken(self) -> None:
        """Forget the step that was taken."""
        self._db.execute("DELETE FROM intents")

    def intent(self) -> Intent | None:
        """Return the last step that was remembered."""
        row = self._db.execute("SELECT kind, source, target FROM intents").fetchone()
        return Intent(*row) if row else None

    def put_permission(self, share: int, key: str, text: str) -> None:
        """Keep a permission of a share under its key."""
        self._db.execute("INSERT OR REPLACE INTO permissions VALUES(?, ?, ?)", (share, key, text))

    def permission(self, share: int, key: str) -> str | None:
        """Return a kept permission."""
        row = self._db.execute(
            "SELECT text FROM permissions WHERE share = ? AND key = ?", (share, key)
        ).fetchone()
        return str(row[0]) if row else None


def _record(row: RecordRow) -> Record:
    return Record(*row[:5], load_extra(row[5]))
