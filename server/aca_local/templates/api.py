"""The library's three functions."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from aca_local.templates.binding import given_values
from aca_local.templates.budget import Budget
from aca_local.templates.compiling import is_expression
from aca_local.templates.environment import Context, Env
from aca_local.templates.errors import AT, TemplateError
from aca_local.templates.expansion import Settings, expand
from aca_local.templates.functions import table
from aca_local.templates.loops import run_loop
from aca_local.templates.machine import evaluate as run
from aca_local.templates.model import Expression
from aca_local.templates.parser import parse
from aca_local.templates.source import Document, position, read_document
from aca_local.templates.writing import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.templates.machine import Table
    from aca_local.templates.model import Output, Plan, Runtime, Scope, Volatile
    from aca_local.templates.values import JSON


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
        plan, _ = expand(document.json, given_values(parameters), scope, settings)
    except RecursionError as error:
        raise TemplateError("The template is nested too deeply.") from error
    except TemplateError as error:
        raise _located(error, source if source is not None else _text(template)) from error.__cause__
    return plan


def _text(template: str | Mapping[str, JSON]) -> str:
    return json.dumps(template, separators=(",", ":"))


def _located(error: TemplateError, text: str) -> TemplateError:
    """Put line and column into a message that has a place for them, and into `additionalInfo`."""
    place = position(text, error.path) if error.path else None
    line, column = place or (1, 1)
    error.message = error.message.replace(AT, f" at line '{line}' and column '{column}'")
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
    context.run_loop = run_loop
    env = Env(context, runtime=True)
    return _finished(value, env)


def _finished(value: JSON, env: Env) -> JSON:
    if isinstance(value, Expression):
        return written(run(parse(value[1:-1]), env))
    if isinstance(value, dict):
        return {_key(key, env): _finished(item, env) for key, item in value.items()}
    if isinstance(value, list):
        return [_finished(item, env) for item in value]
    return value


def _key(key: str, env: Env) -> str:
    return str(_finished(key, env)) if isinstance(key, Expression) and is_expression(key) else key


def snapshot(plan: Plan) -> dict[str, JSON]:
    """Show a plan as `bicep snapshot` does: the resources that would be put, and the outputs."""
    resources: list[JSON] = [resource.body for resource in plan.leaves()]
    return {"predictedResources": resources, "outputs": _values(plan.outputs)}


def _values(outputs: Mapping[str, Output]) -> dict[str, JSON]:
    return {name: output.value for name, output in outputs.items()}
