"""Reads the resources of a template: their loops, conditions, names and ids, before any body is evaluated."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from arm_template.errors import AS_IT_IS, AT, TemplateError, fault
from arm_template.evaluator import evaluate
from arm_template.loops import loop_count
from arm_template.messages import LOOPS, wrong_result
from arm_template.plan import CopyInfo
from arm_template.resource import RESOURCES, Declaration, Declared, evaluated, invalid
from arm_template.resource_bodies import properties_of
from arm_template.resource_identity import identify, read_dependencies, read_version
from arm_template.scope import Context, Env, Head
from arm_template.syntax import Call, Literal, as_node, call
from arm_template.unparser import text, written
from arm_template.values import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from arm_template.errors import Where
    from arm_template.values import JSON, Value

STEPS = 50  # that a resource takes for itself
NAMES = """
    type name apiVersion location sku kind plan identity tags zones scale properties managedBy
    managedByExtended extendedLocation condition copy dependsOn scope comments metadata resources asserts
    id resourceGroup subscriptionId import extension symbolicName existing
"""
CANONICAL = {name.lower(): name for name in NAMES.split()}


def read_resources(
    context: Context, base: str, section: JSON, where: Where, owner: Declared | None = None
) -> Iterator[Declared]:
    """Read the resources of a template, in order, each loop turned out. Raises TemplateError.

    `owner` is the deployment around, where the expressions of its template are those outside it.
    """
    pairs: Iterable[tuple[str | int, JSON]] = section.items() if isinstance(section, dict) else ()
    _check_loop_names(context, pairs, where)
    for key, item in enumerate(section) if isinstance(section, list) else pairs:
        if isinstance(item, dict):
            symbol = key if isinstance(key, str) else None
            yield from _turns(
                replace(declared_at(context, canonical(item), (*where, key), symbol, base), owner=owner)
            )


def declared_at(context: Context, item: Declaration, where: Where, symbol: str | None, base: str) -> Declared:
    """Return a resource of a template, of which nothing is read yet."""
    kind = str(item.get("type") or "")
    return Declared(context, item, where, Env(context, loops=True), symbol, kind, base=base)


def _check_loop_names(context: Context, symbolic: Iterable[tuple[str | int, JSON]], where: Where) -> None:
    """Check that each loop of resources with symbolic names has a name of its own. Raises TemplateError."""
    seen: set[str] = set()
    for key, item in symbolic:
        copy = canonical(item).get("copy") if isinstance(item, dict) else None
        if not isinstance(copy, dict):
            continue
        name = str(written(evaluate(context.compile(copy.get("name")), Env(context))) or "")
        if name.lower() in seen:
            raise TemplateError(
                f"The resource copy with name '{name}'{AT} has already been defined. Duplicate resource copy names are not allowed in templates using symbolic names.",
                path=(*where, key, "copy"),
            )
        seen.add(name.lower())


def _turns(whole: Declared) -> Iterator[Declared]:
    """Read a resource, or each turn of its loop, and the resources inside."""
    copy = whole.json.get("copy")
    if not isinstance(copy, dict):
        yield from _with_children(_read(whole))
        return
    outside = replace(whole, env=replace(whole.env, loops=False))
    name = loop_name(outside, copy)
    serial, batch = _mode(outside, copy), _batch(outside, copy)
    count = turns(outside, copy)
    if count == 0:
        whole.context.empty_loops |= {name.lower(), (whole.symbol or name).lower()}
    for at in range(count):
        yield from _with_children(_read(turn(whole, CopyInfo(name, at, count, serial, batch))))


def is_existing(item: Declaration) -> bool:
    """Return True if a resource is only read; a text or a number may say so in a template that stands for itself."""
    stated = item.get("existing")
    return stated.strip().lower() == "true" if isinstance(stated, str) else stated not in (None, False, 0)


def loop_name(outside: Declared, copy: Declaration) -> str:
    """Return the name of a resource's loop. Raises TemplateError."""
    return str(written(evaluated(copy.get("name"), outside)) or "")


def turns(outside: Declared, copy: Declaration) -> int:
    """Return how many turns a resource's loop has. Raises TemplateError."""
    return loop_count(evaluated(copy.get("count"), outside), (*outside.where, "copy"))


def turn(whole: Declared, info: CopyInfo) -> Declared:
    """Return one turn of a resource's loop, of which nothing is read yet."""
    env = whole.env.with_copy(info.name, info.index)
    return replace(whole, env=replace(env, of_resource=len(env.copies)), copy=info, parents=[], used={})


def canonical(item: Declaration) -> Declaration:
    """Return a resource its members by the names that the engine knows, whatever their case."""
    if all(CANONICAL.get(key.lower()) == key for key in item):
        return item
    return {CANONICAL.get(key.lower(), key): value for key, value in item.items()}


def _mode(whole: Declared, copy: Declaration) -> bool:
    mode = str(written(evaluated(copy.get("mode"), whole)) or "parallel")
    problem = ""
    if mode.lower() not in ("parallel", "serial"):
        problem = f"an invalid copy mode '{mode}'. The supported values are 'Parallel,Serial'."
    elif mode.lower() == "parallel" and copy.get("batchSize") is not None:
        problem = "an unexpected copy batch size value. The copy batch size is only supported for copy mode values: 'Serial'."
    if problem:
        error = fault(f"The template resource '{whole.label}'{AT} has {problem}", LOOPS)
        error.path = whole.where
        raise error
    return mode.lower() == "serial"


def _batch(whole: Declared, copy: Declaration) -> int:
    """Read how many turns of a serial loop go at a time. Raises TemplateError."""
    batch = evaluated(copy.get("batchSize", 1), whole)
    if type(batch) is not int:
        if batch is None or isinstance(batch, Node):
            return 1
        raise invalid(whole, wrong_result(batch, "Integer"))
    if batch < 0:
        error = fault(
            f"The template 'copy' definition{AT} has an invalid copy batch size. The copy batch size must be a non-negative integer value.",
            LOOPS,
        )
        error.path = (*whole.where, "copy")
        raise error
    return max(batch, 1)


def _with_children(parent: Declared) -> Iterator[Declared]:
    """Return a resource and those written inside it, which have its loop but not its condition."""
    yield parent
    children = parent.json.get("resources")
    for at, item in enumerate(children) if isinstance(children, list) else ():
        if isinstance(item, dict):
            if parent.needed and parent.failed is not None:
                raise parent.failed
            yield from _with_children(_child(canonical(item), parent, (*parent.where, "resources", at)))


def _child(item: Declaration, parent: Declared, where: Where) -> Declared:
    """Read a resource inside another: it has only its own part of type and name, or the whole of both."""
    kind = str(item.get("type") or "")
    made = replace(
        parent,
        json=item,
        where=where,
        type=kind,
        symbol=None,
        own=(kind, item.get("name")),
        used={},
        body=None,
        needed=False,
        failed=None,
    )
    made.parents = [parent, *parent.parents]
    _weigh(made)
    _try(partial(_join_to_parent, parent), made)
    return made if made.failed is not None else _name(made)


def _join_to_parent(parent: Declared, made: Declared) -> None:
    """Put type and name of a resource inside another together. Raises TemplateError."""
    kind, own = made.type, evaluated(made.json.get("name"), made)
    segments = kind.count("/") + 1
    if isinstance(own, str) and own:
        made.own = (kind, own)
        count = len([part for part in own.split("/") if part])
        if count == segments - 1:
            return
        if count != segments and made.certainly_wanted:
            raise _misnamed(made, parent, own, count, segments)
    if (isinstance(own, str) and own) or (isinstance(own, Node) and "." not in kind.partition("/")[0]):
        made.json = {**made.json, "type": f"{parent.type}/{kind}", "name": _below(parent.name, own)}
        made.type = f"{parent.type}/{kind}"


def _below(parent: Value, own: Value) -> str:
    """Return the whole name of a child, or the expression of it."""
    if isinstance(parent, str) and isinstance(own, str):
        name = f"{parent}/{own}"
        return f"[{name}" if name.startswith("[") and name.endswith("]") else name
    whole = Call("concat", (as_node(parent), Literal("/"), as_node(own)), "concat")
    return f"[{text(whole)}]"


def _misnamed(made: Declared, parent: Declared, name: str, count: int, wanted: int) -> TemplateError:
    error = fault(
        f"The template resource '{name}' of type '{made.type}'{AT} with parent resource '{parent.label}' has an invalid name. The name '{name}' contains '{count}' name segment(s) separated by '/', but '{wanted}' segment(s) were expected.",
        RESOURCES,
    )
    error.path = made.where
    return error


def _read(made: Declared) -> Declared:
    """Find whether a resource is wanted, and what it is called. Raises TemplateError."""
    made.existing = is_existing(made.json)
    _weigh(made)
    return _name(made)


def _name(made: Declared) -> Declared:
    """Find what a resource is called. Raises TemplateError."""
    made.context.budget.step(STEPS)
    _try(identify, made)
    if made.failed is None:
        read_dependencies(made)
        _try(read_version, made)
    return made


def _weigh(made: Declared) -> None:
    """Find whether a resource is wanted, for itself or for one inside it. Raises TemplateError."""
    stated = made.json.get("condition", True)
    own = _condition(made, stated)
    made.certain = isinstance(own, bool) or made.json.get("condition") is None
    made.condition = _conditions(made.context.condition, True if stated is None else own, made)
    if not made.certainly_wanted:
        made.needed = _holds_wanted(made, made.json.get("resources"))


def _condition(made: Declared, stated: JSON) -> Value:
    """Evaluate a condition; an error names the resource around all others. Raises TemplateError."""
    if made.copy:
        return evaluate(made.context.compile(stated), made.env)
    return evaluated(stated, made.parents[-1] if made.parents else made)


def _holds_wanted(made: Declared, children: JSON) -> bool:
    """Return True if one of the resources inside another is certainly wanted: it is evaluated for that one, too.

    Raises TemplateError.
    """
    for item in children if isinstance(children, list) else ():
        inside = canonical(item) if isinstance(item, dict) else {"condition": False}
        stated = inside.get("condition")
        if stated is None or _condition(made, stated) is True:
            return True
        if _holds_wanted(made, inside.get("resources")):
            return True
    return False


def _try(step: Callable[[Declared], None], made: Declared) -> None:
    """Take a step, and keep what is wrong until it is known whether the resource is needed."""
    try:
        step(made)
    except AS_IT_IS:
        raise
    except TemplateError as error:
        made.failed = error


def _conditions(outer: Value, own: Value, made: Declared) -> Value:
    """Join the condition of the deployment around, where it is not known yet, with the resource's own."""
    wrong = made.context.conditional and not isinstance(own, (bool, Node))
    if not wrong and (isinstance(outer, bool) or own is False):
        return own
    if made.json.get("condition") is None:
        return outer
    if not isinstance(outer, Node):
        made.failed = fault(
            "The provided arguments for template language function 'and' is not valid: all arguments should be of type 'boolean'.",
            "https://aka.ms/arm-functions#and",
        )
        return own
    return call("and", outer, as_node(own))


def head_of(made: Declared) -> Head:
    """Return what expressions may know of a resource."""
    answered = made.wanted and not made.existing and not isinstance(made.condition, Node)
    properties = partial(properties_of, made) if answered else None
    return Head(made.id, made.name, made.type, made.api_version, made.wanted, properties, made.failed)


def index(context: Context, found: list[Declared]) -> None:
    """Let expressions find the resources: by symbol, by id, and where that is plain by name."""
    for made in found:
        head = head_of(made)
        if isinstance(made.id, str) and made.id:
            known = context.heads.get(made.id.lower())
            if known is None or not known.condition:
                context.heads[made.id.lower()] = head
        if made.symbol is not None:
            _symbol(context, made, head)
        elif isinstance(made.name, str) and (made.name.lower() not in context.heads):
            context.heads[made.name.lower()] = head


def _symbol(context: Context, made: Declared, head: Head) -> None:
    key = str(made.symbol).lower()
    if made.copy is None:
        context.symbols[key] = head
        return
    known = context.symbols.setdefault(key, [])
    assert isinstance(known, list)
    known.append(head)
