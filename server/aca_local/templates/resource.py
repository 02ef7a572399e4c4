"""One resource of a template, or one turn of its loop: what was declared, and what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aca_local.templates.compiling import text_node
from aca_local.templates.errors import AS_IT_IS, AT, ParseError, TemplateError, fault
from aca_local.templates.machine import evaluate
from aca_local.templates.syntax import Literal, Node
from aca_local.templates.values import Value, key_of
from aca_local.templates.writing import text

if TYPE_CHECKING:
    from aca_local.templates.compiling import Where
    from aca_local.templates.environment import Context, Env
    from aca_local.templates.model import CopyInfo
    from aca_local.templates.values import JSON

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
    own: tuple[str, JSON] | None = None  # type and name as a child resource writes them
    owner: Declared | None = None  # the deployment around, where its expressions are those outside it

    @property
    def deployment(self) -> bool:
        """Whether it is a nested deployment."""
        return self.type.lower() == DEPLOYMENT

    @property
    def label(self) -> str:
        """What errors call it: its symbol, else its name, or the expression of its name."""
        if self.owner is not None:
            return self.owner.label
        if self.symbol is not None:
            return self.symbol if self.copy is None else f"{self.symbol}[{self.copy.index}]"
        return _shown(self.own[1] if self.own else self.name or self.json.get("name"))

    @property
    def place(self) -> Where:
        """Where errors say that it is."""
        return self.where if self.owner is None else self.owner.place

    @property
    def wanted(self) -> bool:
        """Whether its condition holds, as far as is known."""
        return self.condition is not False


def evaluated(item: JSON, made: Declared) -> Value:
    """Evaluate a part of the head, where runtime calls are not allowed. Raises TemplateError."""
    try:
        return evaluate(made.context.compile(item), made.env)
    except AS_IT_IS:
        raise
    except TemplateError as error:
        raise invalid(made, error) from error


def invalid(made: Declared, error: TemplateError) -> TemplateError:
    """Say of a resource what is wrong inside it."""
    inside = made.owner is None and "template" in made.where
    if error.path or (inside and isinstance(error, ParseError)):
        return error
    found = fault(f"The template resource '{made.label}'{AT} is not valid: {error.message}.")
    found.path, found.target = made.place, made.label
    return found


def member_of(item: Declaration, name: str) -> JSON:
    """Give a member, found without regard to case, or None."""
    key = key_of(item, name)
    return None if key is None else item[key]


def _shown(name: object) -> str:
    if isinstance(name, Node):
        return f"[{text(name)}]"
    if isinstance(name, str):
        try:
            node = text_node(name)
        except ParseError:
            return name
        return f"[{text(node)}]" if not isinstance(node, Literal) else name
    return str(name)
