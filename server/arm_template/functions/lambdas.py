"""Functions that take functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.errors import TemplateError, fault
from arm_template.evaluator import check_count
from arm_template.messages import ORDINALS, wrong_kind
from arm_template.scope import Request, Routine, Special, value_of
from arm_template.special_forms import softly
from arm_template.syntax import Call, Literal, as_node
from arm_template.values import Node, Value, type_name

if TYPE_CHECKING:
    from collections.abc import Generator

    from arm_template.scope import Env


class Lambda:
    """A lambda of a call: its parameters, body and the environment around it."""

    __slots__ = ("body", "env", "names")

    def __init__(self, names: tuple[str, ...], body: Node, env: Env) -> None:
        self.names = names
        self.body = body
        self.env = env

    def given(self, *values: Value) -> tuple[Node, Env]:
        """Return the request that evaluates the body with these values; those without a name are left out."""
        return self.body, self.env.with_lambdas(dict(zip(self.names, values, strict=False)))


def run_lambda_variables(call: Call, env: Env) -> Routine:
    """`lambdaVariables(name)`."""
    if not env.lambdas:
        raise fault(f"The template function '{call.name}' is not valid.")
    check_count(call, 1, 1)
    name = yield from value_of(call.args[0], env)
    if isinstance(name, Node):
        return Call(call.name, (name,), call.key)
    key = str(name)
    if key not in env.lambdas:
        key = next((known for known in env.lambdas if known.lower() == key.lower()), key)
    if key not in env.lambdas:
        raise fault(f"The template function '{call.name}' is not valid.")
    return env.lambdas[key]


def lambda_of(call: Call, at: int, env: Env, least: int, most: int) -> Generator[Request, Value, Lambda]:
    """Read the lambda at a place of a call; the names of its parameters may be expressions.

    Raises TemplateError where there is none, or of another arity.
    """
    node = call.args[at]
    if not isinstance(node, Call) or node.key != "lambda":
        raise fault(
            f"The template language function '{call.name}' expects its {ORDINALS[at]} parameter to be of type 'lambda'. The provided value is of type 'Token'."
        )
    check_count(node, least + 1, most + 1)
    *names, body = node.args
    texts: list[str] = []
    for place, name in enumerate(names):
        value = yield from value_of(name, env)
        if not isinstance(value, str):
            raise wrong_kind(node.name, ("String",), value, place, alone=False)
        texts.append(value)
    return Lambda(tuple(texts), body, env)


def _array(call: Call, env: Env) -> Routine:
    return (yield from _typed(call, env, "Array"))


def _typed(call: Call, env: Env, kind: str) -> Routine:
    value = yield from value_of(call.args[0], env)
    if not isinstance(value, Node) and type_name(value) != kind:
        raise wrong_kind(call.name, (kind,), value, 0, alone=False)
    return value


def _kept(call: Call, env: Env, *known: Value) -> Routine:
    """Keep a call for run time; in its lambdas all is put in that is known, their own variables left."""
    args: list[Node] = [as_node(value) for value in known]
    for arg in call.args[len(known) :]:
        if isinstance(arg, Call) and arg.key == "lambda":
            args.append((yield from _open_lambda(arg, env)))
        else:
            args.append(as_node((yield from softly(arg, env))))
    return Call(call.name, tuple(args), call.key)


def _open_lambda(call: Call, env: Env) -> Generator[Request, Value, Node]:
    if env.stays_written:
        return call
    *names, body = call.args
    texts = [name.value for name in names if isinstance(name, Literal) and isinstance(name.value, str)]
    inside = env.with_lambdas(
        {name: Call("lambdaVariables", (Literal(name),), "lambdavariables") for name in texts}
    )
    return Call(call.name, (*names, as_node((yield from softly(body, inside)))), call.key)


def run_map(call: Call, env: Env) -> Routine:
    """`map(array, lambda)`."""
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    function = yield from lambda_of(call, 1, env, 1, 2)
    made: list[Value] = []
    assert isinstance(items, list)
    for at, item in enumerate(items):
        made.append((yield function.given(item, at)))
    env.context.budget.weigh(made)
    return made


def run_filter(call: Call, env: Env) -> Routine:
    """`filter(array, lambda)`."""
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    function = yield from lambda_of(call, 1, env, 1, 2)
    made: list[Value] = []
    assert isinstance(items, list)
    for at, item in enumerate(items):
        keep = yield function.given(item, at)
        if isinstance(keep, Node):
            return (yield from _kept(call, env, items))
        if not isinstance(keep, bool):
            raise _answer(call, "Boolean", keep, at)
        if keep:
            made.append(item)
    env.context.budget.weigh(made)
    return made


def run_reduce(call: Call, env: Env) -> Routine:
    """`reduce(array, start, lambda)`."""
    items = yield from _array(call, env)
    value = yield from value_of(call.args[1], env)
    if isinstance(items, Node) or isinstance(value, Node):
        return (yield from _kept(call, env, items, value))
    function = yield from lambda_of(call, 2, env, 2, 3)
    start = value
    assert isinstance(items, list)
    for at, item in enumerate(items):
        value = yield function.given(value, item, at)
        if isinstance(value, Node):
            return (yield from _kept(call, env, items, start))
    return value


def run_sort(call: Call, env: Env) -> Routine:
    """`sort(array, lambda)`: a stable merge sort, since the lambda can be asked only one pair at a time."""
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    function = yield from lambda_of(call, 1, env, 2, 2)
    assert isinstance(items, list)
    runs: list[list[Value]] = [[item] for item in items]
    while len(runs) > 1:
        merged: list[list[Value]] = []
        for at in range(0, len(runs), 2):
            if at + 1 == len(runs):
                merged.append(runs[at])
                continue
            both = yield from _merge(call, function, runs[at], runs[at + 1])
            if isinstance(both, Node):
                return (yield from _kept(call, env, items))
            assert isinstance(both, list)
            merged.append(both)
        runs = merged
    made = runs[0] if runs else []
    env.context.budget.weigh(made)
    return made


def _merge(call: Call, function: Lambda, one: list[Value], two: list[Value]) -> Routine:
    """Merge two sorted runs: what the lambda puts before neither the one nor the other keeps its order."""
    made: list[Value] = []
    left, right = 0, 0
    while left < len(one) and right < len(two):
        stays = yield from _before(call, function, one[left], two[right])
        moves = stays if stays is True else (yield from _before(call, function, two[right], one[left]))
        if isinstance(stays, Node) or isinstance(moves, Node):
            return as_node(moves)
        if stays is not True and moves is True:
            made.append(two[right])
            right += 1
        else:
            made.append(one[left])
            left += 1
    return made + one[left:] + two[right:]


def _before(call: Call, function: Lambda, one: Value, two: Value) -> Routine:
    answer = yield function.given(one, two)
    if not isinstance(answer, (bool, Node)):
        raise _answer(call, "Boolean", answer)
    return answer


def run_to_object(call: Call, env: Env) -> Routine:
    """`toObject(array, key lambda, [value lambda])`."""
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    keys = yield from lambda_of(call, 1, env, 1, 1)
    values = (yield from lambda_of(call, 2, env, 1, 1)) if len(call.args) > 2 else None  # noqa: PLR2004 - the optional third
    made: dict[str, Value] = {}
    seen: set[str] = set()
    assert isinstance(items, list)
    for at, item in enumerate(items):
        key = yield keys.given(item)
        if isinstance(key, Node):
            return (yield from _open_object(items, keys, values))
        if not isinstance(key, str):
            raise _answer(call, "String", key, at)
        if key.lower() in seen:
            raise fault(
                f"The lambda expression parameter at index '1' of function '{call.name}' returned a duplicate key '{key}'. Object keys must be strings that are case-insensitively unique."
            )
        seen.add(key.lower())
        made[key] = (yield values.given(item)) if values else item
    env.context.budget.weigh(made)
    return made


def _open_object(items: list[Value], keys: Lambda, values: Lambda | None) -> Routine:
    """Return the object as a call: one of its keys is known only at run time."""
    parts: list[Node] = []
    for item in items:
        key = yield keys.given(item)
        value = (yield values.given(item)) if values else item
        parts += [as_node(key), as_node(value)]
    return Call("createObject", tuple(parts), "createobject")


def run_group_by(call: Call, env: Env) -> Routine:
    """`groupBy(array, key lambda, [value lambda])`: keys meet without regard to case."""
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    keys = yield from lambda_of(call, 1, env, 1, 1)
    values = (yield from lambda_of(call, 2, env, 1, 1)) if len(call.args) > 2 else None  # noqa: PLR2004 - the optional third
    made: dict[str, list[Value]] = {}
    names: dict[str, str] = {}
    assert isinstance(items, list)
    for at, item in enumerate(items):
        key = yield keys.given(item)
        if isinstance(key, Node):
            return (yield from _kept(call, env, items))
        if not isinstance(key, str):
            raise _answer(call, "String", key, at)
        name = names.setdefault(key.lower(), key)
        made.setdefault(name, []).append((yield values.given(item)) if values else item)
    result: dict[str, Value] = dict(made)
    env.context.budget.weigh(result)
    return result


def run_map_values(call: Call, env: Env) -> Routine:
    """`mapValues(object, lambda)`."""
    value = yield from _typed(call, env, "Object")
    if isinstance(value, Node):
        return (yield from _kept(call, env, value))
    function = yield from lambda_of(call, 1, env, 1, 1)
    assert isinstance(value, dict)
    made: dict[str, Value] = {}
    for key in value:
        made[key] = yield function.given(value[key])
    env.context.budget.weigh(made)
    return made


def _answer(call: Call, kind: str, value: Value, at: int | None = None) -> TemplateError:
    where = "" if at is None else f" on the input element at position {at}"
    return fault(
        f"The lambda expression provided to language function '{call.name}' is expected to return a value of type '{kind}', but evaluation{where} returned a value of type '{type_name(value)}'."
    )


TABLE = {
    "lambdavariables": Special(run_lambda_variables, 0, None),
    "map": Special(run_map, 2, 2),
    "filter": Special(run_filter, 2, 2),
    "reduce": Special(run_reduce, 3, 3),
    "sort": Special(run_sort, 2, 2),
    "toobject": Special(run_to_object, 2, 3),
    "groupby": Special(run_group_by, 2, 3),
    "mapvalues": Special(run_map_values, 2, 2),
}
