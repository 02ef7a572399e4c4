"""JSON as people write it: what is refused, and where things stand."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.json_text import DEEPEST, JsonMistake, locate, parse
from aitk_inference.core.regular_files import read_bytes, read_text
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.core.model import Json

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.booleans())
def test_what_is_json_is_read_as_it_is(value: Json, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only, indent=1)) == value


@given(VALUES)
def test_each_element_is_found_at_its_place(value: Json) -> None:
    text = json.dumps({"first": [0, value], "list": [value, {"here": value}]}, indent=1)
    line, column = locate(text, "list", 1, "here")
    assert text.splitlines()[line][column:].startswith('"here"') or "\u2028" in text


MISTAKES = {
    '{"a": 1,\n "a": 2}': (1, 1, "stands twice"),
    '[{"a": 1}, {"a": {"b": 1}, "\\u0061": 2}]': (0, 27, "stands twice"),
    '{"é😀": NaN}': (0, 8, "JSON has no NaN"),
    '{"a": -Infinity}': (0, 6, "JSON has no -Infinity"),
    '{"a": 1e999}': (0, 6, "too large"),
    f'{{"a": {"9" * 5000}}}': (0, 6, "5,000 digits"),
    '{"a": ["\\ud83d", 1]}': (0, 7, "surrogate"),
    '{"\\udc00": 1}': (0, 1, "surrogate"),
    "[" * 100_000: (0, DEEPEST + 1, "deeper than 100"),
    '{"a":' * 100_000 + "1" + "}" * 100_000: (0, 5 * DEEPEST + 1, "deeper than 100"),
    '{"a": 1,}': (0, 8, "comma too many"),
    '{"a": NaN,}': (0, 6, "JSON has no NaN"),
    "{\r\n// x\r\n}": (1, 0, "no comments"),
    "": (0, 0, "empty"),
}


@pytest.mark.parametrize(("text", "said"), MISTAKES.items(), ids=[key[:12] for key in MISTAKES])
def test_a_mistake_has_its_place(text: str, said: tuple[int, int, str]) -> None:
    line, column, words = said
    with pytest.raises(JsonMistake, match=words) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_the_same_name_elsewhere_is_not_meant() -> None:
    text = '{\n "x": {"name": 1},\n "parameters": {"Name": {"value": 2}}}'
    assert locate(text, "parameters", "name") == (2, 16)
    assert locate(text, "parameters", "nothing") == (2, 1)
    assert locate('{"NAME": 1, "name": 2}', "name") == (0, 12)


def test_a_byte_order_mark_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf{}")
    assert read_text(tmp_path / "a") == "{}"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("pipe", "link", "socket", "/dev/zero"):
            with pytest.raises(OSError, match="not a file but a pipe"):
                read_bytes(tmp_path / name)
    with pytest.raises(OSError, match="a folder, not a file"):
        read_bytes(tmp_path)
    (tmp_path / "large").write_bytes(b"12345")
    with pytest.raises(OSError, match="larger than"):
        read_bytes(tmp_path / "large", largest=4)
    assert read_bytes(tmp_path / "large", largest=5) == b"12345"
