"""Functions that make ids of resources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arm_template.compiling import escaped
from arm_template.errors import NotFound, TemplateError, fault
from arm_template.evaluator import call_function, check_count
from arm_template.messages import too_few
from arm_template.scope import Function, Special
from arm_template.unparser import expression
from arm_template.values import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arm_template.scope import Env, Routine
    from arm_template.syntax import Call
    from arm_template.values import Value

TEXT = ("String",)
_HEX = "[0-9a-fA-F]"
_GUID = rf"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"
SUBSCRIPTION = re.compile(rf"{_GUID}|{_HEX}{{32}}|\{{{_GUID}\}}|\({_GUID}\)")  # what .NET reads as a Guid


def path_of(kind: str, names: list[str]) -> str:
    """Return "namespace/type/name/subtype/name" for a type and the names of its segments.

    A type may begin with a slash: the engine counts that slash as a segment and then forgets it.
    """
    namespace, *types = [part for part in kind.split("/") if part]
    pairs = "/".join(f"{part}/{name}" for part, name in zip(types, names, strict=False) if name)
    return f"{namespace}/{pairs}"


def id_below(base: str, kind: str, names: list[str], *, stated: bool = False) -> str:
    """Return the id of a resource that lies in `base` (a group, a subscription, a resource, or nothing).

    Where a template has `stated` that base, a group or a subscription is a resource like any other.
    """
    of = kind.lower()
    if (
        of == "microsoft.resources/resourcegroups"
        and not stated
        and re.fullmatch(r"/subscriptions/[^/]+", base)
    ):
        return f"{base}/resourceGroups/{names[0]}"
    if of == "microsoft.resources/subscriptions" and not base and not stated:
        return f"/subscriptions/{names[0]}"
    return f"{base}/providers/{path_of(kind, names)}"


def split_id(name: str, args: tuple[str, ...], most_before: int) -> tuple[list[str], str, list[str]]:
    """Cut arguments into what stands before the type, the type, and the names. Raises TemplateError."""
    at = _type_index(name, args, most_before)
    assert at is not None
    return list(args[:at]), args[at].rstrip("/"), list(args[at + 1 :])


def _type_index(name: str, args: Sequence[Value], most_before: int) -> int | None:
    """Return which argument is the type, or None where one that is not known yet may be it. Raises TemplateError."""
    slashed = [(at, arg.rstrip("/")) for at, arg in enumerate(args) if isinstance(arg, str) and "/" in arg]
    if not slashed and any(isinstance(arg, Node) for arg in args[: most_before + 1]):
        return None
    if len(slashed) != 1:
        raise _bad(
            name,
            f"function requires exactly one multi-segmented argument which must be resource type including resource provider namespace. Current function arguments '{','.join(map(_shown, args))}'.",
        )
    at, kind = slashed[0]
    if at > most_before:
        raise _bad(
            name,
            f"function requires fully qualified resource type '{kind}' as one of first {most_before + 1} arguments.",
        )
    wanted = kind.count("/")
    if len(args) - at - 1 != wanted:
        raise _bad(name, f"the type '{kind}' requires '{wanted}' resource name argument(s).")
    if not wanted:
        raise too_few(name, most_before + 2)
    return at


def _shown(arg: Value) -> str:
    return escaped(arg) if isinstance(arg, str) else expression(arg)


def _bad(name: str, problem: str) -> TemplateError:
    return fault(
        f"Unable to evaluate template language function '{name}': {problem}",
        f"https://aka.ms/arm-resource-functions/#{name.lower()}",
    )


def resource_id(env: Env, *args: str) -> str:
    """`resourceId([subscription], [group], type, name, …)`; in a subscription's template the group comes
    second."""
    scope = env.context.scope
    before, kind, names = split_id("resourceId", args, 2)
    if scope.above is not None and not before:
        return id_below("", kind, names)
    if scope.resource_group is None and len(before) < 2:  # noqa: PLR2004 - subscription and group
        return id_below(_subscription(env, before), kind, names)
    if len(before) > 1:
        check_subscription(before[0], "resourceid")
    subscription = before[0] if len(before) > 1 else scope.subscription_id
    group = before[-1] if before else scope.resource_group
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{path_of(kind, names)}"


def whole_arguments(env: Env, args: list[Value]) -> list[Value]:
    """Return the arguments of a `resourceId` that waits with subscription and group, once its type is known.

    Raises TemplateError where it is known already that they make no id.
    """
    scope = env.context.scope
    group = [] if scope.resource_group is None else [scope.resource_group]
    return _whole("resourceId", args, 2, [scope.subscription_id, *group])


def whole_subscription_arguments(env: Env, args: list[Value]) -> list[Value]:
    """Return the same of a `subscriptionResourceId`. Raises TemplateError."""
    _check_subscription_named(env, args)
    return _whole("subscriptionResourceId", args, 1, [env.context.scope.subscription_id])


def _check_subscription_named(env: Env, args: Sequence[Value]) -> None:
    """Check that a subscription is named where the deployment lies in none. Raises TemplateError."""
    least = 3  # subscription, type and name
    if env.context.scope.above is not None and len(args) < least:
        raise too_few("subscriptionResourceId", least)


def _whole(name: str, args: list[Value], most_before: int, scope: Sequence[Value]) -> list[Value]:
    at = _type_index(name, args, most_before)
    return args if at is None else [*scope[: max(len(scope) - at, 0)], *args]


def check_subscription(identifier: str, page: str = "subscriptionresourceid") -> None:
    """Check an id that a template names. Raises TemplateError."""
    if not SUBSCRIPTION.fullmatch(identifier):
        raise fault(
            f"The provided value '{identifier}' is not valid subscription identifier.",
            f"https://aka.ms/arm-resource-functions/#{page}",
        )


def check_in_subscription(env: Env) -> None:
    """Check that the deployment lies in a subscription. Raises NotFound."""
    if env.context.scope.above is not None:
        raise NotFound("The deployment metadata 'subscription' is not valid.")


def _subscription(env: Env, named: list[str]) -> str:
    if named:
        check_subscription(named[0])
    return f"/subscriptions/{named[0]}" if named else env.context.scope.subscription


def subscription_resource_id(env: Env, *args: str) -> str:
    """`subscriptionResourceId([subscription], type, name, …)`."""
    _check_subscription_named(env, args)
    before, kind, names = split_id("subscriptionResourceId", args, 1)
    return id_below(_subscription(env, before), kind, names)


def tenant_resource_id(*args: str) -> str:
    """`tenantResourceId(type, name, …)`."""
    _, kind, names = split_id("tenantResourceId", args, 0)
    return id_below("", kind, names)


def run_management_group_resource_id(call: Call, env: Env) -> Routine:
    """`managementGroupResourceId([group], type, name, …)`: the group may be left out in a deployment to one."""
    check_count(call, 2 if env.context.scope.above else 3, None)
    return call_function(Function(management_group_resource_id, 2, None, (TEXT,), scoped=True), call, env)


def management_group_resource_id(env: Env, *args: str) -> str:
    """Return the id of a resource below a management group, or below that of the deployment."""
    before, kind, names = split_id("managementGroupResourceId", args, 1)
    group = before[0] if before else kind
    own = env.context.scope.above if not before else None
    return id_below(own or f"/providers/Microsoft.Management/managementGroups/{group}", kind, names)


def extension_resource_id(parent: str, *args: str) -> str:
    """`extensionResourceId(parent, type, name, …)`."""
    segments = [part for part in parent.split("/") if part]
    if len(segments) < 2:  # noqa: PLR2004 - the shortest id: a kind and a name
        raise _bad("extensionResourceId", f"the provided parent resource id '{parent}' is not a valid uri.")
    _, kind, names = split_id("extensionResourceId", args, 0)
    return f"/{'/'.join(segments)}/providers/{path_of(kind, names)}"


TABLE: dict[str, Function | Special] = {
    "resourceid": Function(resource_id, 2, None, (TEXT,), scoped=True, whole=whole_arguments),
    "subscriptionresourceid": Function(
        subscription_resource_id, 2, None, (TEXT,), scoped=True, whole=whole_subscription_arguments
    ),
    "tenantresourceid": Function(tenant_resource_id, 2, None, (TEXT,)),
    "managementgroupresourceid": Special(run_management_group_resource_id, 0, None),
    "extensionresourceid": Function(extension_resource_id, 3, None, (TEXT,)),
}
