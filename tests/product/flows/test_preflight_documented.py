"""docs/preflight.md is the catalogue of the preflight, as it is now."""

from __future__ import annotations

import document_checks
import pytest
from aitk_inference.core.preflight import CheckState
from aitk_inference.flows.provision.preflight_catalogue import CATALOGUE, NAMES


def test_the_page_is_as_the_catalogue_says() -> None:
    page = document_checks.PREFLIGHT_PAGE.read_text(encoding="utf-8")
    assert page == document_checks.written(page, document_checks.preflight_tables()), (
        "run: python scripts/document_checks.py"
    )


@pytest.mark.parametrize("code", CATALOGUE)
def test_each_problem_says_what_to_do(code: str) -> None:
    row = CATALOGUE[code]
    assert row.name in NAMES
    assert row.state is not CheckState.PROBLEM or row.suggestion
    assert row.link is None or row.link.startswith("https://")
