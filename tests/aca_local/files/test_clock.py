"""Time on the wire of the Files service."""

import pytest
from aca_local.files import FilesError
from aca_local.files.clock import Clock, etag, iso, parse_iso


def test_no_tick_is_given_twice() -> None:
    clock = Clock()
    ticks = [clock.tick() for _ in range(1000)]
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2019-09-17T23:57:25.6967072Z", "2019-09-17T23:57:25.6967072Z"),
        ("2019-09-17T23:57:25Z", "2019-09-17T23:57:25.0000000Z"),
        ("2019-09-17T23:57:25.5", "2019-09-17T23:57:25.5000000Z"),
        ("3005-05-11T12:24:07.0000000Z", "3005-05-11T12:24:07.0000000Z"),
    ],
)
def test_times_are_read_and_written(text: str, same: str) -> None:
    assert iso(parse_iso(text)) == same


def test_an_entity_tag_is_the_moment_in_ticks_since_year_one() -> None:
    assert etag(parse_iso("2019-09-17T23:57:25.6967072Z")) == '"0x8D73BCACA236FA0"'  # as recorded


@pytest.mark.parametrize("text", ["", "yesterday", "2019-13-01T00:00:00Z", "2019-01-01T00:00:00.xZ"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(FilesError, match="InvalidHeaderValue"):
        parse_iso(text)
