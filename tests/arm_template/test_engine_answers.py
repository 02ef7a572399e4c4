"""What the template engine answered to odd questions: ranges, URIs, dates, loops, nested deployments.

Cases that say how ours `differs` are those of docs/evaluator-differences.md. ``AITK_SERVER_UNDER_TEST`` names a folder
with another ``aca_local`` to ask, such as an earlier one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from support.engine_cases import PLACE, cases, recorded, template_of
from support.oracle_comparing import judged, ours, scope_of

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD = ("same", "same words")
SECONDS = 240  # for thousands of templates on a busy computer


@pytest.mark.parametrize("name", ["expressions.jsonl", "documents.jsonl"])
def test_answers_are_those_of_the_engine(name: str) -> None:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for case in cases(name):
        got = ours(json.dumps(template_of(case)), case.get("parameters", {}), scope_of(PLACE))
        kind, words = judged(got, recorded(case))
        counts[kind] += 1
        if (kind in GOOD) == ("differs" in case):
            wrong.append(f"{kind}: {case.get('expression') or case['name']}: {words}")

    assert not wrong, "\n".join([str(dict(counts)), *wrong[:40]])
    assert sum(counts.values()) > 100


def asked(questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask the program itself: a line a template."""
    lines = [
        json.dumps({"template": template_of(case), "parameters": case.get("parameters", {}), "scope": PLACE})
        for case in questions
    ]
    command = [sys.executable, "-m", "aca_local", "evaluate", "--batch"]
    other = os.environ.get("AITK_SERVER_UNDER_TEST")
    env = {**os.environ, "PYTHONPATH": other} if other else None
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, timeout=SECONDS, check=True, env=env
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_program_answers_as_the_engine_does() -> None:
    questions = [case for case in cases("documents.jsonl") if "differs" not in case]
    wrong: list[str] = []
    for case, got in zip(questions, asked(questions), strict=True):
        answer = {"error": got["error"]["message"]} if "error" in got else got
        kind, words = judged(answer, recorded(case))
        if kind not in GOOD:
            wrong.append(f"{kind}: {case['name']}: {words}")

    assert not wrong, "\n".join([f"{len(wrong)} of {len(questions)} differ", *wrong[:40]])
