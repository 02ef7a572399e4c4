"""What a nested deployment says of itself: where it goes, whose expressions it holds, what it is given."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.compiling import prepare, text_node
from arm_template.errors import AT, NotYet, TemplateError, fault
from arm_template.messages import wrong_result
from arm_template.nested_reading import UNREADABLE
from arm_template.resource import TemplateScope
from arm_template.syntax import Access, Literal, Unparsable, as_node, call
from arm_template.unparser import written
from arm_template.values import MISSING, Node, Value, find_key, get, has_open_key, is_open, taken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template.plan import Scope
    from arm_template.resource import Declared
    from arm_template.scope import Env, Routine
    from arm_template.values import JSON

INNER, OUTER = TemplateScope.INNER, TemplateScope.OUTER
SCOPES = {"notspecified": "notspecified", "0": "notspecified", "outer": "outer", "1": "outer"}
SCOPES |= {"inner": "inner", "2": "inner"}
NUMBER = re.compile(r"[+-]?[0-9]{1,9}")  # .NET takes the number of any choice, of none, too
IN_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)(?:/resourceGroups/([^/]+))?", re.IGNORECASE)
UNEVALUATED = Node()
SECRETS = "https://aka.ms/arm-keyvault-secure-parameter"
MODULES = "https://aka.ms/arm-module"


def deployment_properties(made: Declared, item: JSON, env: Env) -> Routine:
    """Evaluate the properties of a deployment: first whose its template's expressions are, then all in order.

    The template itself is evaluated only where its expressions belong to the template around it.
    """
    where = (*made.where, "properties")
    context = made.context
    if not isinstance(item, dict):
        return (yield context.compile(item, where=where), env)
    key = find_key(item, "expressionEvaluationOptions")
    options = MISSING if key is None else (yield context.compile(item[key], where=where), env)
    made.template_scope = template_scope(made, options)
    own = made.template_scope is INNER
    seen = {name: None if own and name.lower() == "template" else part for name, part in item.items()}
    return (yield prepare(seen, loops=not made.unevaluated, where=where), env)


def template_scope(made: Declared, options: Value) -> TemplateScope:
    """Return where the expressions of a deployment's template belong. Raises TemplateError.

    Where nothing is said they belong outside, except in a template with symbolic names.
    """
    version = made.context.template.get("languageVersion")
    if options is MISSING:
        return INNER if made.context.symbolic else OUTER
    text = get(options, "scope") if isinstance(options, dict) else MISSING
    if not isinstance(text, str):
        return TemplateScope.UNKNOWN
    name = SCOPES.get(text.strip().lower())
    if name is None and not NUMBER.fullmatch(text.strip()):
        if isinstance(made.json.get("properties"), dict) and not made.uncertain:
            raise TemplateError(f"The template resource '{made.label}'{AT} is not valid.", path=made.where)
        raise TemplateError(f"Requested value '{text}' was not found.")
    if name == "outer" and made.context.symbolic:
        raise TemplateError(
            f"Template language version '{version}' does not support 'Outer' expression evaluation. Ensure you have set expressionEvaluationOptions.scope to 'Inner'.",
            path=made.where,
        )
    return INNER if name == "inner" or (name == "notspecified" and made.context.symbolic) else OUTER


def check_form(made: Declared) -> None:
    """Check that a deployment has properties, and a location where it needs one. Raises TemplateError."""
    in_group = "/resourcegroups/" in f"{made.base}/".lower()
    if in_group == ("location" in (made.body or {})):
        problem = (
            f"is not allowed for '{made.id}' at resource group scope"
            if in_group
            else f"must be specified for '{made.id}'"
        )
        raise fault(f"The 'location' property {problem}.", "https://aka.ms/arm-deployment-subscription")
    if made.json.get("properties") is None and not ("properties" in made.json and made.is_nested):
        raise fault("The deployment definition is invalid.", "https://aka.ms/arm-deploy-resources")


def template_of(made: Declared, properties: Mapping[str, Value]) -> Value:
    """Return the template of a deployment, as far as it is known, or `MISSING` where only the running
    deployment can know it.

    Of a template whose expressions are its own this is what stands there, not evaluated. Raises
    TemplateError where there is no template, or no object.
    """
    key, linked = find_key(properties, "template"), find_key(properties, "templateLink") is not None
    if linked and key is not None:
        raise fault(
            f"The deployment '{made.id}' cannot have both the TemplateLink and Template property set. Please use one or the other.",
            MODULES,
        )
    if linked:
        return MISSING
    if key is None:
        raise fault(
            f"The deployment '{made.id}' must have either the TemplateLink or Template property set.", MODULES
        )
    if made.template_scope is TemplateScope.UNKNOWN:
        return MISSING
    if made.template_scope is OUTER:
        return properties[key] if is_open(properties[key]) else _object(properties[key])
    stated = made.json["properties"]
    if isinstance(stated, dict):
        return _object(_as_it_stands(stated[key]))
    return _escaped(_object(properties[key]))


def _as_it_stands(item: JSON) -> Value:
    """Return what stands in place of a template. Raises TemplateError where it is no expression that can be read."""
    if not isinstance(item, str):
        return taken(item)
    node = text_node(item)
    if isinstance(node, Unparsable):
        raise TemplateError(UNREADABLE.format("Unrecognized"))
    return node.value if isinstance(node, Literal) else UNEVALUATED


def written_template(made: Declared) -> dict[str, JSON] | None:
    """Return the template as it stands in the deployment, or None where an expression makes it."""
    stated = made.json.get("properties")
    key = find_key(stated, "template") if isinstance(stated, dict) else None
    found = stated[key] if isinstance(stated, dict) and key is not None else None
    return found if isinstance(found, dict) else None


def _object(value: Value) -> Value:
    """Check that a template is an object. Raises TemplateError."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Node):
        raise TemplateError(
            "Evaluation result of language expression '[function]' is type 'Undefined', expected type is 'Object'."
        )
    raise wrong_result(value, "Object")


def _escaped(value: Value) -> Value:
    """Return a value in which what looks like an expression is text: it was evaluated already."""
    if isinstance(value, dict):
        return {str(_escaped(key)): _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return f"[{value}" if isinstance(value, str) and value.startswith("[") and value.endswith("]") else value


def passed(made: Declared, properties: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters that a nested deployment is given, evaluated already. Raises TemplateError.

    Raises NotYet where their names are known only at run time.
    """
    parameters = get(properties, "parameters")
    if get(properties, "parametersLink") is not MISSING:
        raise NotYet("The parameters of a nested deployment are behind a link.")
    if parameters is MISSING:
        return {}
    if not isinstance(parameters, dict):
        raise NotYet("The names of the parameters of a nested deployment are known only at run time.")
    if has_open_key(parameters):
        raise NotYet("The parameters of a nested deployment have names that are known only at run time.")
    found: dict[str, Value] = {}
    for name, item in parameters.items():
        value = _passed_value(made, name, item)
        if value is not MISSING:
            found[name] = value
    return found


def _passed_value(made: Declared, name: str, item: Value) -> Value:
    if isinstance(item, dict):
        value, reference = get(item, "value"), get(item, "reference")
        if reference is MISSING:
            return value
        if value is not MISSING:
            raise TemplateError(
                f"The deployment parameter '{name}' has specified both Value and Reference. Please specify either the value or the reference. See {SECRETS} for details."
            )
        return _secret(made, name, reference)
    if made.context.preview:
        return made.context.left_open(call("unknown"))
    return Access(item, Literal("value")) if isinstance(item, Node) else MISSING


def _secret(made: Declared, name: str, reference: Value) -> Value:
    """Keep a secret of a key vault for run time in a preview. Raises TemplateError in a deployment."""
    if not made.context.preview:
        raise TemplateError(
            "A nested deployment takes a parameter from a key vault, which is not supported here."
        )
    identifier, secret = _part(_part(reference, "KeyVault"), "Id"), _part(reference, "SecretName")
    if identifier is MISSING:
        raise TemplateError(
            f"The resource identifier of the KeyVault parameter '{name}' is invalid. Please specify the value following '/subscriptions/{{subscriptionId}}/resourcegroups/{{resourceGroupName}}/providers/Microsoft.KeyVault/vaults/{{vaultName}}' format. See {SECRETS} for usage details."
        )
    if secret is MISSING:
        raise fault(f"The secret name of the KeyVault parameter '{name}' is null.", SECRETS)
    version = _part(reference, "SecretVersion")
    parts = [identifier, secret] if version is MISSING else [identifier, secret, version]
    return made.context.left_open(call("getKeyVaultSecret", *map(as_node, parts)))


def _part(value: Value, name: str) -> Value:
    """Return a member of a reference to a secret, an expression where only run time knows it, or `MISSING`."""
    if isinstance(value, Node) and value is not MISSING:
        return Access(value, Literal(name))
    return get(value, name) if isinstance(value, dict) else MISSING


def scope_of(made: Declared, body: Mapping[str, Value], groups: Mapping[str, Mapping[str, JSON]]) -> Scope:
    """Return the scope of a nested deployment: its own, or that around it. `groups` are those made before it, by id."""
    outer, name = made.context.scope, str(written(made.name))
    location = body.get("location")
    place = location if isinstance(location, str) else outer.location
    if made.base.lower() == outer.base.lower() and (
        outer.resource_group is not None or outer.above is not None
    ):
        return replace(outer, deployment_name=name, location=place)
    found = IN_SUBSCRIPTION.match(made.base)
    subscription, group = (found[1], found[2]) if found else (outer.subscription_id, None)
    return replace(
        outer,
        subscription_id=subscription,
        resource_group=group,
        location=place if group is None else None,
        deployment_name=name,
        group_tags=None,
        group_managed_by=None,
        above=None if found else made.base,
        planned_group=groups.get(made.base.lower(), {}) if made.context.preview and group else None,
    )


def base_of(made: Declared) -> str:
    """Return what the resources of a nested template lie in: of a scope below a subscription, its group or itself alone."""
    found = IN_SUBSCRIPTION.match(made.base)
    return found[0] if found else made.base


def planned_group(made: Declared) -> dict[str, JSON]:
    """Return what a template says of a group that it makes, as far as it is known."""
    told: dict[str, Value] = {name: (made.body or {}).get(name) for name in ("location", "tags")}
    return {name: written(item) for name, item in told.items() if item is not None and not is_open(item)}
