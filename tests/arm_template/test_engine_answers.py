"""What the template engine answered to odd questions: ranges, URIs, dates, loops, nested deployments.

Cases that say how ours `differs` are those of docs/evaluator-differences.md.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
from support.engine_cases import PLACE, cases, recorded, template_of
from support.oracle_comparing import judged, ours, scope_of

GOOD = ("same", "same words")


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
