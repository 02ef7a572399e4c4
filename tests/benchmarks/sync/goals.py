"""The goals, as ratios to the fastest peer of the same row, and what holds a row back."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.sync.results import Results, Row
from benchmarks.sync.scenarios import Cell

PEERS = ("azcopy", "rclone", "sdk")
MANY = "rclone256"
"""rclone with more at once than the issue sets: shown beside the goals, which are not held against it."""
NAMES = {
    "ours": "aitk-inference sync",
    "warm": "in the running server",
    "azcopy": "AzCopy sync",
    "rclone": "rclone sync",
    MANY: "rclone, 256 at once",
    "sdk": "SDK upload_file",
    "ceiling": "the bare server",
}
_NEAR = 1.25
_BUSY = 0.75
_FEW = 10
"""So few requests depend on each other."""


@dataclass(frozen=True)
class Verdict:
    """How one of our arms did in a row.

    Attributes:
        ratio: How many times as fast as the fastest peer.
        goal: What it should be; None where none was set.
    """

    arm: str
    seconds: float
    peer: str
    peer_seconds: float
    goal: float | None

    @property
    def ratio(self) -> float:
        return self.peer_seconds / self.seconds

    @property
    def is_met(self) -> bool | None:
        return None if self.goal is None else self.ratio >= self.goal


def goal(arm: str, cell: Cell) -> float | None:
    """The ratio to reach, as the issue sets it; None where it sets none."""
    shape, scenario = cell.shape, cell.scenario
    small_step = scenario.name in ("no change", "one change")
    if arm == "warm":
        return 5.0 if small_step and not shape.is_large else None
    if shape.is_large or small_step:
        return 1.0
    if scenario.is_first:
        return 1.5 if cell.latency == 0 else 3.0
    return None


def rows(results: Results, cell: Cell, arms: Iterable[str]) -> list[Row]:
    """The measured rows of some arms."""
    return [row for row in (results.row(cell, arm) for arm in arms) if row is not None]


def verdict(results: Results, cell: Cell, arm: str) -> Verdict | None:
    """Hold one of our arms against the fastest peer; None when either is missing."""
    peers, mine = rows(results, cell, PEERS), results.row(cell, arm)
    if mine is None or not peers:
        return None
    best = min(peers, key=lambda row: row.seconds)
    return Verdict(arm, mine.seconds, best.arm, best.seconds, goal(arm, cell))


def limit(mine: Row, warm: Row | None, ceiling: Row | None) -> str:
    """Say in a few words what takes the time of one of our rows.

    Args:
        mine: The row.
        warm: The same in a warm process, when ``mine`` is a whole process; the rest is what a start costs.
        ceiling: The same requests by the bare load generator.
    """
    start = max(0.0, mine.seconds - warm.seconds) if warm else 0.0
    work = mine.seconds - start
    server = mine.middle(lambda sample: sample.server_cpu)
    own = mine.middle(lambda sample: sample.cpu)
    requests, latency = mine.middle(lambda sample: sample.requests), mine.samples[0].latency
    if requests <= _FEW and requests * latency / 1000 > mine.seconds / 2:
        return f"{requests:.0f} requests, one after the other, of {latency} ms each"
    if start > mine.seconds / 2:
        return f"the start: {start:.2f} s more than in the running server"
    if ceiling is not None and work < _NEAR * ceiling.seconds:
        return f"the server: the bare load takes {ceiling.seconds:.2f} s"
    if server > _BUSY * mine.seconds:
        return f"the server's one core: {server:.2f} s busy"
    if own > _BUSY * mine.seconds:
        return f"the client's processor time: {own:.2f} s"
    return f"waiting: client busy {own:.2f} s, server {server:.2f} s"
