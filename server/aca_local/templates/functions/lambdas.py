"""Functions that take functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.functions.collections import key_text
from aca_local.templates.machine import Request, Routine, Special, as_node, wrong_kind
from aca_local.templates.special import given, softly
from aca_local.templates.syntax import Call, Literal, Node
from aca_local.templates.values import Value, type_name

if TYPE_CHECKING:
    from collections.abc import Generator

    from aca_local.templates.environment import Env


class Lambda:
    """A lambda of a call: its parameters, body and the environment around it."""

    __slots__ = ("body", "env", "names")

    def __init__(self, names: tuple[str, ...], body: Node, env: Env) -> None:
        self.names = names
        self.body = body
        self.env = env

    def given(self, *values: Value) -> tuple[Node, Env]:
        """Give the request that evaluates the body with these values; those without a name are left out."""
        return self.body, self.env.with_lambdas(dict(zip(self.names, values, strict=False)))


def run_lambda_variables(call: Call, env: Env) -> Routine:
    """`lambdaVariables(name)`."""
    name = yield from given(call.args[0], env)
    if isinstance(name, Node):
        return Call(call.name, (name,), call.key)
    key = str(name)
    if key not in env.lambdas:
        key = next((known for known in env.lambdas if known.lower() == key.lower()), key)
    if key not in env.lambdas:
        raise fault(f"The template function '{call.name}' is not valid.")
    return env.lambdas[key]


def lambda_of(call: Call, at: int, env: Env, least: int, most: int) -> Lambda:
    """Read the lambda at a place of a call. Raises TemplateError where there is none, or of another arity."""
    node = call.args[at]
    if not isinstance(node, Call) or node.key != "lambda":
        raise fault(f"The template language function '{call.name}' expects a lambda as parameter {at + 1}.")
    *names, body = node.args
    texts = [name.value for name in names if isinstance(name, Literal) and isinstance(name.value, str)]
    if len(texts) < len(names) or not least <= len(names) <= most:
        wanted = str(least) if least == most else f"{least} or {most}"
        raise fault(
            f"The template language function '{call.name}' expects the lambda at index '{at}' to have "
            f"{wanted} "
            f"parameter(s), but {len(names)} were provided."
        )
    return Lambda(tuple(texts), body, env)


def _array(call: Call, env: Env) -> Routine:
    value = yield from given(call.args[0], env)
    if not isinstance(value, (list, Node)):
        raise wrong_kind(call.name, ("Array",), value, 0, alone=False)
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
    *names, body = call.args
    texts = [name.value for name in names if isinstance(name, Literal) and isinstance(name.value, str)]
    inside = env.with_lambdas(
        {name: Call("lambdaVariables", (Literal(name),), "lambdavariables") for name in texts}
    )
    return Call(call.name, (*names, as_node((yield from softly(body, inside)))), call.key)


def run_map(call: Call, env: Env) -> Routine:
    """`map(array, lambda)`."""
    function = lambda_of(call, 1, env, 1, 2)
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    made: list[Value] = []
    assert isinstance(items, list)
    for at, item in enumerate(items):
        made.append((yield function.given(item, at)))
    env.context.budget.weigh(made)
    return made


def run_filter(call: Call, env: Env) -> Routine:
    """`filter(array, lambda)`."""
    function = lambda_of(call, 1, env, 1, 2)
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    made: list[Value] = []
    assert isinstance(items, list)
    for at, item in enumerate(items):
        keep = yield function.given(item, at)
        if isinstance(keep, Node):
            return (yield from _kept(call, env, items))
        if not isinstance(keep, bool):
            raise _answer(call, 1, "Boolean", keep)
        if keep:
            made.append(item)
    env.context.budget.weigh(made)
    return made


def run_reduce(call: Call, env: Env) -> Routine:
    """`reduce(array, start, lambda)`."""
    function = lambda_of(call, 2, env, 2, 3)
    items = yield from _array(call, env)
    value = yield from given(call.args[1], env)
    if isinstance(items, Node) or isinstance(value, Node):
        return (yield from _kept(call, env, items, value))
    start = value
    assert isinstance(items, list)
    for at, item in enumerate(items):
        value = yield function.given(value, item, at)
        if isinstance(value, Node):
            return (yield from _kept(call, env, items, start))
    return value


def run_sort(call: Call, env: Env) -> Routine:
    """`sort(array, lambda)`: a stable merge sort, since the lambda can be asked only one pair at a time."""
    function = lambda_of(call, 1, env, 2, 2)
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
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
    made: list[Value] = []
    left, right = 0, 0
    while left < len(one) and right < len(two):
        sooner = yield function.given(two[right], one[left])
        if isinstance(sooner, Node):
            return sooner
        if not isinstance(sooner, bool):
            raise _answer(call, 1, "Boolean", sooner)
        if sooner:
            made.append(two[right])
            right += 1
        else:
            made.append(one[left])
            left += 1
    return made + one[left:] + two[right:]


def run_to_object(call: Call, env: Env) -> Routine:
    """`toObject(array, key lambda, [value lambda])`."""
    keys = lambda_of(call, 1, env, 1, 1)
    values = lambda_of(call, 2, env, 1, 1) if len(call.args) > 2 else None  # noqa: PLR2004 - the optional third
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    made: dict[str, Value] = {}
    seen: set[str] = set()
    assert isinstance(items, list)
    for item in items:
        key = yield keys.given(item)
        if not isinstance(key, (str, Node)):
            raise _answer(call, 1, "String", key)
        text = key_text(key)
        if text.lower() in seen and not isinstance(key, Node):
            raise fault(
                f"The lambda expression parameter at index '1' of function '{call.name}' returned a "
                "duplicate key "
                f"'{text}'. Object keys must be strings that are case-insensitively unique."
            )
        seen.add(text.lower())
        made[text] = (yield values.given(item)) if values else item
    env.context.budget.weigh(made)
    return made


def run_group_by(call: Call, env: Env) -> Routine:
    """`groupBy(array, key lambda, [value lambda])`: keys meet without regard to case."""
    keys = lambda_of(call, 1, env, 1, 2)
    values = lambda_of(call, 2, env, 1, 2) if len(call.args) > 2 else None  # noqa: PLR2004 - the optional third
    items = yield from _array(call, env)
    if isinstance(items, Node):
        return (yield from _kept(call, env, items))
    made: dict[str, list[Value]] = {}
    names: dict[str, str] = {}
    assert isinstance(items, list)
    for at, item in enumerate(items):
        key = yield keys.given(item, at)
        if isinstance(key, Node):
            return (yield from _kept(call, env, items))
        if not isinstance(key, str):
            raise _answer(call, 1, "String", key)
        name = names.setdefault(key.lower(), key)
        made.setdefault(name, []).append((yield values.given(item, at)) if values else item)
    result: dict[str, Value] = dict(made)
    env.context.budget.weigh(result)
    return result


def run_map_values(call: Call, env: Env) -> Routine:
    """`mapValues(object, lambda)`."""
    function = lambda_of(call, 1, env, 1, 1)
    value = yield from given(call.args[0], env)
    if isinstance(value, Node):
        return (yield from _kept(call, env, value))
    if not isinstance(value, dict):
        raise wrong_kind(call.name, ("Object",), value, 0, alone=False)
    made: dict[str, Value] = {}
    for key in value:
        made[key] = yield function.given(value[key])
    env.context.budget.weigh(made)
    return made


def _answer(call: Call, at: int, kind: str, value: Value) -> TemplateError:
    return fault(
        f"The lambda expression parameter at index '{at}' of function '{call.name}' returned a value of type "
        f"'{type_name(value)}', expected type is '{kind}'."
    )


TABLE = {
    "lambdavariables": Special(run_lambda_variables, 1, 1),
    "map": Special(run_map, 2, 2),
    "filter": Special(run_filter, 2, 2),
    "reduce": Special(run_reduce, 3, 3),
    "sort": Special(run_sort, 2, 2),
    "toobject": Special(run_to_object, 2, 3),
    "groupby": Special(run_group_by, 2, 3),
    "mapvalues": Special(run_map_values, 2, 2),
}
