"""The house keeps its shape: no cycle of files, small functions, the field's words in names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import code_shape

if TYPE_CHECKING:
    from support.code_shape import Module

LONGEST, NINE_OF_TEN = 60, 18
HELPERS = 15
"""Private helpers of all packages that are small and called once."""


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    """Every source file, read once."""
    return code_shape.modules()


def test_no_file_imports_itself_by_way_of_others(modules: list[Module]) -> None:
    assert code_shape.cycle(code_shape.imports(modules)) == []


def test_functions_are_small(modules: list[Module]) -> None:
    lengths = sorted(code_shape.length(f) for module in modules for f in module.functions())
    assert lengths[-1] <= LONGEST
    assert lengths[len(lengths) * 9 // 10] <= NINE_OF_TEN


@pytest.mark.parametrize("word", ["settle", "settled", "mark", "place", "told"])
def test_no_name_has_a_private_word(word: str, modules: list[Module]) -> None:
    assert code_shape.named_with(modules, word) == []


def test_helpers_say_more_than_their_bodies(modules: list[Module]) -> None:
    assert len(code_shape.small_helpers_used_once(modules)) <= HELPERS
