"""Our evaluator beside what Microsoft's own template engine answered (../shared/oracle)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.oracle_comparing import Tally, ours, scope_of
from support.shared import shared

if TYPE_CHECKING:
    from pathlib import Path

WORDS = 0.95
TEMPLATES = 0.995


def report(what: str, tally: Tally) -> str:
    """Write the counts, and what went wrong."""
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.counts.items()))
    head = f"{what}: {tally.total} cases: {counts}; words {tally.share_of_words():.1%}"
    print(head)
    return "\n".join([head, *tally.wrong[:40]])


def scope() -> dict[str, str]:
    """Read the scope that all cases have."""
    found: dict[str, str] = json.loads(shared("oracle/expressions.json").read_text())["scope"]
    return found


def test_every_expression_has_the_engines_value_or_error() -> None:
    document = json.loads(shared("oracle/expressions.json").read_text())
    place, tally = scope_of(document["scope"]), Tally()
    for case in document["cases"]:
        output = {"o": {"type": "object", "value": {"v": case["expression"]}}}
        wanted = {"error": case["error"]} if "error" in case else _snapshot(case["value"])
        tally.add(
            case["expression"], ours(json.dumps(document["context"] | {"outputs": output}), {}, place), wanted
        )
    text = report("expressions", tally)

    assert tally.counts["same"] + tally.errors == tally.total, text
    assert tally.share_of_words() >= WORDS, text


def _snapshot(value: object) -> dict[str, object]:
    return {"snapshot": {"predictedResources": [], "outputs": {"o": {"v": value}}}}


def test_every_document_has_the_engines_snapshot_or_error() -> None:
    place, tally = scope_of(scope()), Tally()
    for case in json.loads(shared("oracle/documents.json").read_text()):
        text = case["template"] if isinstance(case["template"], str) else json.dumps(case["template"])
        tally.add(case["name"], ours(text, {}, place), case)
    text = report("documents", tally)

    assert tally.counts["same"] + tally.errors == tally.total, text
    assert tally.share_of_words() >= WORDS, text


def test_templates_that_people_use_have_the_engines_snapshot() -> None:
    place, tally = scope_of(scope()), Tally()
    for path in cases():
        case = json.loads(path.read_text())
        template = (path.parent / "template.json").read_text()
        tally.add(f"{path.parent.name}/{path.stem}", ours(template, case["parameters"], place), case)
    text = report("templates", tally)

    assert (tally.counts["same"] + tally.errors) / tally.total >= TEMPLATES, text
    assert tally.share_of_words() >= WORDS, text


def cases() -> list[Path]:
    """List the cases of all templates."""
    return sorted(shared("oracle/templates").glob("*/case-*.json"))
