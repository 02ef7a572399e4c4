"""The page: goals and whether they are met, then every number."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.sync.goals import MANY, NAMES, PEERS, Verdict, limit, rows, verdict
from benchmarks.sync.results import Results, Row
from benchmarks.sync.scenarios import Cell, Scenario, scenarios
from benchmarks.sync.trees import SHAPES, Shape

INTRO = """# How fast is the sync?

Made by `make bench-sync`; do not edit. One server (aca-local's Files service, a process of its own), the same
files, the same run: each tool syncs a fresh share through all steps, then the next tool does; that is
repeated with another one first. What is on the share afterwards is compared with the folder, byte for byte.

![Seconds of each tool, by tree and latency](images/sync-benchmark.svg)

## Goals

As ratios to the fastest peer of each row (higher is better), medians of all runs.

"""
LEGEND = """
- **aitk-inference sync**: the whole process, from starting Python to its end.
- **in the running server**: the same engine, called in a process that is warm, as the language server does.
- **AzCopy sync**: it chooses its own concurrency; its log is off. It waits in steps of 2 s.
- **rclone sync**: `--inplace --transfers 32 --checkers 32`. With latency, 256 at once suit it better: those
  have rows of their own, beside the goals.
- **SDK upload_file**: Microsoft's Python SDK, asynchronous, 128 files at a time. It knows no changes: it
  would send everything again, so it takes part in the first sync only.
- **the bare server**: the fewest requests that a safe sync needs, signed beforehand and sent by a bare load
  generator. It is what this server can take.
- Latency is added to each request by the server. Requests are counted there. Processor time is the client's,
  with its children; memory is the highest of its largest process.
"""
MIB = 1 << 20
GOALS_HEAD = (
    "| latency | sync | fastest peer | aitk-inference sync | in the running server "
    "| beside rclone, 256 at once | requests | limits |\n"
    "| --- | --- | --- | --- | --- | --- | ---: | --- |\n"
)
NUMBERS_HEAD = (
    "| sync | with | seconds (min–max) | runs | requests | processor s | memory MiB | server's s |\n"
    "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n"
)


def write(results: Results, folder: Path) -> Path:
    """Write the page into a folder, and return where."""
    path = folder / "sync-benchmark.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(results))
    return path


def page(results: Results) -> str:
    """The page, as Markdown."""
    parts = [INTRO, _score(results), *_goal_tables(results), LEGEND, "\n## On what\n\n", *_facts(results)]
    return "".join([*parts, "\n## All numbers\n", *_all_tables(results)])


def cells(results: Results) -> list[tuple[Shape, int]]:
    """The trees and latencies that were measured, in the order of their definition."""
    measured = {(sample.tree, sample.latency) for sample in results.samples}
    latencies = sorted({latency for _, latency in measured})
    return [(shape, ms) for shape in SHAPES.values() for ms in latencies if (shape.name, ms) in measured]


def _score(results: Results) -> str:
    found = [
        verdict(results, Cell(shape, latency, scenario), arm)
        for shape, latency in cells(results)
        for scenario in scenarios(shape)
        for arm in ("ours", "warm")
    ]
    with_goal = [one for one in found if one is not None and one.goal is not None]
    met = sum(one.is_met is True for one in with_goal)
    score = f"**{met} of {len(with_goal)} goals are met.** A missed one says so; the last column says why.\n"
    missing = [f"\n**Not measured: {NAMES[arm]}.** {why}\n" for arm, why in results.absent.items()]
    return "".join([score, *missing])


def _goal_tables(results: Results) -> Iterator[str]:
    measured = cells(results)
    for shape in dict.fromkeys(shape for shape, _ in measured):
        yield f"\n### {shape.words}\n\n{GOALS_HEAD}"
        for latency in (latency for one, latency in measured if one == shape):
            for scenario in scenarios(shape):
                yield _goal_row(results, Cell(shape, latency, scenario))


def _goal_row(results: Results, cell: Cell) -> str:
    ours, warm = (verdict(results, cell, arm) for arm in ("ours", "warm"))
    either = ours or warm
    if either is None:
        return ""
    columns = [
        f"{cell.latency} ms",
        cell.scenario.name,
        f"{NAMES[either.peer]} {either.peer_seconds:.3f} s",
        _standing(ours),
        _standing(warm),
        _beside(results, cell),
        _requests(results, cell),
        _limits(results, cell, ours, warm),
    ]
    return f"| {' | '.join(columns)} |\n"


def _standing(found: Verdict | None) -> str:
    if found is None:
        return "–"
    goal = "" if found.goal is None else f", goal {found.goal:g}×: {'met' if found.is_met else '**missed**'}"
    near = found.is_met is False and round(found.ratio, 1) == found.goal
    return f"{found.seconds:.3f} s, **{found.ratio:.{2 if near else 1}f}×**{goal}"


def _beside(results: Results, cell: Cell) -> str:
    """How the whole process does beside rclone with more at once than the goals are held against."""
    ours, many = results.row(cell, "ours"), results.row(cell, MANY)
    return f"{many.seconds:.3f} s, {many.seconds / ours.seconds:.1f}×" if ours and many else "–"


def _requests(results: Results, cell: Cell) -> str:
    found = rows(results, cell, ("ours", "warm"))
    count = found[0].middle(lambda sample: sample.requests)
    return f"{count:,.0f} (floor {cell.floor:,})"


def _limits(results: Results, cell: Cell, ours: Verdict | None, warm: Verdict | None) -> str:
    """What holds the whole process back; of the running server only where it misses its goal."""
    of = {arm: results.row(cell, arm) for arm in ("ours", "warm", "ceiling")}
    said = []
    if of["ours"] is not None and ours is not None:
        said.append(limit(of["ours"], of["warm"], of["ceiling"]))
    if of["warm"] is not None and warm is not None and warm.is_met is False:
        said.append(f"in the running server {limit(of['warm'], None, of['ceiling'])}")
    return "; ".join(said)


def _facts(results: Results) -> Iterator[str]:
    yield from (f"- {label}: {text}\n" for label, text in results.machine.items())


def _all_tables(results: Results) -> Iterator[str]:
    for shape, latency in cells(results):
        yield f"\n### {shape.words}, {latency} ms a request\n\n{NUMBERS_HEAD}"
        for scenario in scenarios(shape):
            found = rows(results, Cell(shape, latency, scenario), NAMES)
            best = min((row.seconds for row in found if row.arm in PEERS), default=0.0)
            yield from (_number_row(scenario, row, is_best=row.seconds == best) for row in found)
            if not scenario.is_first and results.row(Cell(shape, latency, scenarios(shape)[0]), "sdk"):
                yield f"| {scenario.name} | {NAMES['sdk']} | – (would send everything again) | | | | | |\n"


def _number_row(scenario: Scenario, row: Row, *, is_best: bool) -> str:
    seconds = f"**{row.seconds:.3f}**" if is_best else f"{row.seconds:.3f}"
    columns = [
        scenario.name,
        NAMES[row.arm],
        f"{seconds} ({row.fastest:.3f}–{row.slowest:.3f})",
        str(len(row.samples)),
        f"{row.middle(lambda sample: sample.requests):,.0f}",
        f"{row.middle(lambda sample: sample.cpu):.2f}",
        f"{row.middle(lambda sample: sample.memory) / MIB:,.0f}",
        f"{row.middle(lambda sample: sample.server_cpu):.2f}",
    ]
    return f"| {' | '.join(columns)} |\n"
