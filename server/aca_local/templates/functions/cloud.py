"""Functions that ask the running cloud: kept as expressions until there is one to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.machine import Deployed, Function, Routine, Special, as_node, rebuilt
from aca_local.templates.special import given
from aca_local.templates.syntax import Call, Node
from aca_local.templates.values import Value, taken, type_name
from aca_local.templates.writing import written

if TYPE_CHECKING:
    from aca_local.templates.environment import Env, Head

TEXT = ("String",)
FULL = "full"


def reference(env: Env, target: str, version: str | None = None, full: str | None = None) -> Value:
    """`reference(resource, [apiVersion], ["Full"])`."""
    _allowed("reference", env)
    found = env.context.find(target)
    if isinstance(found, list):
        raise fault(f"The template function 'reference' cannot be used with the resource loop '{target}'.")
    if env.context.runtime is not None:
        identity = found.id if found and isinstance(found.id, str) else target
        whole = full is not None and full.lower() == FULL
        return taken(env.context.runtime.reference(identity, version, whole))
    return refer(env, target, found, version, full)


def refer(env: Env, target: str, found: Head | None, version: str | None, full: str | None) -> Value:
    """Keep a reference for run time, with the id and the version it will need."""
    identity: Value = found.id if found else target
    version = version or (found.api_version if found else None)
    env.context.note(identity)
    args = [identity, *([version] if version or full else []), *([full] if full else [])]
    call = Call("reference", tuple(as_node(arg) for arg in args), "reference")
    outputs = env.context.outputs.get(identity.lower()) if isinstance(identity, str) else None
    if outputs is not None and full is None:
        call = Deployed(call.name, call.args, call.key, outputs)
    return env.context.left_open(call)


def references(env: Env, target: str, *more: str) -> Value:
    """`references(symbol)`: one reference for each turn of a resource loop."""
    if not env.context.symbolic:
        raise TemplateError(
            "Template language version must be specified in order to use feature 'SymbolicNames'."
        )
    _allowed("references", env)
    found = env.context.symbols.get(target.lower())
    if not isinstance(found, list):
        raise fault(
            f"The template function 'references' expects the name of a resource loop, '{target}' is not one."
        )
    full = more[-1] if more and more[-1].lower() == FULL else None
    return [refer(env, target, head, None, full) for head in found if head.condition]


def resource_info(env: Env, target: str) -> Value:
    """`resourceInfo(symbol)`: id, name, type and version of a resource of this template."""
    if not env.context.symbolic:
        raise TemplateError(
            "Template language version must be specified in order to use feature 'ResourceInfoFunction'."
        )
    found = env.context.symbols.get(target.lower())
    if found is None:
        raise fault(f"The template resource '{target}' is not found.")
    return [_info(head) for head in found] if isinstance(found, list) else _info(found)


def _info(head: Head) -> dict[str, Value]:
    return {"id": head.id, "name": head.name, "type": head.type, "apiVersion": head.api_version}


def run_list(call: Call, env: Env) -> Routine:
    """`list*(resource, apiVersion, [body])`."""
    _allowed(call.name, env)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from given(arg, env)))  # noqa: PERF401 - a comprehension cannot yield
    target = args[0] if args else None
    if isinstance(target, str):
        found = env.context.find(target)
        if found is not None and not isinstance(found, list):
            args[0] = found.id
        env.context.note(args[0])
    if any(isinstance(arg, Node) for arg in args) or env.context.any_open(args):
        return env.context.left_open(rebuilt(call, args))
    if env.context.runtime is None:
        return env.context.left_open(rebuilt(call, args))
    if len(args) < 2 or not isinstance(args[0], str) or not isinstance(args[1], str):  # noqa: PLR2004 - id and version
        raise fault(
            f"The template language function '{call.name}' expects a resource and a version of its API."
        )
    body = written(args[2]) if len(args) > 2 else None  # noqa: PLR2004 - the optional third
    return taken(env.context.runtime.list_call(call.name, args[0], args[1], body))


def _allowed(name: str, env: Env) -> None:
    if not env.runtime:
        raise fault(f"The template function '{name}' is not expected at this location.")


def run_kept(call: Call, env: Env) -> Routine:
    """Keep a call for run time, its arguments evaluated."""
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from given(arg, env)))  # noqa: PERF401 - a comprehension cannot yield
    if env.context.runtime is not None:
        raise fault(f"The template function '{call.name}' is not supported here.")
    if args and not isinstance(args[0], (str, Node)) and call.key in ("providers", "pickzones"):
        raise fault(
            f"The template language function '{call.name}' expects its first parameter to be of type "
            "'String'. "
            f"The provided value is of type '{type_name(args[0])}'."
        )
    return env.context.left_open(rebuilt(call, args))


TABLE: dict[str, Function | Special] = {
    "reference": Function(reference, 1, 3, (TEXT,), scoped=True),
    "references": Function(references, 1, 3, (TEXT,), scoped=True),
    "resourceinfo": Function(resource_info, 1, 1, (TEXT,), scoped=True),
    "list*": Special(run_list, 0, None),
    "providers": Special(run_kept, 1, 2),
    "pickzones": Special(run_kept, 3, 5),
    "tologicalzone": Special(run_kept, 0, None),
    "tologicalzones": Special(run_kept, 0, None),
    "tophysicalzone": Special(run_kept, 0, None),
    "tophysicalzones": Special(run_kept, 0, None),
}
