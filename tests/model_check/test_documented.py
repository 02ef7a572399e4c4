"""docs/starter.md shows every finding with its words, each once."""

from __future__ import annotations

from collections import Counter

import document_checks
import pytest
from model_check import CATALOGUE


def test_the_page_is_as_the_catalogue_says() -> None:
    page = document_checks.PAGE.read_text(encoding="utf-8")
    assert page == document_checks.written(page), "run: python scripts/document_checks.py"


def test_every_finding_stands_under_one_heading() -> None:
    shown = Counter(
        code for code in CATALOGUE for _, beginnings in document_checks.GROUPS if code.startswith(beginnings)
    )
    assert dict.fromkeys(CATALOGUE, 1) == dict(shown)


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_finding_says_what_to_do(code: str) -> None:
    rule = CATALOGUE[code]
    assert rule.message.endswith(".")
    assert rule.suggestion.endswith(".")
    assert rule.link is None or rule.link.startswith("https://")
