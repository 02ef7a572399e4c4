"""The documents hang together: links lead somewhere, pictures are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support import documents

if TYPE_CHECKING:
    from pathlib import Path

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _places(document: Path) -> list[Path]:
    links = _LINK.findall(document.read_text(encoding="utf-8"))
    local = [link.partition("#")[0] for link in links if "://" not in link]
    return [(document.parent / link).resolve() for link in local if link]


@pytest.mark.parametrize("document", documents.documents(), ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    assert [place for place in _places(document) if not place.exists()] == []


def test_every_picture_is_shown() -> None:
    shown = {place for document in documents.documents() for place in _places(document)}
    assert {path.resolve() for path in (documents.ROOT / "docs" / "images").iterdir()} <= shown
