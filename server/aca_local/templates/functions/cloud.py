"""Functions that ask the running cloud: kept as expressions until there is one to ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.machine import (
    Deployed,
    Function,
    Routine,
    Special,
    as_node,
    check_count,
    rebuilt,
    wrong_kind,
)
from aca_local.templates.special import given
from aca_local.templates.syntax import Call, Node
from aca_local.templates.values import MISSING, Known, Value, taken, type_name
from aca_local.templates.writing import written

if TYPE_CHECKING:
    from aca_local.templates.environment import Env, Head

TEXT = ("String",)
FULL = "full"
KEPT_KINDS = {"providers": (TEXT, TEXT), "pickzones": (TEXT, TEXT, TEXT, ("Integer",), ("Integer",))}


def run_reference(call: Call, env: Env) -> Routine:
    """`reference(resource, [apiVersion], ["Full"])`."""
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from given(arg, still)))  # noqa: PERF401 - a comprehension cannot yield
    if not env.runtime:
        raise misplaced(call.name)
    if any(isinstance(arg, Node) for arg in args):
        return env.context.left_open(rebuilt(call, args))
    texts = [arg for arg in args if isinstance(arg, str)]
    if len(texts) < len(args):
        at = next(at for at, arg in enumerate(args) if not isinstance(arg, str))
        raise wrong_kind(call.name, TEXT, args[at], at, alone=False)
    found = env.context.find(texts[0])
    head = None if isinstance(found, list) else found
    return (yield from referred(env, head, *texts))


def referred(
    env: Env, head: Head | None, target: str, version: str | None = None, full: str | None = None
) -> Routine:
    """Ask the running cloud, answer from the template in a preview, or keep the question for run time."""
    identity: Value = head.id if head else target
    version = version or (head.api_version if head else None)
    whole = full is not None and full.lower() == FULL
    if env.context.runtime is not None:
        return taken(env.context.runtime.reference(str(identity), version, whole))
    env.context.note(identity)
    args = [identity, *([version] if version or full else []), *([full] if full else [])]
    call = Call("reference", tuple(as_node(arg) for arg in args), "reference")
    env.context.opened = True
    outputs = env.context.outputs.get(identity.lower()) if isinstance(identity, str) else None
    if outputs is not None and not env.context.preview:
        return call if whole else Deployed(call.name, call.args, call.key, outputs)
    if not (env.context.preview and env.answered) or head is None or head.properties is None:
        return call
    return _answered((yield from head.properties()), call, outputs, whole=whole)


def _answered(known: Value, call: Call, outputs: Value, *, whole: bool) -> Value:
    """Answer from what the template says of a resource's properties."""
    if known is MISSING or isinstance(known, Node):
        return call
    if not isinstance(known, dict):
        return known
    if outputs is not None:
        known = {**known, "Outputs": outputs}
        return {"Properties": known} if whole else known
    return Known({"Properties": known} if whole else known, call, deep=not whole)


def run_references(call: Call, env: Env) -> Routine:
    """`references(symbol, [apiVersion], ["Full"])`: one reference for each turn of a resource loop."""
    if not env.context.symbolic:
        raise TemplateError(
            "Template language version must be specified in order to use feature 'SymbolicNames'."
        )
    check_count(call, 1, 3)
    if not env.runtime:
        raise misplaced(call.name)
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from given(arg, still)))  # noqa: PERF401 - a comprehension cannot yield
    texts = [arg for arg in args if isinstance(arg, str)]
    found = env.context.symbols.get(texts[0].lower()) if texts else None
    if not isinstance(found, list) or len(texts) < len(args):
        return env.context.left_open(rebuilt(call, args))
    made: list[Value] = []
    for head in found:
        if head.condition:
            full = texts[-1] if texts[-1].lower() == FULL else None
            made.append((yield from referred(env, head, texts[0], None, full)))
    return made


def run_resource_info(call: Call, env: Env) -> Routine:
    """`resourceInfo(symbol)`: name, type, id and version of a resource of this template."""
    if not env.context.symbolic:
        raise TemplateError(
            "Template language version must be specified in order to use feature 'ResourceInfoFunction'."
        )
    check_count(call, 1, 1)
    target = yield from given(call.args[0], env)
    if isinstance(target, Node):
        return rebuilt(call, [target])
    if not isinstance(target, str):
        raise wrong_kind(call.name, TEXT, target, 0, alone=True)
    found = env.context.find(target)
    if found is None:
        raise fault(f"The template resource '{target}' is not found.", "https://aka.ms/arm-syntax")
    if isinstance(found, list):
        raise fault("The template function 'copyIndex' is not valid.")
    return _info(found)


def _info(head: Head) -> dict[str, Value]:
    return {"name": head.name, "type": head.type, "id": head.id, "apiVersion": head.api_version}


def run_list(call: Call, env: Env) -> Routine:
    """`list*(resource, apiVersion, [body])`."""
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from given(arg, still)))  # noqa: PERF401 - a comprehension cannot yield  # noqa: PERF401 - a comprehension cannot yield
    if not env.runtime:
        raise misplaced(call.name)
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


def misplaced(name: str) -> TemplateError:
    """Say that a call of the running cloud stands where it cannot be made."""
    return fault(f"The template function '{name}' is not expected at this location.")


def run_kept(call: Call, env: Env) -> Routine:
    """Keep a call for run time, its arguments evaluated."""
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from given(arg, still)))  # noqa: PERF401 - a comprehension cannot yield  # noqa: PERF401 - a comprehension cannot yield
    if env.context.runtime is not None:
        raise fault(f"The template function '{call.name}' is not supported here.")
    if args and not isinstance(args[0], (str, Node)) and call.key in ("providers", "pickzones"):
        raise fault(
            f"The template language function '{call.name}' expects its first parameter to be of type "
            "'String'. "
            f"The provided value is of type '{type_name(args[0])}'."
        )
    return env.context.left_open(rebuilt(call, args))


def run_role_definitions(call: Call, env: Env) -> Routine:
    """`roleDefinitions(name)`: the built-in role of that name, which only the running cloud knows."""
    name = yield from given(call.args[0], env)
    if not isinstance(name, (str, Node)):
        raise fault(
            f"One or more provided argument(s) for template language function '{call.name}' are not valid: "
            "all function arguments should be of type 'String'."
        )
    if env.context.runtime is not None:
        raise fault(f"The template function '{call.name}' is not supported here.")
    return env.context.left_open(rebuilt(call, [name]))


TABLE: dict[str, Function | Special] = {
    "reference": Special(run_reference, 1, 3),
    "references": Special(run_references, 0, None),
    "resourceinfo": Special(run_resource_info, 0, None),
    "list*": Special(run_list, 0, None),
    "providers": Special(run_kept, 1, 2),
    "pickzones": Special(run_kept, 3, 5),
    "roledefinitions": Special(run_role_definitions, 1, 1),
    "tologicalzone": Special(run_kept, 0, None),
    "tologicalzones": Special(run_kept, 0, None),
    "tophysicalzone": Special(run_kept, 0, None),
    "tophysicalzones": Special(run_kept, 0, None),
}
