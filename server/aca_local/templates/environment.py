"""Where an expression is evaluated: the template around it, and what is bound just there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aca_local.templates.compiling import Where, compile_json
from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.machine import Function, Routine, Special, Table, call_function, check_count
from aca_local.templates.syntax import Call, Loop, Node
from aca_local.templates.values import Value, is_open
from aca_local.templates.writing import expression

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aca_local.templates.budget import Budget
    from aca_local.templates.model import Runtime, Scope, Volatile
    from aca_local.templates.values import JSON

TURN = re.compile(r"(.+)\[(\d{1,4})\]")  # one turn of a resource loop, as Bicep writes it
UNSET = Node()


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

    `properties` evaluates what the template says of its properties, or gives `MISSING` where that cannot be
    known.
    """

    id: Value
    name: Value
    type: str
    api_version: str | None
    condition: bool = True
    properties: Callable[[], Routine] | None = None


@dataclass(slots=True)
class Context:
    """One template being evaluated. Names of the mappings are in lower case.

    With `preview`, references to resources of the template are answered from the template, as a snapshot
    does.
    """

    scope: Scope
    budget: Budget
    table: Table
    template: Mapping[str, JSON]
    volatile: Volatile | None = None
    runtime: Runtime | None = None
    symbolic: bool = False
    preview: bool = False
    condition: Value = True
    parameters: dict[str, Slot] = field(default_factory=dict)
    variables: dict[str, Slot] = field(default_factory=dict)
    functions: dict[str, Special] = field(default_factory=dict)
    symbols: dict[str, Head | list[Head]] = field(default_factory=dict)
    heads: dict[str, Head] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    compiled: dict[tuple[int, bool], Node] = field(default_factory=dict)
    empty_loops: set[str] = field(default_factory=set)
    used: dict[str, None] = field(default_factory=dict)
    chain: list[str] = field(default_factory=list)
    opened: bool = False
    run_loop: Callable[[Loop, Env], Routine] | None = None

    def begin(self, call: Call, env: Env) -> Routine:
        """Give the routine of a call. Raises TemplateError where there is no such function."""
        spec = self.table.get(call.key) or self.functions.get(call.key) or self.table.get(_family(call.key))
        if isinstance(spec, Function):
            return call_function(spec, call, env)
        if spec is None:
            raise fault(f"The template function '{call.name}' is not valid.")
        check_count(call, spec.least, spec.most, wordy=spec.wordy)
        return spec.run(call, env)

    def compile(self, value: JSON, *, loops: bool = False, where: Where = ()) -> Node:
        """Compile a part of the document, once. Raises ParseError."""
        if not isinstance(value, (dict, list)):
            return compile_json(value)
        key = (id(value), loops)
        node = self.compiled.get(key)
        if node is None:
            node = self.compiled[key] = compile_json(value, loops=loops, where=where)
        return node

    def loop(self, loop: Loop, env: Env) -> Routine:
        """Give the routine of a `copy`."""
        assert self.run_loop is not None
        return self.run_loop(loop, env)

    def any_open(self, args: list[Value]) -> bool:
        """Tell whether something in the arguments waits for run time."""
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

    def key_text(self, key: Value) -> str:
        """Give the text of a property name that an expression made. Raises TemplateError."""
        if isinstance(key, str):
            return key
        if isinstance(key, Node):
            return expression(key)
        raise TemplateError("The property name of a template object must be a string.")


def _family(key: str) -> str:
    """Give the name that all functions of an open family, such as listKeys, share in the table."""
    return "list*" if key.startswith("list") else ""


@dataclass(frozen=True, slots=True)
class Env:
    """What is bound around an expression.

    `arguments` are those of a user-defined function, `lambdas` the variables of lambdas, `copies` the turn of
    each loop by its name and `copy` the innermost one. `runtime` tells whether calls of the running cloud are
    allowed here, `volatile` the same of utcNow and newGuid. `answered` tells whether a preview answers
    references from the template here: the engine does so in properties and outputs alone.
    """

    context: Context
    arguments: Mapping[str, Value] | None = None
    lambdas: Mapping[str, Value] = field(default_factory=dict)
    copies: Mapping[str, int] = field(default_factory=dict)
    copy: str | None = None
    runtime: bool = False
    answered: bool = True
    volatile: bool = False
    loops: bool = False
    callers: tuple[str, ...] = ()

    def with_lambdas(self, names: Mapping[str, Value]) -> Env:
        """Bind the variables of a lambda."""
        return replace(self, lambdas={**self.lambdas, **names})

    def with_copy(self, name: str, index: int, *, own: bool = True) -> Env:
        """Bind one turn of a loop; with `own`, copyIndex() without a name means it."""
        copy = name.lower() if own else self.copy
        return replace(self, copies={**self.copies, name.lower(): index}, copy=copy)
