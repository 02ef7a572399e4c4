import stat
from pathlib import Path

import pytest
from aca_local.state import Kind, Store

KIND: Kind[dict[str, object]] = Kind("kind")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def test_what_was_put_is_there_after_a_restart(path: Path) -> None:
    first = Store(path)
    first.put(KIND, "/A/b", {"one": 1})
    first.close()
    assert Store(path).get(KIND, "/a/B") == {"one": 1}


def test_changes_tell_whether_anything_was_written(path: Path) -> None:
    store = Store(path)
    seen = [store.changes]
    for change in (
        lambda: store.put(KIND, "a", {}),
        lambda: store.put(KIND, "a", {"b": 1}),
        lambda: store.delete(KIND, "a"),
    ):
        change()
        seen.append(store.changes)
    store.get(KIND, "a")
    assert seen == sorted(set(seen))
    assert store.changes == seen[-1]


def test_only_its_owner_reads_the_file(path: Path) -> None:
    Store(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_transaction_happens_as_a_whole_or_not_at_all(path: Path) -> None:
    store = Store(path)
    with pytest.raises(ValueError, match="stop"):
        _fail_in_the_middle(store)
    assert store.list(KIND) == []
    store.put(KIND, "c", {"still": "works"})
    assert store.list(KIND) == [{"still": "works"}]


def test_lists_follow_the_order_of_creation_below_a_prefix(path: Path) -> None:
    store = Store(path)
    for key in ("/g/b", "/g/a", "/other/x", "/g/c"):
        store.put(KIND, key, {"key": key})
    store.put(KIND, "/g/b", {"key": "changed"})
    assert [one["key"] for one in store.list(KIND, "/G/")] == ["changed", "/g/a", "/g/c"]


def test_a_prefix_is_no_pattern(path: Path) -> None:
    store = Store(path)
    store.put(KIND, "a_c", {"key": "a_c"})
    store.put(KIND, "abc", {"key": "abc"})
    assert [one["key"] for one in store.list(KIND, "a_")] == ["a_c"]
    store.delete_under(KIND, "a_")
    assert [one["key"] for one in store.list(KIND)] == ["abc"]


def _fail_in_the_middle(store: Store) -> None:
    with store.transaction():
        store.put(KIND, "a", {})
        with store.transaction():
            store.put(KIND, "b", {})
        raise ValueError("stop")
