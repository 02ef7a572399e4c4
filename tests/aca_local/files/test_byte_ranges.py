"""Ranges of a file, against a plain set of byte numbers."""

from itertools import pairwise

from aca_local.files.byte_ranges import SECTOR, Span, add, clear, clip, remove
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 64
SPANS = st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).map(lambda pair: (min(pair), max(pair)))


def build(parts: list[Span]) -> list[Span]:
    spans: list[Span] = []
    for start, end in parts:
        spans = add(spans, start, end)
    return spans


def numbers(spans: list[Span]) -> set[int]:
    return {number for start, end in spans for number in range(start, end + 1)}


@settings(deadline=None)
@given(st.lists(SPANS))
def test_added_ranges_are_sorted_and_do_not_touch(parts: list[Span]) -> None:
    spans = build(parts)
    assert numbers(spans) == numbers(parts)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(spans))


@settings(deadline=None)
@given(st.lists(SPANS), SPANS)
def test_removing_and_clipping_are_what_they_are_for_sets(parts: list[Span], cut: Span) -> None:
    spans, gone = build(parts), numbers([cut])
    assert numbers(remove(spans, *cut)) == numbers(spans) - gone
    assert numbers(clip(spans, *cut)) == numbers(spans) & gone


def test_clearing_frees_whole_sectors() -> None:
    whole = [(0, 4 * SECTOR - 1)]
    assert clear(whole, SECTOR, 2 * SECTOR - 1, 4 * SECTOR) == [(0, SECTOR - 1), (2 * SECTOR, 4 * SECTOR - 1)]
    assert clear(whole, SECTOR + 1, 2 * SECTOR - 2, 4 * SECTOR) == whole
    assert clear([(0, 699)], SECTOR, 699, 700) == [(0, SECTOR - 1)]
