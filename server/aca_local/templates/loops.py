"""Runs `copy`: how often, and each turn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aca_local.templates.compiling import nested_loop, text_node
from aca_local.templates.errors import AT, NotYet, TemplateError, see
from aca_local.templates.special import LOOPS, given
from aca_local.templates.syntax import Loop, Node, call

if TYPE_CHECKING:
    from aca_local.templates.environment import Env
    from aca_local.templates.machine import Routine
    from aca_local.templates.values import Value
from aca_local.templates.writing import expression

MOST = 800


def run_loop(loop: Loop, env: Env) -> Routine:
    """Evaluate a `copy` of a variable, property or output to an array."""
    count = yield from given(loop.count, replace(env, runtime=False, loops=False))
    if isinstance(count, Node) and env.context.preview:
        return env.context.left_open(call("unknown"))
    name = yield from given(text_node(loop.name), env)
    made: list[Value] = []
    for at in range(checked(count, loop.where)):
        turn = yield from given(loop.input, env.with_copy(str(name), at, own=loop.own))
        if loop.nested:
            raise nested_loop((*loop.where, "input"))
        made.append(turn)
    env.context.budget.weigh(made)
    return made


def checked(count: Value, where: tuple[str | int, ...]) -> int:
    """Check the count of a loop. Raises TemplateError, or NotYet where it is known only at run time."""
    if type(count) is int and 0 <= count <= MOST:
        return count
    shown = count if isinstance(count, str) else count if type(count) is int else expression(count)
    message = (
        f"The template 'copy' definition{AT} has an invalid copy count of: '{shown}'. "
        f"The copy count must be a non-negative integer value and cannot exceed '{MOST}'. {see(LOOPS)}"
    )
    kind = NotYet if isinstance(count, Node) else TemplateError
    raise kind(message, path=where)
