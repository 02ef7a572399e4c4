"""The library's three functions."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from arm_template.binding import given_values
from arm_template.budget import Budget
from arm_template.compiling import is_expression
from arm_template.errors import AT, TemplateError
from arm_template.evaluator import evaluate as run
from arm_template.expansion import Settings, expand
from arm_template.functions import table
from arm_template.parser import parse
from arm_template.scope import Context, Env
from arm_template.source_positions import Document, position, read_document
from arm_template.unparser import written
from arm_template.values import Expression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template.plan import Plan, Runtime, Scope, Volatile
    from arm_template.scope import Table
    from arm_template.values import JSON


@lru_cache(maxsize=1)
def _table() -> Table:
    return table()


def evaluate(
    template: str | Mapping[str, JSON],
    parameters: Mapping[str, JSON],
    scope: Scope,
    *,
    volatile: Volatile | None = None,
    budget: Budget | None = None,
    strict: bool = True,
    preview: bool = False,
) -> Plan:
    """Evaluate a template to the plan of its deployment.

    `template` is its text (then errors tell lines and columns) or its JSON; `parameters` are ARM's `{name:
    {"value": …}}`. Without `volatile`, `utcNow()` and `newGuid()` stay expressions. With `strict`, what the
    engine leaves to the service is checked too: twins, unknown dependencies, cycles. With `preview`, secrets
    given as parameters stay expressions and references to resources of the template are answered from it, as
    `bicep snapshot` does; never deploy such a plan. Raises TemplateError.
    """
    source = template if isinstance(template, str) else None
    try:
        document = read_document(template) if isinstance(template, str) else Document(template)
        settings = Settings(budget or Budget(), _table(), volatile, document.compiled, strict, preview)
        plan, _ = expand(document.json, partial(given_values, parameters), scope, settings)
    except RecursionError as error:
        raise TemplateError("The template is nested too deeply.") from error
    except TemplateError as error:
        text = source if source is not None else json.dumps(template, separators=(",", ":"))
        raise _located(error, text) from error.__cause__
    return plan


def _located(error: TemplateError, text: str) -> TemplateError:
    """Put line and column into a message that has a place for them, and into `additionalInfo`."""
    place = position(text, error.path) if error.path else None
    line, column = place or (1, 1)
    error.message = error.message.replace(AT, f" at line '{line}' and column '{column}'").rstrip()
    error.args = (error.message,)
    if place and not error.additional_info:
        path = ".".join(str(part) for part in error.path)
        info: JSON = {"lineNumber": line, "linePosition": column, "path": path}
        error.additional_info = [{"type": "TemplateViolation", "info": info}]
    return error


def resolve(value: JSON, plan: Plan, runtime: Runtime, *, budget: Budget | None = None) -> JSON:
    """Finish the expressions in a value of a plan, now that the resources they ask for exist.

    Raises TemplateError, in Azure's words, where a resource or property is missing.
    """
    context = Context(plan.scope, budget or Budget(), _table(), {}, runtime=runtime, symbolic=True)
    env = Env(context, runtime=True)
    return _finished(value, env)


def _finished(value: JSON, env: Env) -> JSON:
    if isinstance(value, Expression):
        return written(run(parse(value[1:-1]), env))
    if isinstance(value, dict):
        finished: dict[str, JSON] = {}
        for key, item in value.items():
            is_open = isinstance(key, Expression) and is_expression(key)
            finished[str(_finished(key, env)) if is_open else key] = _finished(item, env)
        return finished
    if isinstance(value, list):
        return [_finished(item, env) for item in value]
    return value


def snapshot(plan: Plan) -> dict[str, JSON]:
    """Show a plan as `bicep snapshot` does: the resources that would be put, and the outputs."""
    resources: list[JSON] = [resource.body for resource in plan.leaves()]
    outputs: dict[str, JSON] = {name: output.value for name, output in plan.outputs.items()}
    return {"predictedResources": resources, "outputs": outputs}
