"""Choices from a seed, and the names that an expression may use where it stands."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
KINDS = ("string", "int", "bool", "array", "object")


class Chance(random.Random):
    """Choices of one document. `faults` is how often an expression is wrong; `kinds` what was made."""

    def __init__(self, seed: str, faults: float = 0.0) -> None:
        super().__init__(seed)
        self.faults = faults
        self.kinds: set[str] = set()

    def one(self, *options: T) -> T:
        """Return one of the options."""
        return self.choice(options)

    def often(self, share: float) -> bool:
        """Return True in that share of the cases."""
        return self.random() < share

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Return up to `most` different options."""
        return self.sample(options, self.randint(0, min(most, len(options))))

    def kind(self, name: str) -> None:
        """Note that the document holds a kind of thing."""
        self.kinds.add(name)


@dataclass(frozen=True)
class Target:
    """A resource that expressions may ask for, and the members that its properties have."""

    symbol: str | None
    type: str
    name: str
    count: int | None = None
    deployment: bool = False
    members: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Names:
    """What can be named where an expression stands.

    The mappings give the kind of each name. `loops` are the copies around, `variables` bound by lambdas are
    in `lambdas`. `runtime` says whether the running cloud may be asked there, `early` that the names are those of a
    variable that holds a template.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    functions: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    lambdas: dict[str, str] = field(default_factory=dict)
    loops: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    runtime: bool = False
    symbolic: bool = False
    early: bool = False

    def at_runtime(self, *, runtime: bool = True) -> Names:
        """Return the names where the running cloud may be asked."""
        return replace(self, runtime=runtime)

    def in_loop(self, name: str) -> Names:
        """Return the names inside a copy."""
        return replace(self, loops=(*self.loops, name))

    def with_lambda(self, name: str, kind: str) -> Names:
        """Return the names inside a lambda."""
        return replace(self, lambdas={**self.lambdas, name: kind})
