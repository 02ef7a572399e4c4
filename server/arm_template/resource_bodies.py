"""Evaluates the bodies of resources, in two passes.

The first leaves every question to the running cloud open. The second answers those about resources of the
template from what the first found out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.deployments import deployment_properties, written_template
from arm_template.errors import AS_IT_IS, AT, OverBudget, TemplateError, fault
from arm_template.evaluator import drive, evaluate, property_name
from arm_template.resource import RESOURCES, TemplateScope, as_written, invalid
from arm_template.syntax import Call, Literal, Prepared, as_json_node, as_node, parts_of
from arm_template.values import MISSING, Node, Value, find_key, is_open, taken

if TYPE_CHECKING:
    from arm_template.errors import Where
    from arm_template.resource import Declared
    from arm_template.scope import Env
    from arm_template.values import JSON

ORDER = [
    "location",
    "extendedlocation",
    "tags",
    "sku",
    "kind",
    "zones",
    "identity",
    "plan",
    "properties",
    "managedby",
    "managedbyextended",
    "scale",
]
ASKS = {"reference", "references"}
COMPLETED = ("zones", "properties")  # members that a preview looks at twice
ASKING = ("tags", "sku", "properties")  # members that may ask the running cloud
TEXTS = ("location", "kind", "managedby")


def properties_of(made: Declared) -> Value:
    """Return what the template says of the properties, or `MISSING` where it says nothing or is not there yet."""
    if not made.completed or made.body is None:
        return MISSING
    if made.deployment and str(made.id).lower() not in made.context.outputs:
        return MISSING
    properties = made.body.get("properties", MISSING)
    own = written_template(made) if made.template_scope is TemplateScope.INNER else None
    if own is None or not isinstance(properties, dict):
        return properties
    return {name: taken(own) if name.lower() == "template" else item for name, item in properties.items()}


def evaluate_body(made: Declared) -> None:
    """Evaluate the members of a resource, and note which resources they ask for: the first pass.

    Raises TemplateError.
    """
    context = made.context
    outside, context.used = context.used, made.used
    evaluate_member = (
        _evaluate_softly if made.uncertain or not (made.wanted or made.needed) else _evaluate_member
    )
    try:
        made.body = {}
        for name in ORDER:
            key = find_key(made.json, name)
            if key is not None:
                evaluate_member(made, made.body, key)
    except AS_IT_IS:
        raise
    except TemplateError as error:
        raise invalid(made, error) from error
    finally:
        context.used = outside


def _evaluate_softly(made: Declared, body: dict[str, Value], key: str) -> None:
    """Evaluate a member of a resource that may not be wanted; one that fails stays as it is written, as a whole."""
    try:
        _evaluate_member(made, body, key)
    except OverBudget:
        raise
    except TemplateError:
        made.context.chain.clear()
        made.context.opened = True
        body[key] = as_written(made.json[key])
        made.unevaluated |= {key}


def _evaluate_member(made: Declared, body: dict[str, Value], key: str) -> None:
    name, item, where = key.lower(), made.json[key], (*made.where, key)
    env = _env_of(made, name)
    if made.deployment and name == "properties":
        value = drive(deployment_properties(made, item, env), made.context.budget)
    else:
        value = evaluate(made.context.compile(item, loops=True, where=where), env)
    if name == "tags" and not made.context.preview and not isinstance(value, (dict, Node, type(None))):
        raise _bad_tags(made, where)
    if name in TEXTS and not isinstance(item, str) and isinstance(value, (bool, int)):
        value = str(value)  # a number or truth written where text belongs is read as text
    if value is not None:
        body[key] = value


def _env_of(made: Declared, name: str) -> Env:
    """Return where the expressions of a member stand; zones may ask for zones alone."""
    return replace(made.env, runtime=name in ASKING, zoned=name == "zones")


def asked_for(made: Declared) -> list[str]:
    """Return the ids of the resources whose answers the second pass may put into a body."""
    context, found = made.context, list[str]()
    if not context.preview:
        return list(made.used)
    properties = (made.body or {}).get("properties")
    if made.deployment and isinstance(properties, dict):  # what its template asks for is not asked for here
        properties = {name: item for name, item in properties.items() if name.lower() != "template"}
    pending: list[Node] = [as_node(properties)]
    while pending:
        node = pending.pop()
        if isinstance(node, Call) and node.args and (node.key in ASKS or node.key.startswith("list")):
            found += _targets(made, node)
        pending.extend(reversed([node.body] if isinstance(node, Prepared) else parts_of(node)))
    return found


def _targets(made: Declared, call: Call) -> list[str]:
    """Return the ids of what a call asks for, as far as they are known."""
    target = call.args[0]
    name = target.value if isinstance(target, Literal) else None
    found = made.context.find(name) if isinstance(name, str) else None
    heads = found if isinstance(found, list) else [found] if found else []
    return [head.id for head in heads if isinstance(head.id, str)]


def complete_body(made: Declared) -> None:
    """Ask again for what the first pass left open, now that the resources before it are known.

    A preview answers in the properties and zones alone, as the engine does. Raises TemplateError.
    """
    body = made.body = made.body or {}
    waiting = [key for key in COMPLETED if key in made.unevaluated]
    if waiting:
        made.env = replace(made.env, copies={}, copy=None, of_resource=0, loops=False)
    for key in waiting:
        if made.deployment and key == "properties":
            _evaluate_member(made, body, key)
        else:
            body[key] = _completed_in_turn(made.json[key], replace(made.env, runtime=True))
    for key in body:
        if key in COMPLETED or not made.context.preview:
            env = _env_of(made, key.lower())
            body[key] = (
                _completed_deployment(made, body[key], env) if made.deployment else completed(body[key], env)
            )
    made.completed = True


def _completed_deployment(made: Declared, value: Value, env: Env) -> Value:
    """Complete a member of a deployment, in a preview the properties, whose template is foreign."""
    if not made.context.preview or not isinstance(value, dict):
        return completed(value, env)
    inside = replace(env, foreign=True)
    return {
        name: completed(item, inside if name.lower() == "template" else env) for name, item in value.items()
    }


def completed(value: Value, env: Env) -> Value:
    """Return a value in which the second pass has answered what it can. Raises TemplateError."""
    return (
        evaluate(as_json_node(value), replace(env, second=True))
        if env.context.opened and is_open(value)
        else value
    )


def _completed_in_turn(item: JSON, env: Env) -> Value:
    """Evaluate JSON of which nothing was evaluated before: each part with its answers before the next.

    Questions about the template are answered where they stand, so that of two errors the first in order is told.
    """
    if isinstance(item, dict):
        return {
            property_name(_completed_in_turn(key, env)): _completed_in_turn(part, env)
            for key, part in item.items()
        }
    if isinstance(item, list):
        return [_completed_in_turn(part, env) for part in item]
    return evaluate(env.context.compile(item), replace(env, second=True, softly=True))


def _bad_tags(made: Declared, where: Where) -> TemplateError:
    error = fault(
        f"The template resource '{made.symbol or made.json.get('name')}'{AT} has invalid Tags property. The Tags property should be a dictionary or a valid expression.",
        RESOURCES,
    )
    error.path = where
    return error
