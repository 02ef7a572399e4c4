"""What a nested deployment says of itself: where it goes, whose expressions it holds, what it is given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aca_local.templates.errors import AT, TemplateError, fault
from aca_local.templates.machine import as_node
from aca_local.templates.syntax import Node, call
from aca_local.templates.values import Value, key_of, taken
from aca_local.templates.writing import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.templates.model import Scope
    from aca_local.templates.resource import Declared

MODULES = "https://aka.ms/arm-module"


def properties_of(made: Declared, body: Mapping[str, Value]) -> dict[str, Value]:
    """Give the properties as they are written, or what their expression gives. Raises TemplateError."""
    stated = taken(made.json.get("properties"))
    found = stated if isinstance(stated, dict) else body.get("properties")
    if found is None:
        raise fault("The deployment definition is invalid.", "https://aka.ms/arm-deploy-resources")
    return found if isinstance(found, dict) else {}


def check_form(made: Declared, known: Mapping[str, Value]) -> None:
    """Check place and template. Raises TemplateError."""
    _check_place(made)
    linked = key_of(known, "templateLink") is not None
    own = isinstance(known.get(key_of(known, "template") or ""), dict)
    if linked and own:
        raise fault(
            f"The deployment '{made.id}' cannot have both the TemplateLink and Template property set. "
            "Please use one or the other.",
            MODULES,
        )
    if not linked and not own:
        raise fault(
            f"The deployment '{made.id}' must have either the TemplateLink or Template property set.", MODULES
        )


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


def is_inner(made: Declared, properties: Mapping[str, Value]) -> bool:
    """Tell whether the expressions of a nested template belong to it. Raises TemplateError.

    Where nothing is said they belong outside, except in a template with symbolic names.
    """
    options = properties.get("expressionEvaluationOptions")
    scope = str((options if isinstance(options, dict) else {}).get("scope") or "notSpecified").lower()
    if scope not in ("inner", "outer", "notspecified"):
        error = TemplateError(f"The template resource '{made.label}'{AT} is not valid.")
        error.path = made.where
        raise error
    return scope == "inner" or (scope == "notspecified" and made.context.symbolic)


def passed(made: Declared) -> dict[str, Value]:
    """Take the parameters that a nested deployment is given, evaluated already. Raises TemplateError."""
    properties = (made.body or {}).get("properties")
    parameters = properties.get("parameters") if isinstance(properties, dict) else None
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


def scope_of(made: Declared, body: Mapping[str, Value]) -> Scope:
    """Give the scope of a nested deployment: its own, or that around it."""
    outer = made.context.scope
    parts = made.base.split("/")  # "", subscriptions, ID, resourceGroups, NAME; or less
    location = body.get("location")
    subscription = next(iter(parts[2:3]), outer.subscription_id)
    group = next(iter(parts[4:5]), None)
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
