"""Evaluates syntax trees with a stack of its own: an author's nesting never becomes Python's.

What needs the values of other nodes is a generator: it yields `(node, env)` and is sent the value. Whatever
only the running cloud can answer is given back as a node with what is known put in, and so are calls that
need such an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.errors import TemplateError, fault
from arm_template.loops import check_first, run_loop
from arm_template.messages import LONGEST, shown, too_few, too_long, wrong_kind
from arm_template.parser import parse
from arm_template.scope import Function, value_of
from arm_template.syntax import (
    Access,
    Call,
    Completed,
    Deployed,
    Elements,
    Literal,
    Loop,
    Members,
    Prepared,
    Unparsable,
    Waiting,
    as_argument,
    as_node,
)
from arm_template.unparser import expression
from arm_template.values import (
    MISSING,
    Known,
    KnownList,
    Node,
    Value,
    get,
    has_open_key,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arm_template.budget import Budget
    from arm_template.scope import Env, Routine

STAYS_OPEN = {"utcnow", "newguid", "unknown", "getkeyvaultsecret"}
ELEMENTS = 16  # of an argument that a function may look at in one step
CHARACTERS = 4096  # the same of a text
FOREIGN = 64  # the same of a text that is not ASCII, whose units are counted


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
    """Return the routine that evaluates a node."""
    if isinstance(node, Call):
        return _call(node, env)
    if isinstance(node, Unparsable):
        parse(node.text)
    return ROUTINES[type(node)](node, env)


def _call(call: Call, env: Env) -> Routine:
    """Return the routine of a call. Raises TemplateError where there is no such function."""
    table, key = env.context.table, call.key
    waits = isinstance(call, (Waiting, Completed) if env.foreign else Waiting)
    if env.second and (waits or (not env.softly and (key in STAYS_OPEN or _has_no_type(call)))):
        return value_of(Literal(call), env)
    spec = (
        table.get(key)
        or env.context.functions.get(key)
        or table.get("list*" if key.startswith("list") else "")
    )
    if isinstance(spec, Function):
        return call_function(spec, call, env)
    if spec is None:
        raise fault(f"The template function '{call.name}' is not valid.")
    check_count(call, spec.least, spec.most, wordy=spec.wordy)
    return spec.run(call, env)


def _has_no_type(call: Call) -> bool:
    """Return True if the type of a resource id is not known: nothing is known of the id then."""
    texts = [arg.value for arg in call.args if isinstance(arg, Literal) and isinstance(arg.value, str)]
    return call.key.endswith("resourceid") and not any("/" in text for text in texts)


def call_function(spec: Function, call: Call, env: Env) -> Routine:
    """Evaluate the arguments, check them, and apply the function."""
    check_count(call, spec.least, spec.most, wordy=spec.wordy)
    args: list[Value] = []
    for arg in call.args:
        args.append(arg.value if isinstance(arg, Literal) else (yield arg, env))
        if spec.eager:
            spec.eager(call.name, args)
    return apply(spec, call, args, env)


def apply(spec: Function, call: Call, args: list[Value], env: Env) -> Value:
    """Apply a function to values, or keep the call where one of them is not known yet."""
    if spec.waits != "never" and any(isinstance(arg, Node) for arg in args):
        check_known(call.name, spec, args)
        return rebuilt(call, spec.whole(env, args) if spec.whole else args)
    env.context.budget.step(_effort(args))
    if spec.kinds:
        check_kinds(call.name, spec, args)
    if spec.by_keys and any(has_open_key(arg) for arg in args):
        return rebuilt(call, args)
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
    """Return the steps that looking at arguments takes beyond the one of the call."""
    steps = 0
    for arg in args:
        if isinstance(arg, (list, dict)):
            steps += len(arg) // ELEMENTS
        elif isinstance(arg, str) and len(arg) > CHARACTERS:
            steps += len(arg) // (CHARACTERS if arg.isascii() else FOREIGN)
    return steps


def rebuilt(call: Call, args: list[Value]) -> Call:
    """Return the call again, with what is known of its arguments."""
    return Call(call.name, tuple(as_node(arg) for arg in args), call.key)


def check_count(call: Call, least: int, most: int | None, *, wordy: bool = False) -> None:
    """Check how many arguments a call has, with the engine's words. Raises TemplateError."""
    count = len(call.args)
    if least <= count and (most is None or count <= most):
        return
    if most == 0:
        raise fault(
            f"The provided parameters for template language function '{call.name}' is not valid. The function does not accept parameters."
        )
    if most is None or (wordy and count < least):
        raise too_few(call.name, least)
    wanted = str(least) if least == most else f"between {least} and {most}"
    raise fault(
        f"Unable to evaluate template language function '{call.name}': function requires {wanted} argument(s) while {count} were provided.",
        f"https://aka.ms/arm-resource-functions/#{call.name}",
    )


def check_last_kind(name: str, args: list[Value], kinds: tuple[str, ...]) -> None:
    """Check the type of the argument that was evaluated last. Raises TemplateError."""
    if not isinstance(args[-1], Node) and type_name(args[-1]) not in kinds:
        raise wrong_kind(name, (", ".join(kinds),), args[-1], len(args) - 1, alone=False)


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


def _access(node: Access, env: Env) -> Routine:
    base = yield node.base, env
    key = node.key.value if isinstance(node.key, Literal) else (yield node.key, env)
    if isinstance(base, Node) or isinstance(key, Node):
        if isinstance(base, Deployed) and isinstance(key, str) and key.lower() == "outputs":
            return base.outputs
        if not isinstance(base, (Node, dict, list)):
            raise TemplateError("The language expression property '[function]' can't be evaluated.")
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
            f"The language expression property '{shown(key)}' can't be evaluated, property name must be a string."
        )
    found = get(base, key)
    if isinstance(base, Known):  # what the template does not say is asked at run time
        node = Access(base.call, Literal(key))
        return node if found is MISSING or found is None else _deeper(found, node)
    if found is MISSING:
        if has_open_key(base):
            return Access(as_argument(base), Literal(key))
        raise TemplateError(
            f"The language expression property '{key}' doesn't exist, available properties are '{', '.join(base)}'."
        )
    return found


def _deeper(found: Value, node: Node) -> Value:
    if isinstance(found, dict):
        return Known(found, node)
    return KnownList(found, node) if isinstance(found, list) else found


def _element(base: list[Value], key: Value) -> Value:
    if type(key) is not int:
        raise TemplateError(
            f"Unable to evaluate named property or non-integer index '{shown(key)}' on an array value."
        )
    if not 0 <= key < len(base):
        raise TemplateError(f"The language expression property array index '{key}' is out of bounds.")
    if not isinstance(base, KnownList):
        return base[key]
    node = Access(base.call, Literal(key))
    return node if base[key] is None else _deeper(base[key], node)


def _prepared(node: Prepared, env: Env) -> Routine:
    yield from check_first(node.first, env)
    return (yield node.body, env)


def _members(node: Members, env: Env) -> Routine:
    made: dict[str, Value] = {}
    names = {str(key.value).lower() for key, _ in node.pairs if isinstance(key, Literal)}
    for key_node, item_node in node.pairs:
        key = key_node.value if isinstance(key_node, Literal) else (yield key_node, env)
        item = item_node.value if isinstance(item_node, Literal) else (yield item_node, env)
        name = property_name(key)
        if not isinstance(key_node, Literal):
            if name.lower() in names:
                raise repeated_name(name)
            names.add(name.lower())
        made[name] = item
    env.context.budget.weigh(made)
    return made


def property_name(key: Value) -> str:
    """Return the name of a property that an expression made. Raises TemplateError."""
    if isinstance(key, str):
        return key
    if isinstance(key, Node):
        return expression(key)
    raise TemplateError(
        f"Unable to evaluate language expression '{shown(key)}' as JSON property name: the expression value of type '{type_name(key)}' could not be used as property name. "
    )


def repeated_name(name: str) -> TemplateError:
    """Return the error that says that an expression makes the name of a property that is there already."""
    return TemplateError(
        f"Unable to evaluate language expression '[function]' as JSON property name: the property with name '{name}' already exists."
    )


def _elements(node: Elements, env: Env) -> Routine:
    made: list[Value] = []
    for item_node in node.items:
        made.append(item_node.value if isinstance(item_node, Literal) else (yield item_node, env))  # noqa: PERF401 - a comprehension cannot yield
    env.context.budget.weigh(made)
    return made


ROUTINES: Mapping[type[Node], Callable[..., Routine]] = {
    Access: _access,
    Members: _members,
    Elements: _elements,
    Loop: run_loop,
    Prepared: _prepared,
}
