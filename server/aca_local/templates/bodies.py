"""Evaluates the bodies of resources: once each, and only when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aca_local.templates.compiling import compile_json
from aca_local.templates.errors import AS_IT_IS, AT, TemplateError, fault
from aca_local.templates.resource import RESOURCES, invalid
from aca_local.templates.syntax import Literal, Members, Node
from aca_local.templates.values import MISSING, Value

if TYPE_CHECKING:
    from collections.abc import Generator

    from aca_local.templates.compiling import Where
    from aca_local.templates.machine import Request, Routine
    from aca_local.templates.resource import Declared
    from aca_local.templates.values import JSON

KEPT = {"location", "sku", "kind", "plan", "identity", "tags", "zones", "scale", "properties"}
TEXTS = ("location", "kind", "managedby")
KEPT |= {"managedby", "managedbyextended", "extendedlocation"}


def properties_of(made: Declared) -> Routine:
    """Give what the template says of the properties, or `MISSING` where it says nothing or is just being
    asked."""
    if made.busy or "properties" not in made.json:
        return MISSING
    body = yield from body_of(made)
    assert isinstance(body, dict)
    return body.get("properties", MISSING)


def body_of(made: Declared) -> Routine:
    """Evaluate the members of a resource, once, and note which resources they ask for."""
    if made.body is not None:
        return made.body
    context = made.context
    outside, context.used, made.busy = context.used, made.used, True
    try:
        made.body = yield from _members(made)
    except AS_IT_IS:
        raise
    except TemplateError as error:
        raise invalid(made, error) from error
    finally:
        context.used, made.busy = outside, False
    return made.body


def _members(made: Declared) -> Generator[Request, Value, dict[str, Value]]:
    body: dict[str, Value] = {}
    for key, written_item in made.json.items():
        if key.lower() not in KEPT:
            continue
        runtime = key.lower() not in ("location", "kind")
        node = _member_node(made, key, written_item)
        value = yield node, replace(made.env, runtime=runtime, answered=key.lower() == "properties")
        if key.lower() == "tags" and not isinstance(value, (dict, Node)) and value is not None:
            raise _bad_tags(made, (*made.where, key))
        if value is not None:
            body[key] = str(value) if _scalar(key, node, value) else value
    return body


def _scalar(key: str, node: Node, value: Value) -> bool:
    """Tell whether a number or truth written where text belongs is read as text."""
    return key.lower() in TEXTS and isinstance(node, Literal) and isinstance(value, (bool, int))


def _bad_tags(made: Declared, where: Where) -> TemplateError:
    error = fault(
        f"The template resource '{made.label}'{AT} has invalid Tags property. "
        "The Tags property should be a dictionary or a valid expression.",
        RESOURCES,
    )
    error.path = where
    return error


def _member_node(made: Declared, key: str, item: JSON) -> Node:
    """Compile a member; a deployment's template is left empty here: it is expanded for itself."""
    where = (*made.where, key)
    if not (made.deployment and key.lower() == "properties" and isinstance(item, dict)):
        return made.context.compile(item, loops=isinstance(item, dict), where=where)
    parts = [(name, {} if name.lower() == "template" else part) for name, part in item.items()]
    compiled = [(Literal(name), compile_json(part, loops=True, where=where)) for name, part in parts]
    return Members(tuple(compiled))
