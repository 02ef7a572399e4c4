"""The one pass over a template: parameters, variables, resources, nested deployments, outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from aca_local.templates import shape
from aca_local.templates.binding import (
    bind_functions,
    bind_parameters,
    bind_variables,
    mapping,
    objects,
    settle_parameters,
    settle_variables,
    told,
)
from aca_local.templates.bodies import body_of
from aca_local.templates.checks import dependencies
from aca_local.templates.compiling import Where, loop_node
from aca_local.templates.declared import index, read_resources
from aca_local.templates.deployments import check_form, is_inner, passed, properties_of, scope_of
from aca_local.templates.environment import Context, Env
from aca_local.templates.errors import AS_IT_IS, NotYet, TemplateError, fault
from aca_local.templates.loops import run_loop
from aca_local.templates.machine import drive, evaluate, shown
from aca_local.templates.model import Output, Plan, PlannedResource
from aca_local.templates.resource import Declared, invalid
from aca_local.templates.schema_types import Checker
from aca_local.templates.syntax import Literal, Node
from aca_local.templates.values import Value, is_open, key_of, type_name
from aca_local.templates.writing import expression, text, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.templates.budget import Budget
    from aca_local.templates.machine import Table
    from aca_local.templates.model import Scope, Volatile
    from aca_local.templates.values import JSON

MOST_RESOURCES = 800
STEPS = 200  # that a template takes for itself
TYPES = ("String", "SecureString", "Int", "Bool", "Object", "SecureObject", "Array")
CANONICAL = {name.lower(): name for name in TYPES}  # as the outputs of a deployment tell their types


@dataclass(frozen=True)
class Settings:
    """What all templates of one deployment share."""

    budget: Budget
    table: Table
    volatile: Volatile | None
    compiled: dict[tuple[int, bool], Node]
    strict: bool
    preview: bool


def expand(
    template: Mapping[str, JSON],
    given: Mapping[str, Value],
    scope: Scope,
    settings: Settings,
    where: Where = (),
    *,
    condition: Value = True,
) -> tuple[Plan, dict[str, Value]]:
    """Expand a template to a plan, and its outputs as values. Raises TemplateError."""
    settings.budget.step(STEPS)
    shape.check(template, nested=bool(where))
    template = {shape.SECTION_NAMES.get(name.lower(), name): section for name, section in template.items()}
    context = Context(scope, settings.budget, settings.table, template, settings.volatile)
    context.run_loop = run_loop
    context.compiled = settings.compiled
    context.preview = settings.preview
    context.condition = condition if settings.preview else True
    context.symbolic = str(template.get("languageVersion", "")).startswith(("2", "1.1", "1.9"))
    bind_functions(context)
    bind_parameters(context, given)
    bind_variables(context)
    settle_parameters(context)
    settle_variables(context)
    context.chain.clear()
    resources = _resources(context, scope, settings, template.get("resources"), where)
    outputs, values = _outputs(context, (*where, "outputs"))
    return Plan(scope, resources, outputs, told(context)), values


def _resources(
    context: Context, scope: Scope, settings: Settings, section: JSON, around: Where | Declared
) -> tuple[PlannedResource, ...]:
    """Expand a section of resources. `around` is where it lies, or the deployment whose template holds it."""
    owner, where = (around, _where(around)) if isinstance(around, Declared) else (None, around)
    found = read_resources(context, scope.base, section, (*where, "resources"), owner)
    if settings.strict and len(found) > MOST_RESOURCES:
        raise fault(
            f"The number of template resources limit exceeded. Limit: '{MOST_RESOURCES}' and actual: "
            f"'{len(found)}'.",
            "https://aka.ms/arm-syntax-resources",
        )
    index(context, found)
    wanted = [made for made in found if made.wanted]
    planned: dict[int, PlannedResource] = {}
    _deployments(settings, wanted, planned)
    for made in wanted:
        if id(made) not in planned:
            planned[id(made)] = _plain(made)
    return dependencies([(made, planned[id(made)]) for made in wanted], found, strict=settings.strict)


def _deployments(settings: Settings, wanted: list[Declared], planned: dict[int, PlannedResource]) -> None:
    """Expand nested deployments, those first whose outputs others need."""
    pending = [made for made in wanted if made.deployment and not made.existing]
    while pending:
        waiting = {str(made.id).lower() for made in pending}
        stuck = True
        for made in list(pending):
            own = str(made.id).lower()
            if (stuck and made is pending[-1]) or not _needs(made, waiting - {own}, wanted):
                planned[id(made)] = _nested(made, settings)
                pending.remove(made)
                waiting.discard(own)
                stuck = False


def _needs(made: Declared, waiting: set[str], everything: list[Declared]) -> bool:
    """Tell whether the parameters of a deployment ask for one that is not expanded yet."""
    if not waiting:
        return False
    drive(body_of(made), made.context.budget)
    asked = {name.lower() for other in everything if other.body is not None for name in other.used}
    needs = bool(
        waiting & ({name.lower() for name in made.used} | (asked if made.context.preview else set()))
    )
    if needs:
        for other in everything:
            other.body = None
            other.used.clear()
    return needs


def _plain(made: Declared, nested: Plan | None = None, template: JSON = None) -> PlannedResource:
    body = {} if made.existing else drive(body_of(made), made.context.budget)
    assert isinstance(body, dict)
    shown: dict[str, JSON] = {
        "id": written(made.id),
        "type": made.type,
        "name": written(made.name),
        "apiVersion": made.api_version,
    }
    if not isinstance(made.condition, bool):
        shown["condition"] = written(made.condition)
    shown |= {key: written(value) for key, value in body.items()}
    properties = shown.get("properties")
    if template is not None and isinstance(properties, dict):
        properties["template"] = template
    location = shown.get("location")
    return PlannedResource(
        id=str(shown["id"]),
        type=made.type,
        name=str(shown["name"]),
        api_version=made.api_version,
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
    body = drive(body_of(made), made.context.budget)
    assert isinstance(body, dict)
    known = properties_of(made, body)
    outer = isinstance(made.json.get("properties"), dict) and not is_inner(made, known)
    written_out = known.get(key_of(known, "template") or "")
    template = cast("dict[str, JSON]", written_out) if isinstance(written_out, dict) else None
    scope = scope_of(made, body)
    try:
        whole = _evaluated(made, template) if outer and template is not None else None
        check_form(made, known)
        if template is None:
            return _plain(made)
        shape.check(template, nested=True)
        plan, outputs = _expanded(made, template, whole, scope, settings)
    except NotYet:
        return replace(_plain(made, template=template), nested_scope=scope)
    made.context.outputs[str(made.id).lower()] = outputs
    return replace(_plain(made, plan, template), nested_scope=scope)


def _expanded(
    made: Declared, template: dict[str, JSON], whole: Value, scope: Scope, settings: Settings
) -> tuple[Plan, dict[str, Value]]:
    """Expand a nested template. `whole` is what came out of it where its expressions belong outside.

    Raises TemplateError, and NotYet where the running cloud must answer something before; a deployment keeps
    such expressions in its plan.
    """
    given = passed(made)
    if isinstance(whole, dict) and not is_open(whole):
        template = cast("dict[str, JSON]", whole)
        settings = replace(settings, compiled={})  # ids of parts that live no longer than this expansion
    elif whole is not None:
        if settings.preview:
            raise NotYet("What the template says is known only at run time.")
        return _kept_open(made, template, scope, settings)
    return expand(template, given, scope, settings, _where(made), condition=made.condition)


def _kept_open(
    made: Declared, template: dict[str, JSON], scope: Scope, settings: Settings
) -> tuple[Plan, dict[str, Value]]:
    context = made.context
    resources = _resources(context, scope, settings, template.get("resources"), made)
    outputs, values = _outputs(replace(context, template={**template}), (*_where(made), "outputs"))
    return Plan(scope, resources, outputs), values


def _where(made: Declared) -> Where:
    return (*made.where, "properties", "template")


def _evaluated(made: Declared, template: dict[str, JSON]) -> Value:
    try:
        node = made.context.compile(template, loops=True, where=_where(made))
        return evaluate(node, replace(made.env, runtime=True))
    except AS_IT_IS:
        raise
    except TemplateError as error:
        raise invalid(made, error) from error


def _outputs(context: Context, where: Where) -> tuple[dict[str, Output], dict[str, Value]]:
    """Evaluate the outputs. Raises TemplateError."""
    made: dict[str, Output] = {}
    values: dict[str, Value] = {}
    definitions = mapping(context.template, "definitions")
    for name, declared in objects(context.template.get("outputs")).items():
        env = Env(context, runtime=True)
        if not _condition(declared, context):
            continue
        value = _output(declared, env, (*where, name))
        if "copy" in declared and isinstance(value, Node):
            continue
        Checker(f"template output '{name}'", definitions).check(value, declared)
        kind = str(Checker("", definitions).resolved(declared).get("type", "Object"))
        made[name] = Output(kind, expression(value) if is_open(value) else written(value))
        values[name] = {"type": CANONICAL.get(kind.lower(), kind), "value": value}
    return made, values


def _condition(declared: dict[str, JSON], context: Context) -> bool:
    node = context.compile(declared.get("condition", True))
    condition = evaluate(node, Env(context))
    if isinstance(condition, bool):
        return condition
    told = shown(condition) if isinstance(node, Literal) else f"[{text(node)}]"
    raise TemplateError(
        f"Evaluation result of language expression '{told}' is type '{type_name(condition)}', "
        "expected type is 'Boolean'."
    )


def _output(declared: dict[str, JSON], env: Env, where: Where) -> Value:
    copy = declared.get("copy")
    if not isinstance(copy, dict):
        return evaluate(env.context.compile(declared.get("value"), where=where), env)
    loop = loop_node(copy, (*where, "copy"), loops=False)
    return evaluate(replace(loop, name=loop.name or str(where[-1]), own=True), env)
