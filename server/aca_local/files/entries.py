"""Files and folders as the service sees them: what is on disk, joined with what is remembered."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import stat_result

from aca_local.files.clock import NS_PER_TICK
from aca_local.files.content import make_folder, move_into_share
from aca_local.files.errors import FilesError
from aca_local.files.names import fold
from aca_local.files.path_lookup import Found, NameIndex, Tree
from aca_local.files.records import Extra, Record, ShareProperties
from aca_local.files.request import Call
from aca_local.files.shares import FileShares
from aca_local.files.write_ahead import CLEAR, MAKE, MOVE, PUT, WRITE, Intent

NO_EXTRA = Extra()  # what a record without rarer facts holds


@dataclass(slots=True)
class Area:
    """One share or snapshot, with its files."""

    share: ShareProperties
    tree: Tree


@dataclass(slots=True)
class Entry:
    """An existing file or folder and what is known of it."""

    found: Found
    stat: stat_result
    record: Record

    @property
    def size(self) -> int:
        """The length in bytes."""
        return self.stat.st_size

    @property
    def written(self) -> int:
        """The SMB last write time, in ticks."""
        return self.record.written

    @property
    def change_time(self) -> int:
        """The SMB change time, in ticks."""
        changed = self.record.extra.change_time
        return self.record.changed if changed is None else changed


class Entries:
    """Finds entries and keeps their records."""

    def __init__(self, shares: FileShares) -> None:
        self._shares = shares
        self._index = NameIndex()
        self._trees: dict[int, Tree] = {}

    def area(self, call: Call) -> Area:
        """Return the share, or the snapshot, that a request speaks of."""
        return self.share_area(call.account, call.share, call.query.get("sharesnapshot", ""))

    def share_area(self, account: str, name: str, snapshot: str = "") -> Area:
        """Return a share with its files; raises ShareNotFound."""
        share = self._shares.get_share(account, name, snapshot)
        tree = self._trees.get(share.id)
        if tree is None:
            tree = self._trees[share.id] = Tree(str(self._shares.folder_of(share)), self._index)
        return Area(share, tree)

    def file(self, area: Area, names: Sequence[str]) -> Entry:
        """Return a file; raises ParentNotFound, and ResourceNotFound, for a folder too (as Azure does)."""
        entry = self.entry(area, area.tree.find(names))
        if entry.found.is_directory:
            raise FilesError("ResourceNotFound")
        return entry

    def folder(self, area: Area, names: Sequence[str]) -> Entry:
        """Return a folder; raises ParentNotFound, and ResourceNotFound, for a file too (as Azure does)."""
        entry = self.entry(area, area.tree.find(names))
        if not entry.found.is_directory:
            raise FilesError("ResourceNotFound")
        return entry

    def entry(self, area: Area, found: Found) -> Entry:
        """Return what was found; raises ResourceNotFound when nothing does."""
        if found.stat is None:
            raise FilesError("ResourceNotFound")
        known = self._shares.store.entry(area.share.id, *_key(found.names))
        return Entry(found, found.stat, current(found.stat, known, found.is_directory))

    def named(self, area: Area, folder: Found, names: Sequence[str]) -> list[Entry]:
        """Return the entries of these names in a folder; one that is gone by now is left out."""
        known = self._shares.store.children(area.share.id, fold(folder.names))
        entries = []
        for name in names:
            path = f"{folder.path}/{name}"
            if (there := area.tree.stat(path)) is not None:
                found = Found(path, (*folder.names, name), there, there)
                record = current(there, known.get(name.lower()), found.is_directory)
                entries.append(Entry(found, there, record))
        return entries

    def save(self, area: Area, names: Sequence[str], record: Record) -> None:
        """Remember the record of an entry."""
        self._shares.store.put_entry(area.share.id, *_key(names), record)

    def put(self, area: Area, found: Found, record: Record, there: stat_result, staged: str) -> None:
        """Move a finished file, whose stat is `there`, to its path, with its record.

        A file of which the disk says everything needs no record. Raises ParentNotFound when the folder is
        gone.
        """
        store, key = self._shares.store, (area.share.id, *_key(found.names))
        old = store.entry(*key) if store.has_rows(*key[:2]) else None
        in_stat = record.changed == record.created == record.written == mtime_of(there)
        if old is None and in_stat and record.extra == NO_EXTRA:
            move_into_share(staged, found.path)
            return
        with self._restoring(key, old):
            with store.transaction():
                store.put_entry(*key, record)
                store.intend(Intent(PUT, staged, found.path))
            move_into_share(staged, found.path)

    def make(self, area: Area, found: Found, record: Record) -> None:
        """Make a folder, with its record; raises ResourceAlreadyExists, ParentNotFound."""
        store, key = self._shares.store, (area.share.id, *_key(found.names))
        with self._restoring(key, None):
            with store.transaction():
                store.remove_entry(*key)
                store.put_entry(*key, record)
                store.intend(Intent(MAKE, "", found.path))
            make_folder(found.path)
        store.taken()

    def move(self, area: Area, source: Entry, target: Found, record: Record) -> None:
        """Give an entry the name of `target`, with what is in it and all records."""
        store, share = self._shares.store, area.share.id
        old, new = source.found.names, target.names
        intent = Intent(MOVE, source.found.path, target.path)
        with store.transaction():
            if fold(old) != fold(new):
                store.remove_entry(share, *_key(new))
                store.move_children(share, fold(old), fold(new))
                store.remove_entry(share, *_key(old))
            store.put_entry(share, *_key(new), record)
            store.intend(intent)
        intent.take()
        store.taken()

    def write(self, path: str, start: int, aside: str) -> None:
        """Write the file `aside`, which goes, into another from the byte `start` on: all of it or nothing."""
        intent = Intent(f"{WRITE}@{start}", aside, path)
        self._shares.store.intend(intent)
        intent.take()

    def clear(self, path: str, start: int, length: int) -> None:
        """Overwrite bytes of a file with zeros: all of them or none."""
        intent = Intent(f"{CLEAR}@{start}+{length}", "", path)
        self._shares.store.intend(intent)
        intent.take()
        self._shares.store.taken()

    @contextmanager
    def _restoring(self, key: tuple[int, str, str], old: Record | None) -> Iterator[None]:
        """Put the old record back when what is done inside fails."""
        store = self._shares.store
        try:
            yield
        except BaseException:
            store.taken()
            if old is None:
                store.remove_entry(*key)
            else:
                store.put_entry(*key, old)
            raise

    def forget(self, area: Area, names: Sequence[str]) -> None:
        """Forget an entry that was deleted, with what was in it."""
        self._shares.store.remove_entry(area.share.id, *_key(names))


def _key(names: Sequence[str]) -> tuple[str, str]:
    return (fold(names[:-1]), names[-1].lower()) if names else ("", "")


def mtime_of(there: stat_result) -> int:
    """Return a file's modification time in ticks."""
    return there.st_mtime_ns // NS_PER_TICK


def current(there: stat_result, known: Record | None, directory: bool) -> Record:
    """Return the record that holds for what is on disk now.

    What no one has told the service about gets its properties from the disk; a file that another process has
    written since keeps its settings and loses what described the old bytes.
    """
    written = mtime_of(there)
    if known is None:
        return Record(written, there.st_size, written, written, written, Extra())
    if directory or (known.mtime, known.size) == (written, there.st_size):
        return known
    headers = {name: value for name, value in known.extra.headers.items() if name != "Content-MD5"}
    extra = replace(known.extra, headers=headers, ranges=None, copy=None, change_time=None)
    return Record(written, there.st_size, written, known.created, written, extra)
