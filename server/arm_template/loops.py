"""Runs `copy`: how often, and each turn."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.compiling import escaped, text_node
from arm_template.errors import AS_IT_IS, AT, FirstLook, NoSuchLoop, NotYet, RepeatedKey, TemplateError, see
from arm_template.messages import LOOPS, nested_loop, no_loop, shown
from arm_template.scope import value_of
from arm_template.syntax import Access, Loop, Repeated, call
from arm_template.values import Node

if TYPE_CHECKING:
    from arm_template.scope import Env, Routine
    from arm_template.values import Value
from arm_template.unparser import expression

MOST = 800


def run_loop(loop: Loop, env: Env) -> Routine:
    """Evaluate a `copy` of a variable, property or output to an array."""
    count = yield from value_of(loop.count, replace(env, runtime=False, loops=False))
    if isinstance(count, Node) and env.context.preview:
        return env.context.left_open(call("unknown"))
    name = yield from value_of(text_node(loop.name), env)
    made: list[Value] = []
    turns = loop_count(count, loop.where)
    if turns:
        yield from check_first(loop.first, env.with_copy(str(name), 0, own=loop.own), loop)
    for at in range(turns):
        turn = yield from value_of(loop.input, env.with_copy(str(name), at, own=loop.own))
        if loop.nested:
            raise nested_loop((*loop.where, "input"))
        made.append(turn)
    env.context.budget.weigh(made)
    return made


def check_first(items: tuple[Node, ...], env: Env, around: Loop | None = None) -> Routine:
    """Evaluate what the engine looks at before the rest of a value: loops and copyIndex(), as they stand.

    Raises TemplateError, also where a loop stands in the one `around`.
    """
    for item in items:
        if isinstance(item, Repeated):
            raise RepeatedKey(f"An item with the same key has already been added. Key: {item.name}")
        if isinstance(item, Loop):
            yield from _check_loop(item, env)
            if around is not None:
                raise nested_loop((*around.where, "input"))
        elif env.copies:
            yield from _check_turn(item, env)
        elif env.loops:
            raise no_loop()
    return None


def _check_turn(item: Node, env: Env) -> Routine:
    """Look at copyIndex(), and at what is taken from it: a number has no members, also where there is no such loop."""
    try:
        if not isinstance(item, Access):
            return (yield item, env)
        with suppress(NoSuchLoop):
            yield item.base, env
        key = yield from value_of(item.key, env)
    except AS_IT_IS:
        raise
    except TemplateError as error:
        raise FirstLook(error.message) from error
    raise FirstLook(f"The language expression property '{shown(key)}' can't be evaluated.")


def _check_loop(loop: Loop, env: Env) -> Routine:
    depth = len(env.context.chain)
    try:
        count = yield loop.count, replace(env, runtime=False)
        name = yield from value_of(text_node(loop.name), env)
    except TemplateError as error:
        error.count_depth = depth
        raise
    if isinstance(count, Node) and env.context.preview:
        return None
    if loop_count(count, loop.where):
        yield from check_first(loop.first, env.with_copy(str(name), 0, own=loop.own), loop)
    return None


def loop_count(count: Value, where: tuple[str | int, ...]) -> int:
    """Check the count of a loop. Raises TemplateError, or NotYet where it is known only at run time."""
    if type(count) is int and 0 <= count <= MOST:
        return count
    shown = escaped(count) if isinstance(count, str) else count if type(count) is int else expression(count)
    message = f"The template 'copy' definition{AT} has an invalid copy count of: '{shown}'. The copy count must be a non-negative integer value and cannot exceed '{MOST}'. {see(LOOPS)}"
    kind = (
        TemplateError if type(count) is int else NotYet
    )  # the engine takes whatever is no number for a question
    raise kind(message, path=where)
