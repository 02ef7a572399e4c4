"""What a sync does the quick way comes out as the slow way would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aitk_inference.sync.local_state import BaseCache
from aitk_inference.sync.manifest import Base, Manifest, Project, Sent, decode, encode
from aitk_inference.sync.names import closer_look, name_problem
from hypothesis import example, given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

US = Project("id", 'a "label"')
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
SENT = st.builds(
    Sent,
    st.integers(min_value=0),
    st.sampled_from(["", "ab" * 32]),
    st.integers(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.integers(),
    st.booleans(),
)


@given(st.one_of(NAMES, st.from_regex(r"\A[\w. -]{1,12}\Z")))
@example("aux")
@example("AUX.txt")
@example("com1")
@example("a.")
@example("a ")
@example("a\n")
@example("é.py")
def test_a_plain_name_is_one_that_a_closer_look_takes(name: str) -> None:
    assert name_problem(name, f"folder/{name}") == closer_look(name, f"folder/{name}")


def test_a_plain_name_far_down_is_looked_at() -> None:
    assert name_problem("a.py", f"{'folder/' * 300}a.py")


@given(st.dictionaries(NAMES, SENT, max_size=4))
def test_a_manifest_is_json_and_comes_back_whole(files: dict[str, Sent]) -> None:
    content = encode(Manifest(US, files))
    assert list(json.loads(content)["files"]) == sorted(files)
    assert decode(content, trusted=True) == Manifest(US, files)


def test_what_another_process_kept_since_is_seen(tmp_path: Path) -> None:
    mine = BaseCache(tmp_path, "share")
    mine.save(Base(Manifest(US, {}), "1"))
    [kept] = (tmp_path / "shares").iterdir()
    other = Manifest(US, {"a": Sent(1, "", 2, "")})
    (tmp_path / "another").write_bytes(b"2\n[]\n" + encode(other))
    (tmp_path / "another").replace(kept)
    assert mine.load() == Base(other, "2")


def test_what_this_process_kept_is_not_read_again(tmp_path: Path) -> None:
    base = Base(Manifest(US, {}), "1")
    BaseCache(tmp_path, "share").save(base)
    assert BaseCache(tmp_path, "share").load() is base


def test_what_can_not_be_read_counts_as_nothing(tmp_path: Path) -> None:
    BaseCache(tmp_path, "share").save(Base(Manifest(US, {}), "1"))
    [kept] = (tmp_path / "shares").iterdir()
    kept.write_bytes(b"1\n[]\n{}")
    assert BaseCache(tmp_path, "share").load() is None
