"""Functions that decide themselves what is evaluated:

choices, names of the template, loops and the running cloud.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.errors import (
    DefinitionError,
    NoSuchLoop,
    NotFound,
    NotYet,
    OverBudget,
    TemplateError,
    Unsupported,
    fault,
    see,
)
from arm_template.messages import LOOPS, no_loop, wrong_kind
from arm_template.scope import UNSET, Request, Routine, Slot, Special, value_of
from arm_template.syntax import Call, Literal, as_node
from arm_template.values import Node, Value, get, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from arm_template.scope import Env


def run_if(call: Call, env: Env) -> Routine:
    """`if(condition, then, else)`: only the branch that is chosen is evaluated."""
    condition = yield from value_of(call.args[0], env)
    if isinstance(condition, Node):
        return (yield from kept(call, [condition], env))
    if not isinstance(condition, bool):
        raise fault(
            f"The template language function '{call.name}' expects its first parameter to be of type 'boolean'. The provided value is of type '{type_name(condition)}'.",
            "https://aka.ms/arm-function-if",
        )
    return (yield from value_of(call.args[1 if condition else 2], env))


def run_and(call: Call, env: Env) -> Routine:
    """`and(…)`: true when all are; what follows the first false is not evaluated."""
    return (yield from _until(call, env, stop=False))


def run_or(call: Call, env: Env) -> Routine:
    """`or(…)`: true when one is; what follows the first true is not evaluated."""
    return (yield from _until(call, env, stop=True))


def _until(call: Call, env: Env, *, stop: bool) -> Routine:
    known: list[Value] = []
    for arg in call.args:
        value = yield from value_of(arg, env)
        known.append(value)
        if isinstance(value, Node):
            return (yield from kept(call, known, env))
        if not isinstance(value, bool):
            raise fault(
                f"The provided arguments for template language function '{call.name}' is not valid: all arguments should be of type 'boolean'.",
                f"https://aka.ms/arm-functions#{call.name}",
            )
        if value is stop:
            return stop
    return not stop


def run_coalesce(call: Call, env: Env) -> Routine:
    """`coalesce(…)`: the first that is not null; what follows is not evaluated."""
    known: list[Value] = []
    for arg in call.args:
        value = yield from value_of(arg, env)
        known.append(value)
        if isinstance(value, Node):
            return (yield from kept(call, known, env))
        if value is not None:
            return value
    return None


def softly(node: Node, env: Env) -> Routine:
    """Evaluate a branch of which nobody knows yet whether it is needed: where it fails, it stays as it is."""
    if isinstance(node, Literal) or env.stays_written:
        return node
    chain = env.context.chain
    depth = len(chain)
    try:
        return as_node((yield node, replace(env, softly=True)))
    except (OverBudget, NotYet):
        raise
    except TemplateError:
        del chain[depth:]  # what failed in here is no longer being evaluated
        return node


def kept(call: Call, known: list[Value], env: Env) -> Routine:
    """Keep a call for run time: what is known, and the rest of its arguments softly evaluated."""
    args = [as_node(value) for value in known]
    for arg in call.args[len(known) :]:
        node = yield from softly(arg, env)
        args.append(as_node(node))
    return Call(call.name, tuple(args), call.key)


def run_parameters(call: Call, env: Env) -> Routine:
    """`parameters(name)`: of the template, or of the user-defined function around."""
    name = yield from _name(call, env)
    if isinstance(name, Node):
        return Call(call.name, (name,), call.key)
    if env.arguments is not None:
        found = get(env.arguments, name)
        if isinstance(found, Node) and name.lower() not in map(str.lower, env.arguments):
            page = see("https://aka.ms/arm-syntax-functions")
            raise NotFound(
                f"The parameter '{name}' is not found in template function '{env.callers[-1]}'. {page}"
            )
        return found
    slot = env.context.parameters.get(name.lower())
    if slot is None:
        page = see("https://aka.ms/arm-syntax-parameters")
        raise NotFound(f"The template parameter '{name}' is not found. {page}")
    return (yield from slot_value(slot, env, "Parameter", name))


def run_variables(call: Call, env: Env) -> Routine:
    """`variables(name)`."""
    name = yield from _name(call, env)
    if isinstance(name, Node):
        return Call(call.name, (name,), call.key)
    slot = env.context.variables.get(name.lower())
    if slot is None:
        page = see("https://aka.ms/arm-syntax-variables")
        raise NotFound(f"The template variable '{name}' is not found. {page}")
    return (yield from slot_value(slot, env, "Variable", name))


def _name(call: Call, env: Env) -> Generator[Request, Value, str | Node]:
    if len(call.args) != 1:
        raise fault(f"The template language function '{call.name}' must have only one parameter.")
    name = yield from value_of(call.args[0], env)
    if env.context.any_open([name]):
        return as_node(name)
    if not isinstance(name, str):
        raise wrong_kind(call.name, ("String",), name, 0, alone=True)
    return name


def slot_value(slot: Slot, env: Env, kind: str, called: str) -> Routine:
    """Return the value of a parameter or variable, evaluating it when it is asked for the first time.

    Errors name it as who asks writes it.
    """
    if slot.value is not UNSET:
        return slot.value
    chain = env.context.chain
    here = f"{called} ({kind})"
    check_cycle(here, chain)
    chain.append(here)
    assert slot.env is not None
    value = yield slot.node, slot.env
    slot.value = _as_asked(slot, value, called) if slot.check else value
    chain.pop()
    return slot.value


def _as_asked(slot: Slot, value: Value, called: str) -> Value:
    """Check a parameter's value; an error names the parameter as who asks writes it."""
    assert slot.check is not None
    try:
        return slot.check(value)
    except TemplateError as error:
        subject = "template parameter '{}"
        error.message = error.message.replace(subject.format(slot.name), subject.format(called), 1)
        raise


def check_cycle(here: str, chain: list[str]) -> None:
    """Refuse a definition that needs itself. Raises TemplateError."""
    if chain and chain[-1] == here:
        name = here.rpartition(" ")[0]
        raise DefinitionError(
            f"The '{name}' symbol references itself in its own definition, which is not allowed."
        )
    if here in chain:
        raise _cycle([*chain[chain.index(here) :], here])
    if here.lower() in map(str.lower, chain):
        raise _cycle([here])


def _cycle(names: list[str]) -> TemplateError:
    kinds = {name.rpartition(" ")[2] for name in names}
    shown = [name.rpartition(" ")[0] for name in names] if len(kinds) == 1 else names
    first = names[0].rpartition(" ")[0]
    return DefinitionError(f"The '{first}' symbol's definition cycles back to itself ({' -> '.join(shown)}).")


def run_copy_index(call: Call, env: Env) -> Routine:
    """`copyIndex([name], [offset])`: the turn of a loop."""
    if not env.copies:
        raise no_loop() if env.loops else fault(f"The template function '{call.name}' is not valid.")
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from value_of(arg, env)))  # noqa: PERF401 - a comprehension cannot yield
    name, offset = _copy_arguments(call.name, args)
    key = name.lower() if name is not None else env.copy
    if key is None or key not in env.copies:
        raise NoSuchLoop(
            f"The template language function '{call.name}' has an invalid argument. The provided copy name '{name or ''}' doesn't exist in the resource. {see(LOOPS)}"
        )
    return env.copies[key] + offset


def _copy_arguments(name: str, args: list[Value]) -> tuple[str | None, int]:
    """Read name and offset. Raises TemplateError."""
    start = f"Unable to evaluate template language function '{name}': the"
    if len(args) > 2:  # noqa: PLR2004 - name and offset
        raise fault(
            f"{start} function accepts maximum two arguments while '{len(args)}' were provided.", LOOPS
        )
    if len(args) == 1 and isinstance(args[0], str):
        return args[0], 0
    first = args[0] if len(args) > 1 else None
    offset = args[-1] if args else 0
    if type(offset) is not int or not (len(args) < 2 or isinstance(first, str)):  # noqa: PLR2004 - name and offset
        kinds = [type_name(arg) for arg in args]
        if len(args) == 1:
            raise fault(
                f"{start} function argument must be an integer or string value while '{kinds[0]}' was provided.",
                LOOPS,
            )
        raise fault(
            f"{start} first parameter should be a string and the second one should be an integer. '{kinds[0]}' and '{kinds[1]}' were provided instead.",
            LOOPS,
        )
    if offset < 0:
        raise fault(
            f"The template language function '{name}' has an invalid argument. The offset must be a postive integer value or zero.",
            LOOPS,
        )
    return first if isinstance(first, str) else None, offset


def _as_called(check: Callable[[Value], Value] | None, value: Value, full_name: str, call: Call) -> Value:
    """Check a value; an error names the function as the call writes it, not as it is declared."""
    try:
        return check(value) if check else value
    except Unsupported:
        raise
    except TemplateError as error:
        words = error.message.replace(f"'{full_name}'", f"'{call.name}'")
        raise DefinitionError(words) from error


def user_function(
    full_name: str, parameters: list[Slot], output: Node, check: Callable[[Value], Value]
) -> Special:
    """Make a function of a template callable.

    The checks of `parameters` see the arguments, `check` the answer.
    """

    def run(call: Call, env: Env) -> Routine:
        here, chain = f"{full_name} (UserDefinedFunction)", env.context.chain
        check_cycle(here, chain)
        chain.append(here)
        bindings: dict[str, Value] = {}
        values: list[Value] = []
        for arg in call.args:
            values.append((yield from value_of(arg, env)))  # noqa: PERF401 - a comprehension cannot yield
        if len(values) != len(parameters):
            raise fault(
                f"The template language function '{call.name}' expects exactly '{len(parameters)}' parameters."
            )
        for slot, value in zip(parameters, values, strict=True):
            bindings[slot.name] = _as_called(slot.check, value, full_name, call)
        inside = replace(env, arguments=bindings, lambdas={}, copies={}, callers=(*env.callers, full_name))
        result = yield output, inside
        chain.pop()
        return _as_called(check, result, full_name, call)

    return Special(run, 0, None)


TABLE = {
    "if": Special(run_if, 3, 3),
    "and": Special(run_and, 2, None),
    "or": Special(run_or, 2, None),
    "coalesce": Special(run_coalesce, 0, None),
    "parameters": Special(run_parameters, 0, None),
    "variables": Special(run_variables, 0, None),
    "copyindex": Special(run_copy_index, 0, None),
}
