"""What is done to each share, one after the other, and the fewest requests that a safe sync needs for it."""

from dataclasses import dataclass

from benchmarks.sync.trees import Shape

LOCKED = 4
"""Reading the manifest, lock, writing the manifest, unlock."""


@dataclass(frozen=True)
class Scenario:
    """A state of the tree before a sync; ``changed`` files differ from what the share has."""

    name: str
    changed: int
    is_first: bool = False

    def floor(self, shape: Shape) -> int:
        """The fewest requests: one for the manifest when nothing changed; else lock, files, manifest, unlock.

        The first sync writes a manifest before all else, so that a killed one is known, and the folders.
        """
        if not self.changed:
            return 1
        first = shape.folders + 1 if self.is_first else 0
        return LOCKED + first + self.changed * shape.pieces


@dataclass(frozen=True)
class Cell:
    """What a row is about; latency in milliseconds a request."""

    shape: Shape
    latency: int
    scenario: Scenario

    @property
    def floor(self) -> int:
        """The fewest requests."""
        return self.scenario.floor(self.shape)


def scenarios(shape: Shape) -> list[Scenario]:
    """In order; a hundredth of four files would be the same as one."""
    steps = [
        Scenario("initial", shape.files, is_first=True),
        Scenario("no change", 0),
        Scenario("one change", 1),
        Scenario("1 % changed", shape.files // 100),
    ]
    return steps if shape.files >= 200 else steps[:3]
