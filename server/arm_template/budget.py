"""Bounds what one evaluation may cost, however the template is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arm_template.errors import OverBudget

if TYPE_CHECKING:
    from arm_template.values import Value

STEPS = 1_000_000
SIZE = 16_000_000
DEEPEST = 100
ELEMENT = 4  # characters


@dataclass(slots=True)
class Budget:
    """What is left: `steps` of evaluation, and `size` of the values made, in characters.

    Every value made by a function is weighed as if written out, so that one value used twice counts twice: a
    template of a few lines can otherwise describe more text than there is memory. An element weighs as much
    as some characters, since it takes as much memory. Nesting is bounded as well
    (Azure's own reader stops at 64), so that code that walks values may call itself.
    """

    steps: int = STEPS
    size: int = SIZE
    _known: dict[int, tuple[Value, int, int]] = field(default_factory=dict)

    def step(self, count: int = 1) -> None:
        """Take steps of evaluation. Raises OverBudget when there are none left."""
        self.steps -= count
        if self.steps < 0:
            raise over("steps of evaluation")

    def charge(self, size: int) -> None:
        """Take size before it is made. Raises OverBudget when there is none left."""
        self.size -= size
        if self.size < 0:
            raise over("size of its values")

    def weigh(self, value: Value) -> None:
        """Take the size of a value that a function made. Raises OverBudget."""
        if isinstance(value, str):
            self.charge(len(value))
        elif isinstance(value, (list, dict)):
            self.charge(self._measure(value)[0])

    def _measure(self, value: list[Value] | dict[str, Value], level: int = 0) -> tuple[int, int]:
        """Return the weight and depth of a container, remembering those of the containers in it."""
        known = self._known.get(id(value))
        if known is not None:
            return known[1], known[2]
        weight, depth = ELEMENT * len(value) + 1, 1
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, str):
                weight += len(item)
            elif isinstance(item, (list, dict)):
                if level > DEEPEST:
                    raise over("depth of its values")
                below = self._measure(item, level + 1)
                weight += below[0]
                depth = max(depth, below[1] + 1)
        if depth > DEEPEST:
            raise over("depth of its values")
        if weight > SIZE:
            raise over("size of its values")
        self._known[id(value)] = (value, weight, depth)
        return weight, depth


def over(what: str) -> OverBudget:
    """Return the error that says what there is too much of."""
    return OverBudget(f"The template cannot be evaluated: the {what} exceeds the limit of this evaluator.")
