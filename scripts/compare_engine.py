"""Asks Microsoft's template engine about templates made by chance, and compares our evaluator's answers.

    python scripts/compare_engine.py --seed 2026-11-26 --count 5000

The engine is the one inside the Bicep CLI: the one that is installed, or `--bicep PATH` or AITK_BICEP_PATH.
Without `--seed` it is today's date. A document is made again by its name, SEED/NUMBER (`--only NUMBER`).
`--record FILE` writes the documents with the engine's answers, a case a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "server"), str(ROOT / "tests")]

from bicep_cli import BicepError, BicepService, find  # noqa: E402 - the path comes first
from support.engine_cases import ask, place_of  # noqa: E402 - the path comes first
from support.generated_templates import Document, document  # noqa: E402 - the path comes first
from support.oracle_comparing import Tally, ours, scope_of  # noqa: E402 - the path comes first

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSAID = "Compilation failed"  # the CLI keeps the engine's words to itself


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", default=datetime.now(UTC).strftime("%Y-%m-%d"))
    parser.add_argument("--count", type=int, default=5000, help="how many documents the engine must answer")
    parser.add_argument("--only", type=int, help="the number of the one document to compare and show")
    parser.add_argument("--bicep", default=os.environ.get("AITK_BICEP_PATH"))
    parser.add_argument("--record", type=Path, help="where to write documents and answers")
    parser.add_argument("--show", type=int, default=20, help="how many differences to show")
    return parser.parse_args()


async def compare(options: argparse.Namespace) -> Tally:
    """Compare documents until the engine has answered as many as were asked for."""
    tally, kinds, unsaid = Tally(), Counter[str](), 0
    lines: list[str] = []
    began = time.monotonic()
    async with BicepService(find(options.bicep)) as bicep:
        with tempfile.TemporaryDirectory() as folder:
            for made in documents(options):
                place = place_of(made.template)
                answer = await ask(bicep, Path(folder), json.dumps(made.template), made.parameters, place)
                if str(answer.get("error", "")).startswith(UNSAID):
                    unsaid += 1
                    continue
                lines.append(json.dumps(case_of(made) | answer, ensure_ascii=False))
                tally.add(
                    made.name, ours(json.dumps(made.template), made.parameters, scope_of(place)), answer
                )
                kinds.update(made.kinds)
                if tally.total >= options.count:
                    break
    if options.record:
        options.record.write_text("\n".join(lines) + "\n")
    print(f"seed {options.seed}: {tally.total} documents compared in {time.monotonic() - began:.0f} s")
    print(f"not comparable ({UNSAID!r}): {unsaid}")
    print("answers:", *(f"{name} {count}," for name, count in tally.counts.most_common()))
    print("kinds:", *(f"{name} {count}," for name, count in kinds.most_common()))
    return tally


def documents(options: argparse.Namespace) -> Iterable[Document]:
    """Return the documents of a seed: some more than asked for, since not all can be compared."""
    if options.only is not None:
        return [document(options.seed, options.only)]
    return (document(options.seed, number) for number in range(options.count * 2))


def case_of(made: Document) -> dict[str, Any]:
    """Return a document as a recorded case."""
    return {"name": made.name, "template": made.template, "parameters": made.parameters}


async def main() -> int:
    """Compare; the exit code is 1 where an answer differs."""
    options = arguments()
    tally = await compare(options)
    print(f"differences: {len(tally.wrong)}", *tally.wrong[: options.show], sep="\n")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except BicepError as error:
        sys.exit(f"{error.message} {error.suggestion}")
