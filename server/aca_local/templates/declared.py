"""Reads the resources of a template: their loops, conditions, names and ids, before any body is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from aca_local.templates.compiling import Where, text_node
from aca_local.templates.environment import Context, Env, Head
from aca_local.templates.errors import AT, NotYet, OverBudget, ParseError, TemplateError, fault
from aca_local.templates.functions.resources import id_below
from aca_local.templates.loops import checked
from aca_local.templates.machine import Request, Routine, as_node, evaluate
from aca_local.templates.model import CopyInfo
from aca_local.templates.special import LOOPS
from aca_local.templates.syntax import Call, Literal, Members, Node, call
from aca_local.templates.values import MISSING, Value, key_of, type_name
from aca_local.templates.writing import text, written

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from aca_local.templates.values import JSON

KEPT = {"location", "sku", "kind", "plan", "identity", "tags", "zones", "scale", "properties"}
KEPT |= {"managedby", "managedbyextended", "extendedlocation"}
CANONICAL_NAMES = {
    "type",
    "name",
    "apiVersion",
    "location",
    "sku",
    "kind",
    "plan",
    "identity",
    "tags",
    "zones",
}
CANONICAL_NAMES |= {
    "scale",
    "properties",
    "managedBy",
    "managedByExtended",
    "extendedLocation",
    "condition",
    "copy",
}
CANONICAL_NAMES |= {
    "dependsOn",
    "scope",
    "comments",
    "metadata",
    "resources",
    "asserts",
    "id",
    "resourceGroup",
}
CANONICAL_NAMES |= {"subscriptionId", "import", "extension", "symbolicName", "existing"}
CANONICAL = {name.lower(): name for name in CANONICAL_NAMES}
DEPLOYMENT = "microsoft.resources/deployments"
RESOURCES = "https://aka.ms/arm-syntax-resources"
Declaration = dict[str, "JSON"]


@dataclass(slots=True)
class Declared:
    """One resource of a template, or one turn of its loop."""

    context: Context
    json: Declaration
    where: Where
    env: Env
    symbol: str | None
    type: str
    name: Value = ""
    api_version: str = ""
    id: Value = ""
    base: str = ""
    condition: Value = True
    existing: bool = False
    copy: CopyInfo | None = None
    parents: list[Declared] = field(default_factory=list)
    body: dict[str, Value] | None = None
    used: dict[str, None] = field(default_factory=dict)
    busy: bool = False
    open_scope: Node | None = None

    @property
    def deployment(self) -> bool:
        """Whether it is a nested deployment."""
        return self.type.lower() == DEPLOYMENT

    @property
    def label(self) -> str:
        """What errors call it: its symbol, else its name, or the expression of its name."""
        if self.symbol is not None:
            return self.symbol
        return _shown(self.name or self.json.get("name"))

    @property
    def wanted(self) -> bool:
        """Whether its condition holds, as far as is known."""
        return self.condition is not False


def read_resources(context: Context, base: str, section: JSON, where: Where) -> list[Declared]:
    """Read the resources of a template, in order, each loop turned out. Raises TemplateError."""
    found: list[Declared] = []
    pairs: Iterable[tuple[str | int, JSON]] = section.items() if isinstance(section, dict) else ()
    for key, item in enumerate(section) if isinstance(section, list) else pairs:
        if isinstance(item, dict):
            symbol = key if isinstance(key, str) else None
            found.extend(_turns(context, base, item, (*where, key), symbol))
    return found


def _turns(
    context: Context, base: str, item: Declaration, where: Where, symbol: str | None
) -> Iterator[Declared]:
    item = _canonical(item)
    env = Env(context, loops=True)
    copy = _member(item, "copy")
    kind = str(_member(item, "type") or "")
    if not isinstance(copy, dict):
        yield from _with_children(_one(context, base, item, where, env, symbol, kind), base)
        return
    name = str(copy.get("name") or "")
    serial = _mode(item, copy, where)
    loop = Declared(context, item, where, env, symbol, kind)
    count = checked(_evaluated(context.compile(copy.get("count")), loop), (*where, "copy"))
    batch = copy.get("batchSize")
    if count == 0:
        context.empty_loops |= {name.lower(), (symbol or name).lower()}
    for at in range(count):
        turn = _one(context, base, item, where, env.with_copy(name, at), symbol, kind)
        turn.copy = CopyInfo(name, at, count, serial, batch if type(batch) is int and batch > 0 else 1)
        yield from _with_children(turn, base)


def _canonical(item: Declaration) -> Declaration:
    """Give a resource its members by the names that the engine knows, whatever their case."""
    if all(key in CANONICAL_NAMES for key in item):
        return item
    return {CANONICAL.get(key.lower(), key): value for key, value in item.items()}


def _mode(item: Declaration, copy: Declaration, where: Where) -> bool:
    mode = str(copy.get("mode") or "parallel")
    if mode.lower() not in ("parallel", "serial"):
        error = fault(
            f"The template resource '{item.get('name')}'{AT} has an invalid copy mode '{mode}'. "
            "The supported values are 'Parallel,Serial'.",
            LOOPS,
        )
        error.path = where
        raise error
    return mode.lower() == "serial"


def _with_children(parent: Declared, base: str) -> Iterator[Declared]:
    yield parent
    children = _member(parent.json, "resources")
    if not isinstance(children, list) or not parent.wanted:
        return
    for at, item in enumerate(children):
        if isinstance(item, dict):
            for child in _turns(
                parent.context, base, _full(item, parent), (*parent.where, "resources", at), None
            ):
                child.parents = [parent, *child.parents]
                yield child


def _full(item: Declaration, parent: Declared) -> Declaration:
    """Give a child resource the whole type and name, where it has only its own part of them."""
    kind, name = str(item.get("type") or ""), item.get("name")
    if "." in kind.partition("/")[0]:
        return item
    made = dict(item)
    made["type"] = f"{parent.type}/{kind}"
    own = text_node(str(name))
    whole = Call("concat", (as_node(parent.name), Literal("/"), own), "concat")
    made["name"] = (
        f"{parent.name}/{name}"
        if isinstance(own, Literal) and isinstance(parent.name, str)
        else f"[{text(whole)}]"
    )
    return made


def _one(  # noqa: PLR0917 - what is known of a resource before it is read
    context: Context, base: str, item: Declaration, where: Where, env: Env, symbol: str | None, kind: str
) -> Declared:
    made = Declared(context, item, where, env, symbol, kind, base=base)
    made.existing = _member(item, "existing") is True
    made.condition = _conditions(context.condition, _own_condition(made))
    try:
        _identify(made)
    except (OverBudget, NotYet):
        raise
    except TemplateError:
        if made.wanted:
            raise
    return made


def _own_condition(made: Declared) -> Value:
    found = _evaluated(made.context.compile(made.json.get("condition", True)), made)
    return True if found is None else found


def _conditions(outer: Value, own: Value) -> Value:
    """Join the condition of the deployment around, where it is not known yet, with the resource's own."""
    if not isinstance(outer, Node) or own is False:
        return own
    return call("and", outer, as_node(own))


def _identify(made: Declared) -> None:
    """Find name, place, id and version. Raises TemplateError."""
    made.name = _name(made, made.json.get("name"))
    made.base = _base(made)
    made.id = _id(made)
    made.api_version = str(written(_evaluated(made.context.compile(made.json.get("apiVersion")), made)) or "")
    _check_version(made)


def _name(made: Declared, shown: JSON) -> Value:
    if shown is None or shown == "":
        raise _nameless(made, _path(made.where))
    if not isinstance(_member(made.json, "type"), str):
        error = fault(
            f"The template resource '{shown}'{AT} is not valid. The type property is invalid.", RESOURCES
        )
        error.path = made.where
        raise error
    node = made.context.compile(shown)
    name = _evaluated(node, made)
    if name == "":
        raise _nameless(made, made.label)
    if isinstance(name, (str, Node)):
        return name
    if isinstance(node, Literal):
        return str(name)
    raise invalid(
        made,
        TemplateError(
            f"Evaluation result of language expression '{'null' if name is None else name}' is type "
            f"'{type_name(name)}', "
            "expected type is 'String'."
        ),
    )


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
    scope = _evaluated(made.context.compile(made.json.get("scope")), made)
    if isinstance(scope, Node):
        made.open_scope = scope
        return made.base
    if isinstance(scope, str) and scope:
        return _scope_id(made, scope)
    if not made.deployment:
        return made.base
    subscription, group = (_head(made, name) for name in ("subscriptionId", "resourceGroup"))
    if isinstance(group, str) and group:
        owner = subscription if isinstance(subscription, str) else made.context.scope.subscription_id
        return f"/subscriptions/{owner}/resourceGroups/{group}"
    return f"/subscriptions/{subscription}" if isinstance(subscription, str) and subscription else made.base


def _head(made: Declared, name: str) -> Value:
    if name not in made.json:
        return None
    return _evaluated(made.context.compile(made.json[name]), made)


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


def _id(made: Declared) -> Value:
    if isinstance(made.name, Node) or made.open_scope is not None:
        return _open_id(made)
    names = [part for part in str(made.name).split("/") if part]
    wanted = made.type.count("/")
    if len(names) != wanted:
        error = fault(
            f"The template resource '{made.name}' of type '{made.type}'{AT} has an invalid name. The name "
            f"'{made.name}' "
            f"contains '{len(names)}' name segment(s) separated by '/', but '{wanted}' segment(s) were "
            "expected.",
            RESOURCES,
        )
        error.path = made.where
        raise error
    return id_below(made.base, made.type, names)


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
    error = fault(
        f"The template resource '{made.name}' is not valid. The api-version property{AT} is not defined. The "
        "api-profile "
        "'<null>' for the template does not match any valid api-version for the resource type "
        f"'{made.type}'.  Either explicitly specify the api-version for the resource or specify the correct "
        "api-profile "
        "for the template..",
        RESOURCES,
    )
    error.path = made.where
    raise error


def _evaluated(node: Node, made: Declared) -> Value:
    """Evaluate a part of the head, where runtime calls are not allowed. Raises TemplateError."""
    try:
        return evaluate(node, made.env)
    except (OverBudget, NotYet):
        raise
    except TemplateError as error:
        raise invalid(made, error) from error


def _shown(name: object) -> str:
    if isinstance(name, Node):
        return f"[{text(name)}]"
    if isinstance(name, str):
        node = text_node(name)
        return f"[{text(node)}]" if not isinstance(node, Literal) else name
    return str(name)


def invalid(made: Declared, error: TemplateError) -> TemplateError:
    """Say of a resource what is wrong inside it."""
    if error.path or isinstance(error, ParseError):
        return error
    found = fault(f"The template resource '{made.label}'{AT} is not valid: {error.message}.")
    found.path, found.target = made.where, made.label
    return found


def _member(item: Declaration, name: str) -> JSON:
    key = key_of(item, name)
    return None if key is None else item[key]


def properties_of(made: Declared) -> Routine:
    """Give what the template says of the properties, or `MISSING` where it says nothing or is just being
    asked."""
    if made.busy or "properties" not in made.json:
        return MISSING
    body = yield from body_of(made)
    assert isinstance(body, dict)
    return body.get("properties", MISSING)


def body_of(made: Declared) -> Routine:
    """Evaluate the members of a resource, once, and note which resources they ask for."""
    if made.body is not None:
        return made.body
    context = made.context
    outside, context.used, made.busy = context.used, made.used, True
    try:
        made.body = yield from _members(made)
    except (OverBudget, NotYet):
        raise
    except TemplateError as error:
        raise invalid(made, error) from error
    finally:
        context.used, made.busy = outside, False
    return made.body


def _members(made: Declared) -> Generator[Request, Value, dict[str, Value]]:
    body: dict[str, Value] = {}
    for key, written_item in made.json.items():
        if key.lower() not in KEPT:
            continue
        runtime = key.lower() not in ("location", "kind")
        node = _member_node(made, key, written_item)
        value = yield node, replace(made.env, runtime=runtime)
        if key.lower() == "tags" and not isinstance(value, (dict, Node)) and value is not None:
            raise _bad_tags(made, (*made.where, key))
        if value is not None:
            body[key] = value
    return body


def _bad_tags(made: Declared, where: Where) -> TemplateError:
    error = fault(
        f"The template resource '{made.label}'{AT} has invalid Tags property. "
        "The Tags property should be a dictionary or a valid expression.",
        RESOURCES,
    )
    error.path = where
    return error


def _member_node(made: Declared, key: str, item: JSON) -> Node:
    """Compile a member; of a deployment's properties, the template is left out: it is expanded for itself."""
    where = (*made.where, key)
    if not (made.deployment and key.lower() == "properties" and isinstance(item, dict)):
        return made.context.compile(item, loops=isinstance(item, dict), where=where)
    parts = [(name, part) for name, part in item.items() if name.lower() != "template"]
    compiled = [(Literal(name), made.context.compile(part, loops=True, where=where)) for name, part in parts]
    return Members(tuple(compiled))


def head_of(made: Declared) -> Head:
    """Give what expressions may know of a resource."""
    answered = made.wanted and not made.existing
    properties = partial(properties_of, made) if answered else None
    return Head(made.id, made.name, made.type, made.api_version or None, made.wanted, properties)


def index(context: Context, found: list[Declared]) -> None:
    """Let expressions find the resources: by symbol, by id, and where that is plain by name."""
    for made in found:
        head = head_of(made)
        if isinstance(made.id, str):
            known = context.heads.get(made.id.lower())
            if known is None or not known.condition:
                context.heads[made.id.lower()] = head
        if made.symbol is not None:
            _symbol(context, made, head)
        elif isinstance(made.name, str) and (made.name.lower() not in context.heads):
            context.heads[made.name.lower()] = head


def _symbol(context: Context, made: Declared, head: Head) -> None:
    key = str(made.symbol).lower()
    if made.copy is None:
        context.symbols[key] = head
        return
    known = context.symbols.setdefault(key, [])
    assert isinstance(known, list)
    known.append(head)
