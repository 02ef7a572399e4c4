"""What was measured, kept as JSON so that the page can be drawn again without measuring."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.sync.scenarios import Cell


@dataclass(frozen=True)
class Sample:
    """One sync. Seconds by the clock, of the client's processor, of the server's; memory in bytes."""

    tree: str
    latency: int
    scenario: str
    arm: str
    seconds: float
    cpu: float
    memory: int
    requests: int
    server_cpu: float


@dataclass(frozen=True)
class Row:
    """All syncs of one kind by one arm."""

    samples: tuple[Sample, ...]

    @property
    def arm(self) -> str:
        return self.samples[0].arm

    @property
    def seconds(self) -> float:
        return self.middle(lambda sample: sample.seconds)

    @property
    def fastest(self) -> float:
        return min(sample.seconds for sample in self.samples)

    @property
    def slowest(self) -> float:
        return max(sample.seconds for sample in self.samples)

    def middle(self, value: Callable[[Sample], float]) -> float:
        """The median of a column."""
        return median(map(value, self.samples))


@dataclass
class Results:
    """Everything of some runs on one machine.

    Attributes:
        machine: Facts about it, as label and text.
        absent: Arms that could not take part or failed, with the reason.
    """

    machine: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)

    def row(self, cell: Cell, arm: str) -> Row | None:
        """One row, or None when nothing was measured."""
        wanted = (cell.shape.name, cell.latency, cell.scenario.name, arm)
        found = tuple(s for s in self.samples if (s.tree, s.latency, s.scenario, s.arm) == wanted)
        return Row(found) if found else None

    def without(self, cells: Iterable[tuple[str, int]]) -> "Results":
        """These results less some (tree, latency) cells, which will be measured again."""
        again = set(cells)
        kept = [sample for sample in self.samples if (sample.tree, sample.latency) not in again]
        return Results(self.machine, self.absent, kept)

    def write(self, path: Path) -> None:
        """Write one sample a line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(_rounded(sample), ensure_ascii=False) for sample in self.samples)
        head = json.dumps({"machine": self.machine, "absent": self.absent}, indent=1, ensure_ascii=False)
        path.write_text(f'{head[:-2]},\n "samples": [\n{lines}\n]\n}}\n')


def read(path: Path) -> Results:
    """Read what ``write`` wrote."""
    found = json.loads(path.read_text())
    return Results(found["machine"], found["absent"], [Sample(**sample) for sample in found["samples"]])


def _rounded(sample: Sample) -> dict[str, object]:
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(sample).items()
    }
