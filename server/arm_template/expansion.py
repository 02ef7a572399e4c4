"""The one pass over a template: parameters, variables, resources, nested deployments, outputs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from arm_template import template_schema
from arm_template.binding import (
    bind_functions,
    bind_parameters,
    bind_variables,
    bound_parameters,
    evaluate_parameters,
    evaluate_variables,
)
from arm_template.declarations import head_of, index, read_resources
from arm_template.deployments import (
    base_of,
    check_form,
    passed,
    planned_group,
    scope_of,
    template_of,
    template_scope,
    written_template,
)
from arm_template.errors import NotYet, TemplateError, Where, bare, fault
from arm_template.nested_reading import check_names, check_resources
from arm_template.outputs import complete_outputs, evaluate_outputs
from arm_template.plan import Output, Plan, PlannedResource
from arm_template.plan_validation import dependencies, processing_order
from arm_template.resource import Declared, TemplateScope
from arm_template.resource_bodies import complete_body, evaluate_body
from arm_template.resource_identity import check_version
from arm_template.resource_info import info_of
from arm_template.scope import Context
from arm_template.unparser import written
from arm_template.values import MISSING, Node, Value, get, is_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from arm_template.budget import Budget
    from arm_template.plan import Scope, Volatile
    from arm_template.scope import Head, Table
    from arm_template.values import JSON

MOST_RESOURCES = 800
GROUP = "microsoft.resources/resourcegroups"
STEPS = 200  # that a template takes for itself


@dataclass(frozen=True)
class Settings:
    """What all templates of one deployment share."""

    budget: Budget
    table: Table
    volatile: Volatile | None
    compiled: dict[tuple[int, bool], Node]
    strict: bool
    preview: bool
    answers: dict[str, Head] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    groups: dict[str, dict[str, JSON]] = field(default_factory=dict)


def expand(
    template: Mapping[str, JSON],
    given: Callable[[], Mapping[str, Value]],
    scope: Scope,
    settings: Settings,
    where: Where = (),
    *,
    condition: Value = MISSING,
    base: str | None = None,
) -> tuple[Plan, dict[str, Value]]:
    """Expand a template to a plan, and its outputs as values; `given` are its parameters.

    Its resources lie in `base` where that is written otherwise than in the scope. Raises TemplateError.
    """
    base = scope.base if base is None else base
    settings.budget.step(STEPS)
    template_schema.check(template, nested=bool(where))
    if where:
        check_names(dict(template))
    template = {
        template_schema.SECTION_NAMES.get(name.lower(), name): section for name, section in template.items()
    }
    if settings.preview and not where:
        template.pop("metadata", None)  # deployment() does not tell it there
    context = Context(scope, settings.budget, settings.table, template, settings.volatile)
    context.compiled = settings.compiled
    context.preview, context.nested = settings.preview, bool(where)
    if settings.preview:
        context.answers, context.outputs = settings.answers, settings.outputs
    context.conditional = settings.preview and condition is not MISSING
    context.condition = condition if context.conditional else True
    context.symbolic = str(template.get("languageVersion", "")).startswith(("2", "1.1", "1.9"))
    if context.symbolic:
        section = template.get("resources")
        context.info = partial(info_of, context, base, section, (*where, "resources"))
    bind_functions(context)
    if where:
        check_resources(template, (*where, "resources"))
    bind_parameters(context, given())
    bind_variables(context)
    evaluate_parameters(context)
    evaluate_variables(context)
    context.chain.clear()
    resources, outputs, values = _parts(context, base, settings, template, where)
    return Plan(scope, resources, outputs, bound_parameters(context)), values


def _parts(
    context: Context, base: str, settings: Settings, template: Mapping[str, JSON], around: Where | Declared
) -> tuple[tuple[PlannedResource, ...], dict[str, Output], dict[str, Value]]:
    """Expand resources and outputs in two passes. `around` is where they lie, or the deployment that holds them."""
    owner, where = (around, _where(around)) if isinstance(around, Declared) else (None, around)
    section = template.get("resources")
    reading = read_resources(context, base, section, (*where, "resources"), owner)
    found = _first_pass(context, settings, reading)
    wanted = [made for made in found if made.wanted]
    outputs = evaluate_outputs(context, template, (*where, "outputs"))
    for made in found:
        if made.failed is None:
            check_version(made)
        elif made.wanted:
            raise bare(made.failed)
    planned: dict[int, PlannedResource] = {}
    for made in processing_order(found):
        complete_body(made)
        nested = made.deployment and not made.existing
        planned[id(made)] = _nested(made, settings) if nested else _plain(made)
        if not made.existing:
            context.answers[str(made.id).lower()] = head_of(made)
        if made.type.lower() == GROUP and not made.existing and context.scope.resource_group is None:
            settings.groups[str(made.id).lower()] = planned_group(made)
    resources = dependencies([(made, planned[id(made)]) for made in wanted], found, strict=settings.strict)
    return resources, *complete_outputs(context, template, outputs, (*where, "outputs"))


def _first_pass(context: Context, settings: Settings, reading: Iterator[Declared]) -> list[Declared]:
    """Read the resources and evaluate their bodies. Of two errors the one that stands first is raised."""
    found: list[Declared] = []
    failed: TemplateError | None = None
    try:
        found.extend(reading)
    except TemplateError as error:
        failed = error
    if settings.strict and len(found) > MOST_RESOURCES:
        raise fault(
            f"The number of template resources limit exceeded. Limit: '{MOST_RESOURCES}' and actual: '{len(found)}'.",
            "https://aka.ms/arm-syntax-resources",
        )
    context.unread = failed
    index(context, found)
    for made in found:
        if made.failed is not None and made.certainly_wanted:
            raise made.failed
        if (made.wanted or made.needed or context.preview) and not made.existing:
            evaluate_body(made)
    if failed:
        raise failed
    return found


def _plain(made: Declared, nested: Plan | None = None, template: JSON = None) -> PlannedResource:
    shown: dict[str, JSON] = {
        "id": written(made.id),
        "type": made.type,
        "name": written(made.name),
        "apiVersion": made.api_version,
    }
    if not isinstance(made.condition, bool):
        shown["condition"] = written(made.condition)
    shown |= {key: written(value) for key, value in (made.body or {}).items()}
    properties = shown.get("properties")
    if template is not None and isinstance(properties, dict):
        properties["template"] = template
    location = shown.get("location")
    return PlannedResource(
        id=str(shown["id"]),
        type=made.type,
        name=str(shown["name"]),
        api_version=made.api_version or "",
        location=location if isinstance(location, str) else None,
        scope=made.base,
        existing=made.existing,
        symbolic_name=made.symbol,
        body=shown,
        depends_on=tuple(made.used),
        copy=made.copy,
        nested=nested,
    )


def _nested(made: Declared, settings: Settings) -> PlannedResource:
    """Expand a nested deployment. Raises TemplateError."""
    body = made.body or {}
    properties = body.get("properties")
    if isinstance(properties, dict) and not isinstance(made.json.get("properties"), dict):
        made.template_scope = template_scope(made, get(properties, "expressionEvaluationOptions"))
    check_form(made)
    scope = scope_of(made, body, settings.groups)
    if not isinstance(properties, dict):
        return replace(_plain(made), nested_scope=scope)
    template = template_of(made, properties)
    if template is MISSING:
        return replace(_plain(made), nested_scope=scope)
    try:
        plan, outputs = _expanded(made, properties, template, scope, settings)
    except NotYet:
        own = written_template(made) if made.template_scope is TemplateScope.INNER else None
        return replace(_plain(made, template=own), nested_scope=scope)
    stated = isinstance(template, dict) and get(template, "outputs") is not MISSING
    made.context.outputs[str(made.id).lower()] = outputs if stated or not settings.preview else None
    return replace(_plain(made, plan, written_template(made) or written(template)), nested_scope=scope)


def _expanded(
    made: Declared, properties: dict[str, Value], template: Value, scope: Scope, settings: Settings
) -> tuple[Plan, dict[str, Value]]:
    """Expand a nested template, evaluated already where its expressions belong outside.

    Raises TemplateError, and NotYet where the running cloud must answer something before; a deployment keeps
    such expressions in its plan.
    """
    stated = written_template(made)
    outer = made.template_scope is TemplateScope.OUTER
    if outer and is_open(template):
        if settings.preview or not isinstance(template, dict):
            raise NotYet("What the template says is known only at run time.")
        if stated is not None:
            template_schema.check(stated, nested=True)
            check_resources(stated, (*_where(made), "resources"))
            resources, outputs, values = _parts(made.context, base_of(made), settings, stated, made)
            return Plan(scope, resources, outputs), values
    assert isinstance(template, dict)
    document = cast("dict[str, JSON]", template)
    template_schema.check(document, nested=True)
    if stated is None or outer:
        settings = replace(settings, compiled={})  # ids of parts that live no longer than this expansion
    given = partial(passed, made, properties)
    condition = made.condition if made.context.conditional or "condition" in made.json else MISSING
    return expand(document, given, scope, settings, _where(made), condition=condition, base=base_of(made))


def _where(made: Declared) -> Where:
    return (*made.where, "properties", "template")
