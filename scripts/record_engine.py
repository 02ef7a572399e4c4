"""Asks the template engine inside the Bicep CLI for its answers, and writes them beside the questions.

    python scripts/record_engine.py

The questions are in tests/arm_template/engine: `expressions.jsonl` and `documents.jsonl`, a case a line. To
add one, write a line with its `expression`, or its `template` and `parameters`, and run this. It needs the
Bicep CLI: the one that is installed, or the one named as the argument.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "server"), str(ROOT / "tests")]

from bicep_cli import BicepError, BicepService, find  # noqa: E402 - the path comes first
from support.engine_cases import FOLDER, ask, place_of, template_of  # noqa: E402 - the path comes first


async def main() -> None:
    """Record all answers anew."""
    setting = sys.argv[1] if len(sys.argv) > 1 else None
    async with BicepService(find(setting)) as bicep:
        with tempfile.TemporaryDirectory() as folder:
            for path in sorted(FOLDER.glob("*.jsonl")):
                await record(bicep, path, Path(folder))


async def record(bicep: BicepService, path: Path, folder: Path) -> None:
    """Record the answers of one file."""
    lines: list[str] = []
    for line in path.read_text().splitlines():
        case = {
            key: item for key, item in json.loads(line).items() if key not in ("snapshot", "value", "error")
        }
        template = template_of(case)
        place = place_of(template)
        answer = await ask(bicep, folder, json.dumps(template), case.get("parameters", {}), place)
        if "expression" in case and "snapshot" in answer:
            answer = {"value": answer["snapshot"]["outputs"]["o"]["v"]}
        lines.append(json.dumps(case | answer, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {len(lines)} answers")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except BicepError as error:
        sys.exit(f"{error.message} {error.suggestion}")
