"""Templates made by chance: our answers beside the engine's, recorded ones and, in the same run, those of the CLI.

`make compare-engine` makes as many new ones as one likes; `make test-deep` asks more than `make test`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from bicep_cli import BicepError, BicepService, find
from support.engine_cases import ask, cases, place_of
from support.generated_templates import document
from support.oracle_comparing import Tally, ours, scope_of
from support.shared import shared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KINDS = (
    "child, condition, constraint, definitions, deployed elsewhere, escaped template, existing, fault, key vault, "
    "lambda, metadata, nested choice, nested made, nullable, scope, secret output, to the subscription, typed function, "
    "typed output, typed parameter, "
    "nested properties, nested template, nested turn, nested written, nested wrong, output copy, property copy, "
    "reference, references, resource copy, safe access, secret, symbolic names, user function, variable copy"
)
SEED = "2026-11-26"  # a seed of the day is for `make compare-engine`: a test asks the same each time
COUNT = int(os.environ.get("AITK_TEMPLATES", "60"))


def test_recorded_answers_are_those_of_the_engine() -> None:
    tally = Tally()
    for case in cases("generated.jsonl"):
        got = ours(json.dumps(case["template"]), case["parameters"], scope_of(place_of(case["template"])))
        tally.add(case["name"], got, case)

    assert not tally.wrong, "\n".join([str(dict(tally.counts)), *tally.wrong[:20]])
    assert tally.counts["same"] > 50
    assert tally.counts["same words"] > 50


def test_the_same_seed_makes_the_same_documents() -> None:
    assert [document("a", 7), document("a", 8)] == [document("a", 7), document("a", 8)]
    assert document("a", 7) != document("b", 7)


def test_documents_hold_all_kinds() -> None:
    found = {kind for number in range(200) for kind in document("kinds", number).kinds}

    assert set(KINDS.split(", ")) <= found


@pytest.fixture
async def bicep() -> AsyncIterator[BicepService]:
    """Start the CLI that is installed, or the one beside this checkout; skip loudly where there is none."""
    try:
        found = find(os.environ.get("AITK_BICEP_PATH"))
    except BicepError:
        found = find(str(shared("tools/bicep")))
    async with BicepService(found) as service:
        yield service


async def test_answers_of_the_cli_are_those_of_the_engine(bicep: BicepService, tmp_path: Path) -> None:
    seed, tally = SEED, Tally()
    for number in range(COUNT):
        made = document(seed, number)
        place = place_of(made.template)
        answer = await ask(bicep, tmp_path, json.dumps(made.template), made.parameters, place)
        if not str(answer.get("error", "")).startswith("Compilation failed"):
            got = ours(json.dumps(made.template), made.parameters, scope_of(place))
            tally.add(made.name, got, answer)
    print(f"seed {seed}: {dict(tally.counts)}")

    assert not tally.wrong, "\n".join([str(dict(tally.counts)), *tally.wrong[:20]])
    assert tally.total > COUNT // 2
