"""All template cases of ../shared/oracle: our evaluator beside the official CLI's warm `bicep/getSnapshot`.

Not a test: run it with `python tests/benchmarks/templates.py [PATH OF THE BICEP CLI]`.
Both answer the same cases in the same run, turn by turn, each after one turn that warms it up. Wall clock.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import contextlib

from arm_template import Scope, TemplateError, evaluate, snapshot
from bicep_cli import BicepError, BicepService, find

if TYPE_CHECKING:
    from arm_template import JSON

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"


def literal(value: JSON) -> str:
    """Write a value as Bicep does."""
    if isinstance(value, dict):
        return "{\n" + "".join(f"{literal(key)}: {literal(item)}\n" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"{literal(item)}\n" for item in value) + "]"
    if isinstance(value, str):
        escapes = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "$": "\\$"}
        return "'" + "".join(escapes.get(char, char) for char in value) + "'"
    return json.dumps(value)


def prepare(folder: Path, path: Path, parameters: dict[str, JSON]) -> Path:
    """Write a `.bicepparam` that uses the template of a case."""
    target = folder / f"{path.parent.name}-{path.stem}"
    target.mkdir()
    (target / "main.json").write_text((path.parent / "template.json").read_text())
    lines = ["using 'main.json'", *(f"param {name} = {literal(value)}" for name, value in parameters.items())]
    (target / "main.bicepparam").write_text("\n".join(lines) + "\n")
    return target / "main.bicepparam"


def ours(text: str, parameters: dict[str, JSON], scope: Scope) -> float:
    """Evaluate once; give the seconds it took."""
    given: dict[str, JSON] = {name: {"value": value} for name, value in parameters.items()}
    start = time.perf_counter()
    with contextlib.suppress(TemplateError):
        snapshot(evaluate(text, given, scope, strict=False, preview=True))
    return time.perf_counter() - start


async def theirs(bicep: BicepService, path: Path, place: dict[str, str]) -> float:
    """Ask the CLI once; give the seconds it took."""
    start = time.perf_counter()
    with contextlib.suppress(BicepError):
        await bicep.snapshot(path, place)
    return time.perf_counter() - start


async def main(cli: str) -> None:
    """Measure, and print a table."""
    place = json.loads((SHARED / "oracle/expressions.json").read_text())["scope"]
    scope = Scope(
        *(place[name] for name in ("tenantId", "subscriptionId", "resourceGroup", "location")), "oracle"
    )
    paths = sorted((SHARED / "oracle/templates").glob("*/case-*.json"))
    found: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with BicepService(find(cli)) as bicep:
            for path in paths:
                parameters = json.loads(path.read_text())["parameters"]
                text = (path.parent / "template.json").read_text()
                prepared = prepare(Path(folder), path, parameters)
                for _ in range(2):
                    pair = ours(text, parameters, scope), await theirs(bicep, prepared, place)
                found.append(pair)
    print(f"{len(found)} cases, milliseconds      median     90 %      sum")
    for name, times in zip(("arm_template", "bicep/getSnapshot"), zip(*found, strict=True), strict=True):
        whole = sorted(time * 1000 for time in times)
        print(
            f"{name:24} {statistics.median(whole):12.1f} {whole[len(whole) * 9 // 10]:8.1f} {sum(whole):8.0f}"
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else str(SHARED / "tools/bicep")))
