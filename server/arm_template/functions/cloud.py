"""Functions that ask the running cloud: kept as expressions until there is one to ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.errors import DefinitionError, TemplateError, bare, fault
from arm_template.evaluator import check_count, rebuilt
from arm_template.messages import wrong_kind
from arm_template.scope import Function, Head, Routine, Special, value_of
from arm_template.syntax import Call, Completed, Deployed, Literal, Waiting, as_node
from arm_template.unparser import written
from arm_template.values import MISSING, Known, Node, Value, taken, type_name

if TYPE_CHECKING:
    from arm_template.scope import Env

TEXT = ("String",)
FULL = "full"


def run_reference(call: Call, env: Env) -> Routine:
    """`reference(resource, [apiVersion], ["Full"])`."""
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from value_of(arg, still)))  # noqa: PERF401 - a comprehension cannot yield
    if not env.runtime:
        raise misplaced(call.name)
    computed = not isinstance(call.args[0], Literal) and len(args) < 2  # noqa: PLR2004 - without a version
    if env.softly and env.context.preview and computed:
        return env.context.left_open(Waiting(call.name, tuple(map(as_node, args)), call.key))
    if any(isinstance(arg, Node) for arg in args) or (env.second and computed):
        return env.context.left_open(rebuilt(call, args))
    texts = [arg for arg in args if isinstance(arg, str)]
    if len(texts) < len(args):
        at = next(at for at, arg in enumerate(args) if not isinstance(arg, str))
        raise wrong_kind(call.name, TEXT, args[at], at, alone=False)
    if env.second and not env.softly and env.context.preview and _makes_symbol(call, texts[0]):
        return env.context.left_open(rebuilt(call, args))
    found = env.context.find(texts[0])
    head = None if isinstance(found, list) else found
    if head is not None and env.context.preview and not head.condition:
        head = None
    return referred(env, head, *texts)


def _makes_symbol(call: Call, target: str) -> bool:
    """Return True if an expression made a symbol: the second pass knows those alone that stand there."""
    return not isinstance(call.args[0], Literal) and not target.startswith("/")


def referred(
    env: Env, head: Head | None, target: str, version: str | None = None, full: str | None = None
) -> Value:
    """Ask the running cloud, answer from the template in a preview, or keep the question for run time."""
    identity: Value = head.id if head else target
    kind = Completed if head and not (version and head.id == target) else Call
    version = version or (head.api_version if head else None)
    whole = full is not None and full.lower() == FULL
    if env.context.runtime is not None:
        return taken(env.context.runtime.reference(str(identity), version, whole))
    env.context.note(identity)
    args = [identity, *([version] if version or full else []), *([full] if full else [])]
    call = kind("reference", tuple(as_node(arg) for arg in args), "reference")
    env.context.opened = True
    if not env.second or not isinstance(identity, str):
        return call
    if not env.context.preview:
        outputs = env.context.outputs.get(identity.lower())
        return call if whole or outputs is None else Deployed(call.name, call.args, call.key, outputs)
    return _previewed(env, call, identity.lower(), version, whole=whole)


def _previewed(env: Env, call: Call, identity: str, version: str | None, *, whole: bool) -> Value:
    """Answer from a resource of the deployment that is evaluated already and has the version that is asked for."""
    known = env.context.answers.get(identity)
    if (
        known is None
        or known.properties is None
        or (version or "").lower() != (known.api_version or "").lower()
    ):
        return call
    outputs = env.context.outputs.get(identity)
    deployed = identity in env.context.outputs
    return _answered(known.properties(), call, outputs, whole=whole, deployed=deployed)


def _answered(known: Value, call: Call, outputs: Value, *, whole: bool, deployed: bool) -> Value:
    """Answer from what the template says of a resource's properties."""
    if known is MISSING or isinstance(known, Node):
        return call
    if not isinstance(known, dict):
        return Known({"Properties": known}, call) if whole else known
    if deployed:
        known = known if outputs is None else {**known, "Outputs": outputs}
        return {"Properties": known} if whole else known
    return Known({"Properties": known} if whole else known, call)


def run_references(call: Call, env: Env) -> Routine:
    """`references(symbol, [apiVersion], ["Full"])`: one reference for each turn of a resource loop."""
    if not env.context.symbolic:
        raise DefinitionError(
            "Template language version must be specified in order to use feature 'SymbolicNames'."
        )
    check_count(call, 1, None if env.context.preview else 3)
    if not env.runtime:
        raise misplaced(call.name)
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from value_of(arg, still)))  # noqa: PERF401 - a comprehension cannot yield
    texts = [arg for arg in args if isinstance(arg, str)]
    heads = _turns(call, env, texts[0] if texts else "")
    if not heads or len(texts) < len(args) or (env.context.preview and not env.second):
        return env.context.left_open(rebuilt(call, args))
    made: list[Value] = []
    for head in heads:
        if head.condition:
            full = texts[-1] if texts[-1].lower() == FULL else None
            made.append(referred(env, head, texts[0], None, full))
    return made


def _turns(call: Call, env: Env, symbol: str) -> list[Head]:
    """Return the turns of a resource loop that a call asks for. Raises TemplateError."""
    found = env.context.symbols.get(symbol.lower())
    heads = found if isinstance(found, list) else []
    for head in heads:
        env.context.note(head.id)
    if heads and env.context.preview:  # a snapshot asks with the version in between
        check_count(Call("reference", (call, *call.args), "reference"), 1, 3)
    return heads


def run_resource_info(call: Call, env: Env) -> Routine:
    """`resourceInfo(symbol)`: name, type, id and version of a resource of this template."""
    if not env.context.symbolic:
        raise DefinitionError(
            "Template language version must be specified in order to use feature 'ResourceInfoFunction'."
        )
    check_count(call, 1, 1)
    target = yield from value_of(call.args[0], env)
    if isinstance(target, Node):
        return rebuilt(call, [target])
    if not isinstance(target, str):
        raise wrong_kind(call.name, TEXT, target, 0, alone=True)
    found = _declared(env, target)
    return {"name": found.name, "type": found.type, "id": found.id, "apiVersion": found.api_version}


def _declared(env: Env, symbol: str) -> Head:
    """Find a resource by its symbol, whose case counts here. Raises TemplateError, also what is wrong with the resource."""
    declared = env.context.template.get("resources")
    found = env.context.find(symbol)
    if not isinstance(declared, dict) or symbol.partition("[")[0] not in declared:
        found = None
    elif env.context.info is not None and _is_asked_anew(env, found, symbol in declared):
        found = env.context.info(symbol)
    elif found is None and env.context.unread is not None:
        raise env.context.unread
    if found is None:
        raise fault(f"The template resource '{symbol}' is not found.", "https://aka.ms/arm-syntax")
    if isinstance(found, list):
        raise fault("The template function 'copyIndex' is not valid.")
    if found.failed is not None:
        raise bare(found.failed)
    return found


def _is_asked_anew(env: Env, found: Head | list[Head] | None, whole: bool) -> bool:
    """Return True if the reading of resources doesn't tell of one: it is not read, failed, or a turn in a preview."""
    failed = isinstance(found, Head) and found.failed is not None
    turn = env.context.preview and not whole
    return found is None or failed or turn


def run_list(call: Call, env: Env) -> Routine:
    """`list*(resource, apiVersion, [body])`."""
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from value_of(arg, still)))  # noqa: PERF401 - a comprehension cannot yield  # noqa: PERF401 - a comprehension cannot yield
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
    """Return the error that says that a call of the running cloud stands where it cannot be made."""
    return fault(f"The template function '{name}' is not expected at this location.")


def run_kept(call: Call, env: Env) -> Routine:
    """Keep a call for run time, its arguments evaluated."""
    still = replace(env, runtime=False)
    args: list[Value] = []
    for arg in call.args:
        args.append((yield from value_of(arg, still)))  # noqa: PERF401 - a comprehension cannot yield  # noqa: PERF401 - a comprehension cannot yield
    if env.context.runtime is not None:
        raise fault(f"The template function '{call.name}' is not supported here.")
    if args and not isinstance(args[0], (str, Node)) and call.key in ("providers", "pickzones"):
        raise fault(
            f"The template language function '{call.name}' expects its first parameter to be of type 'String'. The provided value is of type '{type_name(args[0])}'."
        )
    return env.context.left_open(rebuilt(call, args))


def run_zone(call: Call, env: Env) -> Routine:
    """`toLogicalZone(subscription, location, zone)` and its like, which may stand where `reference` may."""
    if not (env.runtime or env.zoned):
        raise misplaced(call.name)
    return (yield from run_kept(call, env))


def run_role_definitions(call: Call, env: Env) -> Routine:
    """`roleDefinitions(name)`: the built-in role of that name, which only the running cloud knows."""
    name = yield from value_of(call.args[0], env)
    if not isinstance(name, (str, Node)):
        raise fault(
            f"One or more provided argument(s) for template language function '{call.name}' are not valid: all function arguments should be of type 'String'."
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
    "tologicalzone": Special(run_zone, 0, None),
    "tologicalzones": Special(run_zone, 0, None),
    "tophysicalzone": Special(run_zone, 0, None),
    "tophysicalzones": Special(run_zone, 0, None),
}
