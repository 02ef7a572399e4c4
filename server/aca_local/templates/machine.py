"""Evaluates syntax trees with a stack of its own: an author's nesting never becomes Python's.

What needs the values of other nodes is a generator: it yields `(node, env)` and is sent the value. Whatever
only the running cloud can answer is given back as a node with what is known put in, and so are calls that
need such an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from typing import Literal as Literal_

from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.syntax import Access, Call, Elements, Literal, Loop, Members, Node
from aca_local.templates.values import MISSING, Known, KnownList, Value, get, type_name

if TYPE_CHECKING:
    from aca_local.templates.budget import Budget
    from aca_local.templates.environment import Env

Request: TypeAlias = "tuple[Node, Env]"
Routine: TypeAlias = Generator[Request, Value, Value]
Waits: TypeAlias = Literal_["never", "shallow", "deep"]
LONGEST = 131072  # characters of a text that an expression makes
ELEMENTS = 16  # of an argument that a function may look at in one step
CHARACTERS = 4096  # the same of a text
FOREIGN = 64  # the same of a text that is not ASCII, whose units are counted
ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True, slots=True)
class Function:
    """A function that wants the values of its arguments.

    `apply` gets them; `least` and `most` say how many (None: any number), `kinds` which types each may have,
    in the engine's words (None: any; arguments past the end are as the last). With `scoped`, `apply` gets the
    environment first. With `wordy`, too few arguments are told as "at least". `waits` tells when the call
    must wait for run time: when an argument is not known ("shallow"), or something inside one is not either
    ("deep"). With `late`, no type is checked before all is known.
    """

    apply: Callable[..., Value]
    least: int
    most: int | None
    kinds: tuple[tuple[str, ...] | None, ...] = ()
    scoped: bool = False
    wordy: bool = False
    waits: Waits = "deep"
    late: bool = False


@dataclass(frozen=True, slots=True)
class Special:
    """A function that decides which of its arguments are evaluated, and in which environment."""

    run: Callable[[Call, Env], Routine]
    least: int
    most: int | None
    wordy: bool = False


class Deployed(Call):
    """A reference to a nested deployment whose outputs are known already."""

    __slots__ = ("outputs",)

    def __init__(self, name: str, args: tuple[Node, ...], key: str, outputs: Value) -> None:
        super().__init__(name, args, key)
        self.outputs = outputs


Table: TypeAlias = Mapping[str, "Function | Special"]


def evaluate(node: Node, env: Env) -> Value:
    """Evaluate a tree to a value, in which nodes stand for what is not known yet. Raises TemplateError."""
    if isinstance(node, Literal):
        return node.value
    return drive(start(node, env), env.context.budget)


def drive(routine: Routine, budget: Budget) -> Value:
    """Run a routine to its end, and all that it asks for. Raises TemplateError."""
    stack: list[Routine] = [routine]
    value: Value = None
    failed: TemplateError | None = None
    while stack:
        try:
            wanted, where = stack[-1].throw(failed) if failed else stack[-1].send(value)
            failed = None
        except StopIteration as done:
            stack.pop()
            value, failed = done.value, None
            continue
        except TemplateError as error:
            stack.pop()
            failed = error
            continue
        try:
            budget.step()
            if isinstance(wanted, Literal):
                value = wanted.value
                continue
            stack.append(start(wanted, where))
        except TemplateError as error:
            failed = error
        value = None
    if failed:
        raise failed
    return value


def start(node: Node, env: Env) -> Routine:
    """Give the routine that evaluates a node."""
    if isinstance(node, Call):
        return env.context.begin(node, env)
    if isinstance(node, Access):
        return _access(node, env)
    if isinstance(node, Members):
        return _members(node, env)
    if isinstance(node, Elements):
        return _elements(node, env)
    if isinstance(node, Loop):
        return env.context.loop(node, env)
    raise TypeError(f"not a node that can be evaluated: {type(node).__name__}")


def call_function(spec: Function, call: Call, env: Env) -> Routine:
    """Evaluate the arguments, check them, and apply the function."""
    check_count(call, spec.least, spec.most, wordy=spec.wordy)
    args: list[Value] = []
    for arg in call.args:
        args.append(arg.value if isinstance(arg, Literal) else (yield arg, env))  # noqa: PERF401 - a comprehension cannot yield
    return apply(spec, call, args, env)


def apply(spec: Function, call: Call, args: list[Value], env: Env) -> Value:
    """Apply a function to values, or keep the call where one of them is not known yet."""
    if spec.waits != "never" and any(isinstance(arg, Node) for arg in args):
        check_known(call.name, spec, args)
        return rebuilt(call, args)
    env.context.budget.step(_effort(args))
    if spec.kinds:
        check_kinds(call.name, spec, args)
    if spec.waits == "deep" and env.context.any_open(args):
        return rebuilt(call, args)
    value: Value = spec.apply(env, *args) if spec.scoped else spec.apply(*args)
    if value is MISSING:
        return rebuilt(call, args)
    if isinstance(value, str) and len(value) > LONGEST:
        raise too_long()
    env.context.budget.weigh(value)
    return value


def _effort(args: list[Value]) -> int:
    """Give the steps that looking at arguments takes beyond the one of the call."""
    steps = 0
    for arg in args:
        if isinstance(arg, (list, dict)):
            steps += len(arg) // ELEMENTS
        elif isinstance(arg, str) and len(arg) > CHARACTERS:
            steps += len(arg) // (CHARACTERS if arg.isascii() else FOREIGN)
    return steps


def too_long() -> TemplateError:
    """Say that an expression makes a text that is too long."""
    return TemplateError(
        f"The result of the template language expression exceeds the maximum length limit of {LONGEST} "
        "characters."
    )


def rebuilt(call: Call, args: list[Value]) -> Call:
    """Give the call again, with what is known of its arguments."""
    return Call(call.name, tuple(as_node(arg) for arg in args), call.key)


def as_node(value: Value) -> Node:
    """Give the node that stands for a value."""
    return value if isinstance(value, Node) else Literal(value)


def check_count(call: Call, least: int, most: int | None, *, wordy: bool = False) -> None:
    """Check how many arguments a call has, with the engine's words. Raises TemplateError."""
    count = len(call.args)
    if least <= count and (most is None or count <= most):
        return
    if most == 0:
        raise fault(
            f"The provided parameters for template language function '{call.name}' is not valid. "
            "The function does not accept parameters."
        )
    if most is None or (wordy and count < least):
        raise fault(f"Unable to evaluate template language function '{call.name}'. {_at_least(least)}")
    wanted = str(least) if least == most else f"between {least} and {most}"
    raise fault(
        f"Unable to evaluate template language function '{call.name}': function requires {wanted} "
        "argument(s) "
        f"while {count} were provided.",
        f"https://aka.ms/arm-resource-functions/#{call.name}",
    )


def _at_least(least: int) -> str:
    if least > 2:  # noqa: PLR2004 - the engine spells one and two
        return f"At least {least} parameters should be provided."
    return f"At least {'one' if least == 1 else 'two'} parameter should be provided."


def check_kinds(name: str, spec: Function, args: list[Value]) -> None:
    """Check the types of arguments, with the engine's words. Raises TemplateError."""
    for at, arg in enumerate(args):
        kinds = spec.kinds[min(at, len(spec.kinds) - 1)]
        if kinds is None or isinstance(arg, Node) or type_name(arg) in kinds:
            continue
        raise wrong_kind(name, kinds, arg, at, alone=spec.most == 1)


def check_known(name: str, spec: Function, args: list[Value]) -> None:
    """Check the types of what is known already:

    all of it, or in a fixed list up to the first that is not known.
    """
    if not spec.kinds or spec.late:
        return
    if spec.least == spec.most:
        first = next(at for at, arg in enumerate(args) if isinstance(arg, Node))
        check_kinds(name, spec, args[:first])
    else:
        check_kinds(name, spec, args)


def wrong_kind(name: str, kinds: tuple[str, ...], arg: Value, at: int, *, alone: bool) -> TemplateError:
    """Say that an argument has not the type that the function wants."""
    place = "" if alone and len(kinds) == 1 else ORDINALS[at] + " " if at < len(ORDINALS) else f"{at + 1}th "
    wanted = (
        f"of type '{kinds[0]}'" if len(kinds) == 1 else f"one of the following types '{', '.join(kinds)}'"
    )
    return fault(
        f"The template language function '{name}' expects its {place}parameter to be {wanted}. "
        f"The provided value is of type '{type_name(arg)}'."
    )


def _access(node: Access, env: Env) -> Routine:
    base = yield node.base, env
    key = node.key.value if isinstance(node.key, Literal) else (yield node.key, env)
    if isinstance(base, Node) or isinstance(key, Node):
        if isinstance(base, Deployed) and isinstance(key, str) and key.lower() == "outputs":
            return base.outputs
        return Access(as_node(base), as_node(key))
    return member(base, key)


def member(base: Value, key: Value) -> Value:
    """Take a property or an element. Raises TemplateError."""
    if isinstance(base, dict):
        return _property(base, key)
    if isinstance(base, list):
        return _element(base, key)
    raise TemplateError(f"The language expression property '{shown(key)}' can't be evaluated.")


def _property(base: dict[str, Value], key: Value) -> Value:
    if not isinstance(key, str):
        raise TemplateError(
            f"The language expression property '{shown(key)}' can't be evaluated, property name must be a "
            "string."
        )
    found = get(base, key)
    if isinstance(base, Known):
        return _known(base, key, found)
    if found is MISSING:
        raise TemplateError(
            f"The language expression property '{key}' doesn't exist, "
            f"available properties are '{', '.join(base)}'."
        )
    return found


def _known(base: Known, key: str, found: Value) -> Value:
    """Answer from what the template says; ask at run time for what it does not say."""
    node = Access(base.call, Literal(key))
    if found is MISSING:
        return node
    return _deeper(found, node) if base.deep else found


def _deeper(found: Value, node: Node) -> Value:
    if isinstance(found, dict):
        return Known(found, node, deep=True)
    return KnownList(found, node) if isinstance(found, list) else found


def _element(base: list[Value], key: Value) -> Value:
    if type(key) is not int:
        raise TemplateError(
            f"Unable to evaluate named property or non-integer index '{shown(key)}' on an array value."
        )
    if isinstance(base, KnownList):
        node = Access(base.call, Literal(key))
        return _deeper(base[key], node) if 0 <= key < len(base) else node
    if not 0 <= key < len(base):
        raise TemplateError(f"The language expression property array index '{key}' is out of bounds.")
    return base[key]


def wrong_result(value: Value, wanted: str) -> TemplateError:
    """Say that an expression gives a value of another type than its place wants."""
    return TemplateError(
        f"Evaluation result of language expression '{shown(value)}' is type '{type_name(value)}', "
        f"expected type is '{wanted}'."
    )


def shown(key: Value) -> str:
    """Write a property name or index as the engine's messages do."""
    if key is None:
        return "null"
    if isinstance(key, (dict, list)):
        return "[object]" if isinstance(key, dict) else "[array]"
    return f"{key:g}" if isinstance(key, float) else str(key)


def _members(node: Members, env: Env) -> Routine:
    made: dict[str, Value] = {}
    for key_node, item_node in node.pairs:
        key = key_node.value if isinstance(key_node, Literal) else (yield key_node, env)
        item = item_node.value if isinstance(item_node, Literal) else (yield item_node, env)
        made[env.context.key_text(key)] = item
    env.context.budget.weigh(made)
    return made


def _elements(node: Elements, env: Env) -> Routine:
    made: list[Value] = []
    for item_node in node.items:
        made.append(item_node.value if isinstance(item_node, Literal) else (yield item_node, env))  # noqa: PERF401 - a comprehension cannot yield
    env.context.budget.weigh(made)
    return made
