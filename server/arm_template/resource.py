"""One resource of a template, or one turn of its loop: what was declared, and what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from arm_template.compiling import escaped, text_node
from arm_template.errors import (
    AS_IT_IS,
    AT,
    NotYet,
    OverBudget,
    ParseError,
    RepeatedKey,
    TemplateError,
    Unsupported,
    fault,
)
from arm_template.evaluator import evaluate
from arm_template.syntax import Literal
from arm_template.unparser import text
from arm_template.values import Node, Value, taken

if TYPE_CHECKING:
    from arm_template.errors import Where
    from arm_template.plan import CopyInfo
    from arm_template.scope import Context, Env
    from arm_template.values import JSON

DEPLOYMENT = "microsoft.resources/deployments"
RESOURCES = "https://aka.ms/arm-syntax-resources"
Declaration = dict[str, "JSON"]


class TemplateScope(Enum):
    """Where the expressions of a nested template belong; `UNKNOWN` until the deployment runs."""

    INNER = "inner"
    OUTER = "outer"
    UNKNOWN = "unknown"


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
    api_version: str | None = None
    id: Value = ""
    base: str = ""
    condition: Value = True
    needed: bool = False  # a resource inside it is wanted, so that it is evaluated whatever its condition
    certain: bool = True  # its own condition is a truth
    existing: bool = False
    copy: CopyInfo | None = None
    parents: list[Declared] = field(default_factory=list)
    depends_on: list[Value] = field(default_factory=list)
    body: dict[str, Value] | None = None
    unevaluated: frozenset[str] = (
        frozenset()
    )  # members that failed in the first pass, where nobody knew if they are needed
    failed: TemplateError | None = None  # what is wrong with a resource that may not be wanted
    completed: bool = False  # the second pass has been over the body
    used: dict[str, None] = field(default_factory=dict)
    open_scope: Node | None = None
    own: tuple[str, JSON] | None = None  # type and name as a child resource writes them
    template_scope: TemplateScope = TemplateScope.OUTER  # of a deployment, once its body is evaluated
    owner: Declared | None = None  # the deployment around, where its expressions are those outside it

    @property
    def deployment(self) -> bool:
        """Whether it is a nested deployment."""
        return self.type.lower() == DEPLOYMENT

    @property
    def is_nested(self) -> bool:
        """Whether it stands in the template of a nested deployment."""
        return "template" in self.where

    @property
    def label(self) -> str:
        """What errors call it: its symbol, else its name, or the expression of its name."""
        if self.owner is not None:
            return self.owner.label
        if self.symbol is not None:
            return self.symbol if self.copy is None else f"{self.symbol}[{self.copy.index}]"
        if isinstance(self.name, str) and self.name and not self.own:
            return escaped(self.name)
        return shown_name(self.own[1] if self.own else self.name or self.json.get("name"))

    @property
    def error_path(self) -> Where:
        """Where errors say that it is."""
        return self.where if self.owner is None else self.owner.error_path

    @property
    def uncertain(self) -> bool:
        """Whether a preview cannot know if the resource is wanted: its condition is no truth yet."""
        return self.context.preview and not self.certain and not self.needed

    @property
    def certainly_wanted(self) -> bool:
        """Whether it is evaluated for itself, or for a resource inside it."""
        return self.needed or (self.wanted and not self.uncertain)

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


def softly_evaluated(item: JSON, made: Declared) -> Value:
    """Evaluate a part of the head of an uncertain resource; what fails stays as it is written."""
    try:
        return evaluate(made.context.compile(item), made.env)
    except (OverBudget, NotYet):
        raise
    except TemplateError:
        made.context.chain.clear()
        return as_written(item)


def as_written(item: JSON) -> Value:
    """Return a part of a template in which no expression is evaluated and no loop is run."""
    if isinstance(item, dict):
        return {key: as_written(part) for key, part in item.items()}
    if isinstance(item, list):
        return [as_written(part) for part in item]
    node = text_node(item) if isinstance(item, str) else Literal(taken(item))
    return node.value if isinstance(node, Literal) else node


def invalid(made: Declared, error: TemplateError) -> TemplateError:
    """Return the error that says of a resource what is wrong inside it."""
    if isinstance(error, (RepeatedKey, Unsupported)):
        return TemplateError(f"The template resource '{made.label}'{AT} is not valid.", path=made.error_path)
    if error.path:
        return error
    found = fault(f"The template resource '{made.label}'{AT} is not valid: {error.message}.")
    found.path, found.target = made.error_path, made.label
    return found


def shown_name(name: object) -> str:
    """Return what errors call a resource of that name: an expression as the engine writes it."""
    if isinstance(name, Node):
        return f"[{text(name)}]"
    if isinstance(name, str):
        try:
            node = text_node(name)
        except ParseError:
            return name
        return f"[{text(node)}]" if not isinstance(node, Literal) else name
    return str(name)
