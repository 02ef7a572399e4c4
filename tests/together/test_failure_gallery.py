"""The failure gallery: each cause injected on a real aca-local, through the command line; its page is current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.failure_gallery import PAGE, PICTURES, Shown, page, picture, run_cases, said_in

if TYPE_CHECKING:
    from pathlib import Path


def test_each_cause_is_told_as_the_page_shows(tmp_path: Path) -> None:
    shown = list(run_cases(tmp_path))
    told = said_in(PAGE.read_text("utf-8"))
    assert len(told) == len(shown)
    for one, text in zip(shown, told, strict=True):
        assert one.lasting == Shown(one.case, text).lasting, "run: make gallery"
        assert (PICTURES / f"{one.case.cause or 'unknown'}.svg").read_text("utf-8") == picture(text)
    as_shown = [Shown(one.case, text) for one, text in zip(shown, told, strict=True)]
    assert PAGE.read_text("utf-8") == page(as_shown)
