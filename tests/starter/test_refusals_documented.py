"""docs/starter.md says of each broken adapter what tests/starter/deep sees."""

from __future__ import annotations

from pathlib import Path

from starter.deep.broken_adapters import BROKEN, NOTHING_SAID

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "starter.md"


def test_the_table_is_what_the_tests_see() -> None:
    rows = [
        f"| {name} | `{one.code}` | {_does(one.vllm, taken=one.is_taken)} |" for name, one in BROKEN.items()
    ]
    table = "\n".join(("| adapter | check | vLLM 0.32.0 alone |", "| --- | --- | --- |", *rows))
    assert f"<!-- refusals: begin -->\n{table}\n<!-- refusals: end -->" in DOCUMENT.read_text("utf-8"), table


def _does(words: str, *, taken: bool) -> str:
    if taken:
        return f"**says nothing**: {words}"
    return "refuses without words" if words == NOTHING_SAID else f"refuses: {words}"
