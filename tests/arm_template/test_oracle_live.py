"""Our evaluator beside the engine inside the Bicep CLI, asked in the same run: nothing here is recorded.

Every function is called with values of every type, alone and in pairs, which is how types, arities, words and
what waits for run time are compared.
"""

from __future__ import annotations

import itertools
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from bicep_cli import BicepError, BicepService, find
from support.engine_cases import ask, cases, place_of, recorded, template_of
from support.oracle_comparing import Tally, judged, ours, scope_of
from support.shared import shared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

VALUES = (
    "'abc'",
    "1",
    "true()",
    "null()",
    "createArray('a', 'b')",
    "createObject('a', 1)",
    "json('1.5')",
    "reference('x').y",
)
NAMES = """
    base64 base64ToJson base64ToString concat contains dataUri dataUriToString empty endsWith first
    format guid indexOf join json last lastIndexOf length like padLeft replace skip split startsWith
    string substring take toLower toUpper trim uniqueString uri uriComponent uriComponentToString array
    createArray flatten intersection union max min range indexFromEnd tryIndexFromEnd tryGet
    createObject items objectKeys shallowMerge add sub mul div mod int float equals greater
    greaterOrEquals less lessOrEquals coalesce and or not bool if dateTimeAdd dateTimeFromEpoch
    dateTimeToEpoch parseCidr cidrHost resourceId subscriptionResourceId tenantResourceId
    extensionResourceId distinct parseUri map filter reference listKeys lambda copyIndex utcNow nope
"""
FUNCTIONS = NAMES.split()
WORDS = 0.97


def expressions() -> Iterable[str]:
    """Give the calls: a third of all with one value, and one in thirty-one of all with two."""
    for name, one in itertools.islice(itertools.product(FUNCTIONS, VALUES), 0, None, 3):
        yield f"{name}({one})"
    for name, one, two in itertools.islice(itertools.product(FUNCTIONS, VALUES, VALUES), 0, None, 31):
        yield f"{name}({one}, {two})"


@pytest.fixture
async def bicep() -> AsyncIterator[BicepService]:
    """Start the CLI that is installed, or the one beside this checkout; skip loudly where there is none."""
    try:
        found = find()
    except BicepError:
        found = find(str(shared("tools/bicep")))
    async with BicepService(found) as service:
        yield service


async def test_calls_of_every_function_answer_as_the_engine_does(bicep: BicepService, tmp_path: Path) -> None:
    document = json.loads(shared("oracle/expressions.json").read_text())
    place, tally = scope_of(document["scope"]), Tally()
    for expression in expressions():
        output = {"o": {"type": "object", "value": {"v": f"[{expression}]"}}}
        text = json.dumps(document["context"] | {"outputs": output})
        wanted = await theirs(bicep, tmp_path / "case", text, document["scope"])
        tally.add(expression, ours(text, {}, place), wanted)
    summary = f"{tally.total} calls: {dict(tally.counts)}; words {tally.share_of_words():.1%}"
    print(summary)
    told = "\n".join([summary, *tally.wrong[:40]])

    assert (tally.counts["same"] + tally.errors) / tally.total >= WORDS, told
    assert tally.share_of_words() >= WORDS, told


@pytest.mark.parametrize("name", ["expressions.jsonl", "documents.jsonl"])
async def test_the_engine_still_gives_the_recorded_answers(
    bicep: BicepService, tmp_path: Path, name: str
) -> None:
    wrong: list[str] = []
    for case in cases(name)[::17]:
        template = template_of(case)
        place = place_of(template)
        answer = await ask(bicep, tmp_path, json.dumps(template), case.get("parameters", {}), place)
        if judged(answer, recorded(case))[0] not in ("same", "same words"):
            wrong.append(f"{case.get('expression') or case['name']}: {answer}")

    assert not wrong, "\n".join(wrong)


async def theirs(bicep: BicepService, folder: Path, text: str, place: dict[str, str]) -> dict[str, object]:
    """Ask the engine."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "main.json").write_text(text)
    (folder / "main.bicepparam").write_text("using 'main.json'\n")
    try:
        return {"snapshot": await bicep.snapshot(folder / "main.bicepparam", place)}
    except BicepError as error:
        return {"error": error.message.removeprefix("The Bicep CLI refused: ")}
