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
from aca_local.templates.environment import Context, Env
from aca_local.templates.errors import AS_IT_IS, AT, NotYet, TemplateError, fault
from aca_local.templates.loops import run_loop
from aca_local.templates.machine import as_node, drive, evaluate, shown
from aca_local.templates.model import Output, Plan, PlannedResource
from aca_local.templates.resource import Declared, invalid
from aca_local.templates.schema_types import Checker
from aca_local.templates.syntax import Literal, Node, call
from aca_local.templates.values import Value, is_open, key_of, taken, type_name
from aca_local.templates.writing import expression, text, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.templates.budget import Budget
    from aca_local.templates.machine import Table
    from aca_local.templates.model import Scope, Volatile
    from aca_local.templates.values import JSON

MOST_RESOURCES = 800
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
    _check_place(made)
    body = drive(body_of(made), made.context.budget)
    assert isinstance(body, dict)
    inside = body.get("properties")
    properties = taken(made.json["properties"]) if "properties" in made.json else inside
    if properties is None:
        raise fault("The deployment definition is invalid.", "https://aka.ms/arm-deploy-resources")
    template = _template(made, properties if isinstance(properties, dict) else inside)
    if template is None:
        return _plain(made)
    scope = _scope_of(made, body)
    shape.check(template, nested=True)
    passed = _passed(made, inside if isinstance(inside, dict) else {})
    try:
        if isinstance(properties, dict) and not _inner(made, properties, template):
            plan, outputs = _outer(made, template, passed, scope, settings)
        else:
            plan, outputs = expand(template, passed, scope, settings, _where(made), condition=made.condition)
    except NotYet:
        return replace(_plain(made, template=template), nested_scope=scope)
    made.context.outputs[str(made.id).lower()] = outputs
    return replace(_plain(made, plan, template), nested_scope=scope)


def _where(made: Declared) -> Where:
    return (*made.where, "properties", "template")


def _check_place(made: Declared) -> None:
    """Check that a deployment to a group names no location, and any other one does. Raises TemplateError."""
    in_group = "/resourcegroups/" in f"{made.base}/".lower()
    if in_group == ("location" in made.json):
        problem = (
            f"is not allowed for '{made.id}' at resource group scope"
            if in_group
            else f"must be specified for '{made.id}'"
        )
        raise fault(f"The 'location' property {problem}.", "https://aka.ms/arm-deployment-subscription")


def _template(made: Declared, properties: Value) -> dict[str, JSON] | None:
    """Give the template of a deployment, or None where it is linked. Raises TemplateError."""
    known = properties if isinstance(properties, dict) else {}
    template = known.get(key_of(known, "template") or "")
    linked = key_of(known, "templateLink") is not None
    page = "https://aka.ms/arm-module"
    if not isinstance(template, dict):
        if linked:
            return None
        raise fault(
            f"The deployment '{made.id}' must have either the TemplateLink or Template property set.", page
        )
    if linked:
        raise fault(
            f"The deployment '{made.id}' cannot have both the TemplateLink and Template property set. "
            "Please use one or the other.",
            page,
        )
    return cast("dict[str, JSON]", template)


def _inner(made: Declared, properties: Mapping[str, Value], template: Mapping[str, JSON]) -> bool:
    """Tell whether the expressions of a nested template belong to it. Raises TemplateError.

    Where nothing is said they belong outside, but not those of a template with symbolic names.
    """
    options = properties.get("expressionEvaluationOptions")
    scope = str((options if isinstance(options, dict) else {}).get("scope") or "notSpecified").lower()
    if scope not in ("inner", "outer", "notspecified"):
        error = TemplateError(f"The template resource '{made.label}'{AT} is not valid.")
        error.path = made.where
        raise error
    return scope == "inner" or (scope == "notspecified" and isinstance(template.get("resources"), dict))


def _passed(made: Declared, properties: Mapping[str, Value]) -> dict[str, Value]:
    """Take the parameters that a nested deployment is given."""
    parameters = properties.get("parameters")
    found: dict[str, Value] = {}
    for name, item in parameters.items() if isinstance(parameters, dict) else ():
        if isinstance(item, dict) and "value" in item:
            found[name] = item["value"]
        elif isinstance(item, dict) and "reference" in item:
            found[name] = _secret(made, item["reference"])
    return found


def _secret(made: Declared, reference: Value) -> Value:
    """Keep a secret of a key vault for run time in a preview. Raises TemplateError in a deployment."""
    told = reference if isinstance(reference, dict) else {}
    vault = told.get("keyVault")
    parts = [vault.get("id") if isinstance(vault, dict) else None, told.get("secretName")]
    if not made.context.preview or not all(isinstance(part, (str, Node)) for part in parts):
        raise TemplateError(
            "A nested deployment takes a parameter from a key vault, which is not supported here."
        )
    parts += [told["secretVersion"]] if "secretVersion" in told else []
    return made.context.left_open(call("getKeyVaultSecret", *map(as_node, parts)))


def _scope_of(made: Declared, body: Mapping[str, Value]) -> Scope:
    outer = made.context.scope
    parts = made.base.split("/")
    location = body.get("location")
    subscription = parts[2] if len(parts) > 2 else outer.subscription_id  # noqa: PLR2004 - /subscriptions/ID
    group = parts[4] if len(parts) > 4 else None  # noqa: PLR2004 - …/resourceGroups/NAME
    same = (subscription.lower(), (group or "").lower()) == (
        outer.subscription_id.lower(),
        (outer.resource_group or "").lower(),
    )
    name = str(written(made.name))
    if same and group is not None:
        return replace(outer, deployment_name=name)
    place = None if group is not None else location if isinstance(location, str) else outer.location
    return replace(
        outer,
        subscription_id=subscription,
        resource_group=group,
        location=place,
        deployment_name=name,
        group_tags=None,
        group_managed_by=None,
    )


def _outer(
    made: Declared,
    template: dict[str, JSON],
    passed: Mapping[str, Value],
    scope: Scope,
    settings: Settings,
) -> tuple[Plan, dict[str, Value]]:
    """Expand a nested template whose expressions belong to the template around it.

    They are evaluated there first, and what comes out is the template. Raises TemplateError, and NotYet where
    the running cloud must answer something before: a deployment then keeps those expressions in its plan.
    """
    whole = _evaluated(made, template)
    if not is_open(whole):
        fresh = replace(settings, compiled={})  # ids of parts that live no longer than this expansion
        return expand(
            cast("dict[str, JSON]", whole), passed, scope, fresh, _where(made), condition=made.condition
        )
    context = made.context
    if settings.preview:
        raise NotYet("What the template says is known only at run time.")
    resources = _resources(context, scope, settings, template.get("resources"), made)
    outputs, values = _outputs(replace(context, template={**template}), (*_where(made), "outputs"))
    return Plan(scope, resources, outputs), values


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
    loop = replace(loop_node(copy, (*where, "copy")), nested=False)
    return evaluate(replace(loop, name=loop.name or str(where[-1]), own=True), env)
