"""One flow a project at a time, and what a second one is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.errors import Busy
from aitk_inference.core.project_lock import hold

if TYPE_CHECKING:
    from pathlib import Path


def refusal(project: Path, state: Path) -> str:
    with pytest.raises(Busy) as caught, hold(project, "deploy", state):
        pass
    return caught.value.message


def test_a_second_run_is_told_who_works_and_since_when(tmp_path: Path) -> None:
    project, state = tmp_path / "lighthouse", tmp_path / "state"
    with hold(project, "provision", state):
        told = refusal(project, state)
    clock = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d"  # the day is named when midnight has passed
    assert re.fullmatch(rf"Another run works on lighthouse \(provision, process \d+, since {clock}\)\.", told)
    with hold(project, "deploy", state):
        pass


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (datetime(2020, 2, 3, 12, 30, tzinfo=UTC).isoformat(), r"since 2020-02-0\d \d\d:\d\d\)"),
        ("a while", r"since a while\)"),
    ],
)
def test_a_day_that_is_past_is_named(tmp_path: Path, since: str, told: str) -> None:
    with hold(tmp_path / "old", "deploy", tmp_path / "state"):
        (note,) = (tmp_path / "state").rglob("*.lock")
        note.write_text(f'{{"verb": "deploy", "pid": 7, "since": "{since}"}}')
        assert re.search(told, refusal(tmp_path / "old", tmp_path / "state"))
