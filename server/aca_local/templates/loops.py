"""Runs `copy`: how often, and each turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.templates.errors import AT, TemplateError, fault
from aca_local.templates.special import LOOPS, given

if TYPE_CHECKING:
    from aca_local.templates.environment import Env
    from aca_local.templates.machine import Routine
    from aca_local.templates.syntax import Loop
    from aca_local.templates.values import Value

MOST = 800


def run_loop(loop: Loop, env: Env) -> Routine:
    """Evaluate a `copy` of a variable, property or output to an array."""
    count = checked((yield from given(loop.count, env)), loop.where)
    made: list[Value] = []
    for at in range(count):
        made.append((yield from given(loop.input, env.with_copy(loop.name, at, own=loop.own))))  # noqa: PERF401 - a comprehension cannot yield
    env.context.budget.weigh(made)
    return made


def checked(count: Value, where: tuple[str | int, ...]) -> int:
    """Check the count of a loop. Raises TemplateError."""
    if type(count) is int and 0 <= count <= MOST:
        return count
    error = fault(
        f"The template 'copy' definition{AT} has an invalid copy count of: '{count}'. "
        f"The copy count must be a non-negative integer value and cannot exceed '{MOST}'.",
        LOOPS,
    )
    error.path = where
    raise error


def nested(where: tuple[str | int, ...]) -> TemplateError:
    """Say that a loop stands inside another of the same resource."""
    error = fault(
        f"The template 'copy' definition{AT} has nested copy arrays. The use of nested copy arrays is not "
        "supported.",
        LOOPS,
    )
    error.path = where
    return error
