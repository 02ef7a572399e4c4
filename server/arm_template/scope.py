"""Where an expression is evaluated: the template around it, and what is bound just there."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias
from typing import Literal as Literal_

from arm_template.compiling import prepare
from arm_template.syntax import Call, Literal
from arm_template.values import Node, Value, is_open

if TYPE_CHECKING:
    from arm_template.budget import Budget
    from arm_template.errors import TemplateError, Where
    from arm_template.plan import Runtime, Scope, Volatile
    from arm_template.values import JSON

TURN = re.compile(r"(.+)\[(\d{1,4})\]")  # one turn of a resource loop, as Bicep writes it
UNSET = Node()


Request: TypeAlias = "tuple[Node, Env]"

Routine: TypeAlias = Generator[Request, Value, Value]

Waits: TypeAlias = Literal_["never", "shallow", "deep"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that wants the values of its arguments.

    `apply` gets them; `least` and `most` say how many (None: any number), `kinds` which types each may have,
    in the engine's words (None: any; arguments past the end are as the last). With `scoped`, `apply` gets the
    environment first. With `wordy`, too few arguments are told as "at least". `waits` tells when the call
    must wait for run time: when an argument is not known ("shallow"), or something inside one is not either
    ("deep"). With `late`, no type is checked before all is known; `eager` checks after each argument
    that is evaluated. With `by_keys`, the call waits for the names of an object's properties, too;
    `whole` adds to a call that waits the arguments that were left out.
    """

    apply: Callable[..., Value]
    least: int
    most: int | None
    kinds: tuple[tuple[str, ...] | None, ...] = ()
    scoped: bool = False
    wordy: bool = False
    waits: Waits = "deep"
    late: bool = False
    by_keys: bool = False
    whole: Callable[[Env, list[Value]], list[Value]] | None = None
    eager: Callable[[str, list[Value]], None] | None = None


@dataclass(frozen=True, slots=True)
class Special:
    """A function that decides which of its arguments are evaluated, and in which environment."""

    run: Callable[[Call, Env], Routine]
    least: int
    most: int | None
    wordy: bool = False


Table: TypeAlias = Mapping[str, "Function | Special"]


@dataclass(slots=True)
class Slot:
    """A parameter or variable: evaluated when first asked for, then remembered."""

    name: str
    node: Node
    env: Env | None
    value: Value = UNSET
    check: Callable[[Value], Value] | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a resource before its body: enough for `reference` and `resourceInfo` to find it.

    `properties` answers what the template says of its properties, or `MISSING` as long as that is not known.
    `failed` is what is wrong with its name, id or version.
    """

    id: Value
    name: Value
    type: str
    api_version: str | None
    condition: bool = True
    properties: Callable[[], Value] | None = None
    failed: TemplateError | None = None


@dataclass(slots=True)
class Context:
    """One template being evaluated. Names of the mappings are in lower case.

    With `preview`, references are answered from what the templates of the deployment say, as a snapshot does:
    `answers` holds the resources that are evaluated already, by their ids, the last of twins; `outputs` those of
    the nested deployments.
    """

    scope: Scope
    budget: Budget
    table: Table
    template: Mapping[str, JSON]
    volatile: Volatile | None = None
    runtime: Runtime | None = None
    symbolic: bool = False
    preview: bool = False
    nested: bool = False
    condition: Value = True
    conditional: bool = False
    parameters: dict[str, Slot] = field(default_factory=dict)
    variables: dict[str, Slot] = field(default_factory=dict)
    functions: dict[str, Special] = field(default_factory=dict)
    symbols: dict[str, Head | list[Head]] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    answers: dict[str, Head] = field(default_factory=dict)
    compiled: dict[tuple[int, bool], Node] = field(default_factory=dict)
    empty_loops: set[str] = field(default_factory=set)
    used: dict[str, None] = field(default_factory=dict)
    chain: list[str] = field(default_factory=list)
    opened: bool = False
    info: Callable[[str], Head | None] | None = None  # what resourceInfo() may know at any time
    unread: TemplateError | None = None  # why a resource, and those after it, could not be read

    def compile(self, value: JSON, *, loops: bool = False, where: Where = ()) -> Node:
        """Compile a part of the document, once. Raises ParseError."""
        if not isinstance(value, (dict, list)):
            return prepare(value)
        key = (id(value), loops)
        node = self.compiled.get(key)
        if node is None:
            node = prepare(value, loops=loops, where=where)
            self.compiled[key] = node
        return node

    def any_open(self, args: list[Value]) -> bool:
        """Return True if something in the arguments waits for run time."""
        return self.opened and any(is_open(arg) for arg in args)

    def left_open(self, node: Node) -> Node:
        """Remember that something waits for run time, and give it back."""
        self.opened = True
        return node

    def note(self, identity: Value) -> None:
        """Remember that what is being evaluated needs a resource."""
        if isinstance(identity, str):
            self.used[identity] = None

    def find(self, target: str) -> Head | list[Head] | None:
        """Find a resource of this template by its symbolic name, its name or its id."""
        key = target.lower()
        found = self.symbols.get(key) or self.heads.get(key)
        if found is None and (match := TURN.fullmatch(key)):
            turns = self.symbols.get(match[1])
            at = int(match[2])
            return turns[at] if isinstance(turns, list) and at < len(turns) else None
        return found


@dataclass(frozen=True, slots=True)
class Env:
    """What is bound around an expression.

    `arguments` are those of a user-defined function, `lambdas` the variables of lambdas, `copies` the turn of
    each loop by its name, the first `of_resource` those of resources, and `copy` the innermost one. `runtime` tells whether calls of the running cloud are
    allowed here, `zoned` the same of those about zones, `volatile` of utcNow and newGuid. `softly` says that nobody knows yet whether the value is needed, `second` is the second pass,
    which answers what the first left open and the templates know: with `foreign` by the ids that stand there alone,
    since names mean nothing in another template.
    """

    context: Context
    arguments: Mapping[str, Value] | None = None
    lambdas: Mapping[str, Value] = field(default_factory=dict)
    copies: Mapping[str, int] = field(default_factory=dict)
    copy: str | None = None
    of_resource: int = 0
    runtime: bool = False
    zoned: bool = False
    second: bool = False
    softly: bool = False
    foreign: bool = False
    volatile: bool = False
    loops: bool = False
    callers: tuple[str, ...] = ()

    @property
    def stays_written(self) -> bool:
        """Whether a preview keeps here as it stands what it may not need.

        The second pass finds all of its names, and answers in it what it asks for by a plain text.
        """
        bound = self.lambdas or len(self.copies) > self.of_resource or self.arguments is not None
        return self.context.preview and not bound

    def with_lambdas(self, names: Mapping[str, Value]) -> Env:
        """Bind the variables of a lambda."""
        return replace(self, lambdas={**self.lambdas, **names})

    def with_copy(self, name: str, index: int, *, own: bool = True) -> Env:
        """Bind one turn of a loop; with `own`, copyIndex() without a name means it."""
        copy = name.lower() if own else self.copy
        return replace(self, copies={**self.copies, name.lower(): index}, copy=copy)


def value_of(node: Node, env: Env) -> Routine:
    """Evaluate one node inside a routine."""
    return node.value if isinstance(node, Literal) else (yield node, env)
