"""Evaluates the outputs of a template, in the same two passes as its resources."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.binding import mapping, objects
from arm_template.compiling import loop_node
from arm_template.errors import OverBudget, TemplateError
from arm_template.evaluator import evaluate
from arm_template.plan import Output
from arm_template.resource import as_written
from arm_template.resource_bodies import completed
from arm_template.schema_types import Checker
from arm_template.scope import Context, Env
from arm_template.syntax import Literal, as_node
from arm_template.unparser import expression, text, written
from arm_template.values import Node, Value, is_open, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template.errors import Where
    from arm_template.values import JSON

TYPES = ("String", "SecureString", "Int", "Bool", "Object", "SecureObject", "Array")
CANONICAL = {name.lower(): name for name in TYPES}  # as the outputs of a deployment name their types


def evaluate_outputs(context: Context, template: Mapping[str, JSON], where: Where) -> dict[str, Value]:
    """Evaluate and check the outputs that are wanted: the first pass. Raises TemplateError."""
    found: dict[str, Value] = {}
    definitions = mapping(template, "definitions")
    for name, declared in objects(template.get("outputs")).items():
        condition = _condition(declared, context)
        if condition is False or (condition is None and "copy" in declared):
            continue
        try:
            value = _output(declared, Env(context, runtime=True), (*where, name))
        except TemplateError as error:
            if condition or isinstance(error, OverBudget):
                raise
            context.chain.clear()  # one that may not be wanted is left to the second pass
            found[name] = context.left_open(as_node(as_written(declared.get("value"))))
            continue
        if "copy" in declared and isinstance(value, Node):
            continue
        Checker(f"template output '{name}'", definitions, context.preview).check(value, declared)
        found[name] = value
    return found


def complete_outputs(
    context: Context, template: Mapping[str, JSON], outputs: Mapping[str, Value], where: Where
) -> tuple[dict[str, Output], dict[str, Value]]:
    """Complete the outputs, now that the resources are known. Raises TemplateError.

    The second answer is what a deployment around may ask for: each with its type and value. A preview leaves out
    what a whole template says to be null.
    """
    made: dict[str, Output] = {}
    values: dict[str, Value] = {}
    checker, declared = Checker("", mapping(template, "definitions")), objects(template.get("outputs"))
    whole = context.preview and len(where) == 1
    for name, first in outputs.items():
        if whole and first is None and declared[name].get("value") is None:
            continue
        value = completed(first, Env(context, runtime=True))
        kind = str(checker.resolved(declared[name]).get("type", "Object"))
        made[name] = Output(kind, expression(value) if is_open(value) else written(value))
        values[name] = {"type": CANONICAL.get(kind.lower(), kind), "value": value}
    return made, values


def _condition(declared: dict[str, JSON], context: Context) -> bool | None:
    """Return whether an output is wanted, or None where a preview cannot know it. Raises TemplateError."""
    stated = declared.get("condition")
    if stated is None:
        return True
    node = context.compile(stated)
    condition = evaluate(node, Env(context))
    if isinstance(condition, bool):
        return condition
    if isinstance(condition, Node) and context.preview:
        return None
    plain = isinstance(node, Literal) and isinstance(stated, str)
    words = stated if plain else f"[{text(node)}]"
    raise TemplateError(
        f"Evaluation result of language expression '{words}' is type '{type_name(condition)}', expected type is 'Boolean'."
    )


def _output(declared: dict[str, JSON], env: Env, where: Where) -> Value:
    copy = declared.get("copy")
    if not isinstance(copy, dict):
        return evaluate(env.context.compile(declared.get("value"), where=where), env)
    loop = loop_node(copy, (*where, "copy"), loops=False)
    return evaluate(replace(loop, own=True), env)
