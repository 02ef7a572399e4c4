"""Measures: each tool in turn, a fresh share each time, another order each round."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sync.arms import Arm, Visit
from benchmarks.sync.goals import NAMES
from benchmarks.sync.measure import ClientFailedError
from benchmarks.sync.place import Place, serving
from benchmarks.sync.results import Results, Sample
from benchmarks.sync.scenarios import scenarios
from benchmarks.sync.trees import Shape, Tree, wait_for_next_second

WARM_UP = Shape("warm-up", "20 small files", 20, 2, 2_048)


@dataclass
class Rounds:
    """Who takes part, and where the numbers go; ``save`` is called after each round."""

    arms: Sequence[Arm]
    scratch: Path
    results: Results
    save: Callable[[Results], None]

    def measure(self, shape: Shape, latencies: Sequence[int], runs: int) -> None:
        """Measure one tree on a server of its own."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            tree, small = (Tree(one, Path(folder) / one.name) for one in (shape, WARM_UP))
            tree.make()
            small.make()
            with serving(Path(folder) / "shares", latencies) as place:
                able = self._round([*self.arms], small, place, latencies[0], 0, keep=False)
                began = time.monotonic()
                for number in range(runs):
                    for latency in latencies:
                        able = self._round(able, tree, place, latency, number)
                    self.save(self.results)
                    left = (time.monotonic() - began) / (number + 1) * (runs - number - 1) / 60
                    print(
                        f"{shape.name:>8} {number + 1} of {runs} runs done, about {left:.0f} min left",
                        flush=True,
                    )

    def _round(
        self, able: list[Arm], tree: Tree, place: Place, latency: int, number: int, *, keep: bool = True
    ) -> list[Arm]:
        """Let each have its turn, and return those who did well."""
        well = []
        first = number % max(1, len(able))
        for arm in [*able[first:], *able[:first]]:
            if latency < arm.from_latency:
                well.append(arm)
                continue
            samples = self._visit(arm, tree, place, latency, f"run{number}")
            if samples is not None:
                self.results.samples += samples if keep else []
                well.append(arm)
        return [arm for arm in able if arm in well]

    def _visit(self, arm: Arm, tree: Tree, place: Place, latency: int, run: str) -> list[Sample] | None:
        """Sync one fresh share through all scenarios; None, and a loud word, when the arm failed."""
        share = f"{tree.shape.name}-{arm.name}-{latency}-{run}"
        place.create(share)
        try:
            samples = self._syncs(arm, tree, place, latency, share)
        except (ClientFailedError, OSError) as error:
            self._leave_out(arm, f"{tree.shape.words}, {latency} ms: {error}")
            return None
        finally:
            tree.settle()
            place.delete(share)
        told = "  ".join(f"{sample.scenario} {sample.seconds:.2f} s" for sample in samples)
        print(f"{tree.shape.name:>8} {latency:3} ms {run:6} {NAMES[arm.name]:24} {told}", flush=True)
        return samples

    def _syncs(self, arm: Arm, tree: Tree, place: Place, latency: int, share: str) -> list[Sample]:
        samples = []
        for scenario in scenarios(tree.shape):
            if not (scenario.is_first or arm.sees_changes):
                break
            if scenario.changed and not scenario.is_first:
                if arm.waits:
                    wait_for_next_second()
                tree.change(scenario.changed)
            place.take(share)
            used = arm.sync(Visit(tree, scenario, place, latency, share, self.scratch))
            counted = place.take(share)
            samples.append(
                Sample(
                    tree.shape.name, latency, scenario.name, arm.name,
                    used.seconds, used.cpu, used.memory, counted.requests, counted.cpu,
                )
            )  # fmt: skip
        if arm.fills and (missing := tree.missing_on(place.folder(share))):
            raise ClientFailedError(
                f"{len(missing)} files are not on the share as they are here: {missing[:3]}"
            )
        return samples

    def _leave_out(self, arm: Arm, why: str) -> None:
        self.results.absent[arm.name] = why.splitlines()[0]
        print(f"\nFAILED: {NAMES[arm.name]}, {why}\n", file=sys.stderr, flush=True)
