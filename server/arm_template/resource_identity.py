"""Finds a resource's name, place, id and version, before its body is evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.errors import AT, TemplateError, fault
from arm_template.functions.resources import check_subscription, id_below, split_id
from arm_template.messages import too_few, wrong_kind, wrong_result
from arm_template.parser import parse
from arm_template.resource import RESOURCES, as_written, evaluated, invalid, softly_evaluated
from arm_template.scope import Head
from arm_template.syntax import Access, Call, Literal, as_node
from arm_template.unparser import text, written
from arm_template.values import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from arm_template.errors import Where
    from arm_template.resource import Declared
    from arm_template.values import JSON, Value


def identify(made: Declared) -> None:
    """Find name, place and id. Raises TemplateError."""
    shown = made.json.get("name")
    made.name = _name(made, shown)
    if made.certainly_wanted:
        _check_segments(made)
    made.base = _base(made)
    is_open = isinstance(made.name, Node) or made.open_scope is not None
    stated = made.json.get("scope") is not None
    made.id = _open_id(made) if is_open else id_below(made.base, made.type, _names(made), stated=stated)
    if made.name == "":
        made.name = as_written(shown)  # the engine keeps it, where nobody knows if the resource is wanted


def read_version(made: Declared) -> None:
    """Read the version of the API. Raises TemplateError."""
    version = _reader(made)(made.json.get("apiVersion"), made)
    made.api_version = None if version is None else str(written(version))


def read_dependencies(made: Declared) -> None:
    """Read what a resource says that it depends on. Raises TemplateError."""
    listed = made.json.get("dependsOn")
    made.depends_on = [_reader(made)(item, made) for item in listed] if isinstance(listed, list) else []


def _reader(made: Declared) -> Callable[[JSON, Declared], Value]:
    return softly_evaluated if made.uncertain else evaluated


def _name(made: Declared, shown: JSON) -> Value:
    if shown is None and not made.is_nested:
        raise _nameless(made, made.label if made.symbol else _path(made.where))
    name = evaluated(shown, made)
    if name == "" and not made.uncertain:
        raise _nameless(made, made.label)
    if isinstance(name, (str, Node)):
        return name
    if not isinstance(shown, str) and not made.is_nested:
        return str(name)
    made.name = made.name if isinstance(shown, str) else Literal(name)
    unmade = wrong_kind("resourceId", ("String",), name, 1, alone=False)
    raise invalid(made, wrong_result(name, "String")) from unmade


def _nameless(made: Declared, label: str) -> TemplateError:
    error = fault(
        f"The template resource '{label}' of type '{made.type}'{AT} is not valid. The name property cannot be null or empty.",
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
    return _elsewhere(made) if made.deployment or made.existing else made.base


def _elsewhere(made: Declared) -> str:
    """Return what a deployment or an existing resource lies in by its subscription and group. Raises TemplateError."""
    subscription, group = (
        evaluated(made.json[name], made) if name in made.json else None
        for name in ("subscriptionId", "resourceGroup")
    )
    if isinstance(subscription, str) and subscription:
        check_subscription(subscription, "resourceid")
    if made.existing and group is None:
        group = made.context.scope.resource_group
    named = isinstance(subscription, str) and subscription
    if isinstance(group, str) and (group or made.existing):
        if made.context.scope.above is not None and not named:
            return ""
        owner = subscription if isinstance(subscription, str) else made.context.scope.subscription_id
        return f"/subscriptions/{owner}/resourceGroups/{group}"
    return f"/subscriptions/{subscription}" if named else made.base


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
            f"The template resource '{made.name}' of type '{made.type}'{AT} has an invalid name. The name '{made.name}' contains '{count}' name segment(s) separated by '/', but '{wanted}' segment(s) were expected.",
            RESOURCES,
        )
        error.path = made.where
        raise error from _unmade_id(made)


def _unmade_id(made: Declared) -> TemplateError | None:
    """Return what the engine tells whoever asks for the id of a resource that is named wrongly."""
    try:
        _names(made)
    except TemplateError as error:
        return error
    return None


def _names(made: Declared) -> list[str]:
    """Return the names that an id is made of, taken apart as the engine does. Raises TemplateError."""
    wanted, names = made.type.count("/"), _segments(made)
    if wanted == 0:
        raise too_few("resourceId", 2)
    if wanted == 1:
        return split_id("resourceId", (made.type, str(made.name)), 2)[2]
    if len(names) < wanted:
        raise TemplateError(f"The language expression property array index '{len(names)}' is out of bounds.")
    return names[:wanted]


def _segments(made: Declared) -> list[str]:
    return [part for part in str(made.name).split("/") if part]


def _open_id(made: Declared) -> Node:
    parts = made.base.split("/")
    args: tuple[Node, ...] = (Literal(made.type), *_open_names(made))
    if made.open_scope is not None:
        return Call("extensionResourceId", (made.open_scope, *args), "extensionresourceid")
    if len(parts) == 5:  # noqa: PLR2004 - /subscriptions/ID/resourceGroups/NAME
        args = (Literal(parts[2]), Literal(parts[4]), *args)
        return Call("resourceId", args, "resourceid")
    return Call("extensionResourceId", (Literal(made.base), *args), "extensionresourceid")


def _open_names(made: Declared) -> list[Node]:
    """Return what takes a name apart into those that an id is made of, once the name is known."""
    wanted, name = made.type.count("/"), as_node(made.name)
    if wanted <= 1:
        return [name]
    parts = parse(f"filter(split({text(name)}, '/'), lambda('x', not(empty(lambdaVariables('x')))))")
    return [Access(parts, Literal(at)) for at in range(wanted)]


def check_version(made: Declared) -> None:
    """Check that a resource has a version. Raises TemplateError.

    Of a nested template that is checked before, and a null is let through.
    """
    if made.api_version or (made.api_version is None and made.is_nested):
        return
    kind, name = made.own or (made.type, made.label if made.symbol else made.name)
    profile = "<null>" if made.json.get("apiVersion") is None else ""
    error = fault(
        f"The template resource '{name}' is not valid. The api-version property{AT} is not defined. The api-profile '{profile}' for the template does not match any valid api-version for the resource type '{kind}'.  Either explicitly specify the api-version for the resource or specify the correct api-profile for the template..",
        RESOURCES,
    )
    error.path = made.where
    raise error
