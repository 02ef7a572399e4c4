"""Finds a resource's name, place, id and version, before its body is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.templates.environment import Head
from aca_local.templates.errors import AT, TemplateError, fault
from aca_local.templates.functions.resources import check_subscription, id_below
from aca_local.templates.machine import as_node, wrong_result
from aca_local.templates.resource import RESOURCES, evaluated, invalid, member_of
from aca_local.templates.syntax import Call, Literal, Node
from aca_local.templates.writing import written

if TYPE_CHECKING:
    from aca_local.templates.compiling import Where
    from aca_local.templates.resource import Declared
    from aca_local.templates.values import JSON, Value


def identify(made: Declared) -> None:
    """Find name, place, id and version. Raises TemplateError."""
    made.name = _name(made, made.json.get("name"))
    _check_segments(made)
    made.base = _base(made)
    made.id = _id(made)
    made.api_version = str(written(evaluated(made.json.get("apiVersion"), made)) or "")
    _check_version(made)


def _name(made: Declared, shown: JSON) -> Value:
    if shown is None or shown == "":
        raise _nameless(made, _path(made.where))
    if not isinstance(member_of(made.json, "type"), str):
        error = fault(
            f"The template resource '{shown}'{AT} is not valid. The type property is invalid.", RESOURCES
        )
        error.path = made.where
        raise error
    name = evaluated(shown, made)
    if name == "":
        raise _nameless(made, made.label)
    if isinstance(name, (str, Node)):
        return name
    if isinstance(made.context.compile(shown), Literal):
        return str(name)
    raise invalid(made, wrong_result(name, "String"))


def _nameless(made: Declared, label: str) -> TemplateError:
    error = fault(
        f"The template resource '{label}' of type '{made.type}'{AT} is not valid. "
        "The name property cannot be null or empty.",
        RESOURCES,
    )
    error.path = made.where
    return error


def _path(where: Where) -> str:
    made = ""
    for part in where:
        made += f"[{part}]" if isinstance(part, int) else f".{part}" if made else part
    return made


def _base(made: Declared) -> str:
    """Find what the resource lies in: its scope, or for a deployment another group or subscription."""
    scope = evaluated(made.json.get("scope"), made)
    if isinstance(scope, Node):
        made.open_scope = scope
        return made.base
    if isinstance(scope, str) and scope:
        return _scope_id(made, scope)
    if scope is not None and not isinstance(scope, str):
        raise invalid(made, wrong_result(scope, "String"))
    if not made.deployment and not made.existing:
        return made.base
    subscription, group = (_head(made, name) for name in ("subscriptionId", "resourceGroup"))
    if isinstance(subscription, str) and subscription:
        check_subscription(subscription, "resourceid")
    if made.existing and group is None:
        group = made.context.scope.resource_group
    if isinstance(group, str) and group:
        owner = subscription if isinstance(subscription, str) else made.context.scope.subscription_id
        return f"/subscriptions/{owner}/resourceGroups/{group}"
    return f"/subscriptions/{subscription}" if isinstance(subscription, str) and subscription else made.base


def _head(made: Declared, name: str) -> Value:
    if name not in made.json:
        return None
    return evaluated(made.json[name], made)


def _scope_id(made: Declared, scope: str) -> str:
    if scope == "/":
        return ""
    if scope.lower().startswith(("/subscriptions/", "/providers/")):
        return scope.rstrip("/")
    if "/" not in scope:
        known = made.context.find(scope)
        if isinstance(known, Head) and isinstance(known.id, str):
            return known.id
    if scope.startswith("/"):
        return f"{made.base}{scope.rstrip('/')}"
    return f"{made.base}/providers/{scope.rstrip('/')}"


def _check_segments(made: Declared) -> None:
    if isinstance(made.name, Node):
        return
    count, wanted = len(_segments(made)), made.type.count("/")
    if count != wanted:
        error = fault(
            f"The template resource '{made.name}' of type '{made.type}'{AT} has an invalid name. The name "
            f"'{made.name}' "
            f"contains '{count}' name segment(s) separated by '/', but '{wanted}' segment(s) were expected.",
            RESOURCES,
        )
        error.path = made.where
        raise error


def _segments(made: Declared) -> list[str]:
    return [part for part in str(made.name).split("/") if part]


def _id(made: Declared) -> Value:
    if isinstance(made.name, Node) or made.open_scope is not None:
        return _open_id(made)
    return id_below(made.base, made.type, _segments(made))


def _open_id(made: Declared) -> Node:
    parts = made.base.split("/")
    name = as_node(made.name)
    args: tuple[Node, ...] = (Literal(made.type), name)
    if made.open_scope is not None:
        return Call("extensionResourceId", (made.open_scope, *args), "extensionresourceid")
    if len(parts) == 5:  # noqa: PLR2004 - /subscriptions/ID/resourceGroups/NAME
        args = (Literal(parts[2]), Literal(parts[4]), *args)
        return Call("resourceId", args, "resourceid")
    return Call("extensionResourceId", (Literal(made.base), *args), "extensionresourceid")


def _check_version(made: Declared) -> None:
    if made.api_version:
        return
    kind, name = made.own or (made.type, made.name)
    if "template" in made.where:
        error = fault(
            f"The template resource '{name}' is not valid. Both api-version property{AT} and api-profile "
            "property for the template cannot be null or empty. Either explicitly specify the api-version "
            "for the resource or specify the api-profile for the template.",
            RESOURCES,
        )
        error.path = made.where
        raise error
    error = fault(
        f"The template resource '{name}' is not valid. The api-version property{AT} is not defined. The "
        "api-profile "
        "'<null>' for the template does not match any valid api-version for the resource type "
        f"'{kind}'.  Either explicitly specify the api-version for the resource or specify the correct "
        "api-profile "
        "for the template..",
        RESOURCES,
    )
    error.path = made.where
    raise error
