"""Reads the resources of a template: their loops, conditions, names and ids, before any body is evaluated."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aca_local.templates.bodies import properties_of
from aca_local.templates.compiling import Where, text_node
from aca_local.templates.environment import Context, Env, Head
from aca_local.templates.errors import AT, NotYet, OverBudget, TemplateError, fault
from aca_local.templates.identity import identify
from aca_local.templates.loops import checked
from aca_local.templates.machine import as_node
from aca_local.templates.model import CopyInfo
from aca_local.templates.resource import Declaration, Declared, evaluated, member_of
from aca_local.templates.special import LOOPS
from aca_local.templates.syntax import Call, Literal, Node, call
from aca_local.templates.writing import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aca_local.templates.values import JSON, Value

NAMES = """
    type name apiVersion location sku kind plan identity tags zones scale properties managedBy
    managedByExtended extendedLocation condition copy dependsOn scope comments metadata resources asserts
    id resourceGroup subscriptionId import extension symbolicName existing
"""
CANONICAL = {name.lower(): name for name in NAMES.split()}


def read_resources(context: Context, base: str, section: JSON, where: Where) -> list[Declared]:
    """Read the resources of a template, in order, each loop turned out. Raises TemplateError."""
    found: list[Declared] = []
    pairs: Iterable[tuple[str | int, JSON]] = section.items() if isinstance(section, dict) else ()
    for key, item in enumerate(section) if isinstance(section, list) else pairs:
        if isinstance(item, dict):
            symbol = key if isinstance(key, str) else None
            found.extend(_turns(context, base, item, (*where, key), symbol))
    return found


def _turns(
    context: Context, base: str, item: Declaration, where: Where, symbol: str | None
) -> Iterator[Declared]:
    item = _canonical(item)
    env = Env(context, loops=True)
    copy = member_of(item, "copy")
    kind = str(member_of(item, "type") or "")
    if not isinstance(copy, dict):
        yield from _with_children(_one(context, base, item, where, env, symbol, kind), base)
        return
    name = str(copy.get("name") or "")
    serial = _mode(item, copy, where)
    loop = Declared(context, item, where, env, symbol, kind)
    count = checked(evaluated(context.compile(copy.get("count")), loop), (*where, "copy"))
    batch = copy.get("batchSize")
    if count == 0:
        context.empty_loops |= {name.lower(), (symbol or name).lower()}
    for at in range(count):
        turn = _one(context, base, item, where, env.with_copy(name, at), symbol, kind)
        turn.copy = CopyInfo(name, at, count, serial, batch if type(batch) is int and batch > 0 else 1)
        yield from _with_children(turn, base)


def _canonical(item: Declaration) -> Declaration:
    """Give a resource its members by the names that the engine knows, whatever their case."""
    if all(CANONICAL.get(key.lower()) == key for key in item):
        return item
    return {CANONICAL.get(key.lower(), key): value for key, value in item.items()}


def _mode(item: Declaration, copy: Declaration, where: Where) -> bool:
    mode = str(copy.get("mode") or "parallel")
    if mode.lower() not in ("parallel", "serial"):
        error = fault(
            f"The template resource '{item.get('name')}'{AT} has an invalid copy mode '{mode}'. "
            "The supported values are 'Parallel,Serial'.",
            LOOPS,
        )
        error.path = where
        raise error
    return mode.lower() == "serial"


def _with_children(parent: Declared, base: str) -> Iterator[Declared]:
    yield parent
    children = member_of(parent.json, "resources")
    if not isinstance(children, list) or not parent.wanted:
        return
    for at, item in enumerate(children):
        if isinstance(item, dict):
            for child in _turns(
                parent.context, base, _full(item, parent), (*parent.where, "resources", at), None
            ):
                child.parents = [parent, *child.parents]
                yield child


def _full(item: Declaration, parent: Declared) -> Declaration:
    """Give a child resource the whole type and name, where it has only its own part of them."""
    kind, name = str(item.get("type") or ""), item.get("name")
    if "." in kind.partition("/")[0]:
        return item
    made = dict(item)
    made["type"] = f"{parent.type}/{kind}"
    own = text_node(str(name))
    whole = Call("concat", (as_node(parent.name), Literal("/"), own), "concat")
    made["name"] = (
        f"{parent.name}/{name}"
        if isinstance(own, Literal) and isinstance(parent.name, str)
        else f"[{text(whole)}]"
    )
    return made


def _one(  # noqa: PLR0917 - what is known of a resource before it is read
    context: Context, base: str, item: Declaration, where: Where, env: Env, symbol: str | None, kind: str
) -> Declared:
    made = Declared(context, item, where, env, symbol, kind, base=base)
    made.existing = member_of(item, "existing") is True
    made.condition = _conditions(context.condition, _own_condition(made))
    try:
        identify(made)
    except (OverBudget, NotYet):
        raise
    except TemplateError:
        if made.wanted:
            raise
    return made


def _own_condition(made: Declared) -> Value:
    found = evaluated(made.context.compile(made.json.get("condition", True)), made)
    return True if found is None else found


def _conditions(outer: Value, own: Value) -> Value:
    """Join the condition of the deployment around, where it is not known yet, with the resource's own."""
    if not isinstance(outer, Node) or own is False:
        return own
    return call("and", outer, as_node(own))


def head_of(made: Declared) -> Head:
    """Give what expressions may know of a resource."""
    answered = made.wanted and not made.existing
    properties = partial(properties_of, made) if answered else None
    return Head(made.id, made.name, made.type, made.api_version or None, made.wanted, properties)


def index(context: Context, found: list[Declared]) -> None:
    """Let expressions find the resources: by symbol, by id, and where that is plain by name."""
    for made in found:
        head = head_of(made)
        if isinstance(made.id, str):
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
