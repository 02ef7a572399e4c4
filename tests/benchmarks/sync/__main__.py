"""Our sync against AzCopy, rclone and the SDK: ``make bench-sync``.

Nothing here is a test: what is measured is written down, as ratios to the fastest peer of the same run.
"""

import argparse
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.sync import arms, machine, page
from benchmarks.sync.arms import Arm
from benchmarks.sync.goals import MANY, NAMES, PEERS
from benchmarks.sync.programs import ROOT, MissingProgramError
from benchmarks.sync.results import Results, read
from benchmarks.sync.rounds import Rounds
from benchmarks.sync.trees import SHAPES

MAKERS: dict[str, Callable[[], list[Arm]]] = {
    "azcopy": lambda: [arms.azcopy()],
    "rclone": lambda: [arms.rclone(), arms.rclone(MANY, 256, from_latency=10)],
    "sdk": lambda: [arms.sdk()],
}
LATENCIES = (0, 10, 30)
RUNS = 5
OURS = f"{Path(sys.executable).with_name('aitk-inference')} sync"
MEMORY = Path("/dev/shm")
NEEDED = 4 << 30
"""Bytes that the largest tree and one share of it take, with room to spare."""


def main() -> None:
    chosen = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended, as with Ctrl+C
    kept = chosen.out / "sync-benchmark.json"
    results = read(kept) if (chosen.redraw or chosen.add) and kept.exists() else Results()
    if chosen.redraw and not results.samples:
        sys.exit(f"Nothing was measured yet: there is no {kept}.")
    if not chosen.redraw:
        results = measure(chosen, results, save=lambda now: now.write(kept))
    written = page.write(results, chosen.out)
    from benchmarks.sync.plot import draw  # late: its library would count as memory of those measured

    draw(results, chosen.out / "images" / "sync-benchmark.svg")
    print(f"\nWritten: {written}, images/sync-benchmark.svg and {kept.name} beside it.")
    for arm, why in results.absent.items():
        print(f"NOT MEASURED: {NAMES[arm]}: {why}", file=sys.stderr)


def measure(chosen: argparse.Namespace, before: Results, save: Callable[[Results], None]) -> Results:
    """Measure the chosen cells and return all results; they are saved after each round."""
    results = before.without((tree, latency) for tree in chosen.trees for latency in chosen.latencies)
    began = time.monotonic()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=chosen.scratch)))
        facts = machine.facts(scratch)
        of_these = f"{facts.pop('measured')}, {facts.pop('aitk-inference')}"
        whens = {shape.words: before.machine.get(shape.words, "") for shape in SHAPES.values()}
        whens |= {SHAPES[name].words: of_these for name in chosen.trees}
        results = replace(
            results, machine={**{words: when for words, when in whens.items() if when}, **facts}
        )
        taking_part = _arms(chosen, scratch, stack, results)
        rounds = Rounds(taking_part, scratch, results, save)
        for name in chosen.trees:
            rounds.measure(SHAPES[name], chosen.latencies, chosen.runs)
    results.machine["load after"] = f"{os.getloadavg()[0]:.1f} (1 minute)"
    results.machine["the run took"] = f"{(time.monotonic() - began) / 60:.1f} min"
    save(results)
    return results


def _arms(chosen: argparse.Namespace, scratch: Path, stack: ExitStack, results: Results) -> list[Arm]:
    """Those who can take part; why another can't is noted, and said at once."""
    found: list[Arm] = [arms.ours(shlex.split(chosen.ours)), arms.warm(stack, scratch / "warm")]
    for name in chosen.peers:
        try:
            found += MAKERS[name]()
            results.machine.update(machine.version_of(name))
        except MissingProgramError as error:
            _leave_out(results, name, str(error))
    found.append(arms.Ceiling())
    for arm in found:
        results.absent.pop(arm.name, None)
    return found


def _leave_out(results: Results, name: str, why: str) -> None:
    results.absent[name] = why
    print(f"\nNOT TAKING PART: {NAMES[name]}: {why}\n", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-sync", description=__doc__)
    parser.add_argument("--trees", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--latencies", nargs="+", type=int, default=list(LATENCIES), metavar="MS")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--ours", default=OURS, metavar="COMMAND", help="another build of ours")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="for trees and shares (else: memory)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="else docs for everything, build for a part")
    parser.add_argument("--add", action="store_true", help="keep what was measured before of other cells")
    parser.add_argument("--redraw", action="store_true", help="measure nothing, draw what there is")
    chosen = parser.parse_args()
    everything = (list(SHAPES), list(LATENCIES), list(PEERS))
    is_whole = (chosen.trees, chosen.latencies, chosen.peers) == everything and chosen.runs >= RUNS
    chosen.out = chosen.out or (ROOT / "docs" if is_whole else ROOT / "build" / "bench-sync")
    chosen.scratch = chosen.scratch or _memory()
    return chosen


def _memory() -> Path | None:
    """A folder in memory with enough room; None where there is none."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > NEEDED else None


if __name__ == "__main__":
    main()
