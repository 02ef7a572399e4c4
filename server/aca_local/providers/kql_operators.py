"""KQL's operators on one value, as Kusto has them.

https://learn.microsoft.com/kusto/query/datatypes-string-operators
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aca_local.providers.kql_text import Kind

Test = Callable[[Any, Any], bool]  # the value and the literal, both of the column's type


def operators(kind: Kind) -> dict[str, Test]:
    """Return the operators that a column of this type knows, beside ``in``."""
    return _strings() if kind == "string" else dict(_ORDERED)


def lists(kind: Kind) -> dict[str, Test]:
    """``in`` and its relatives."""
    plain: dict[str, Test] = {"in": _in, "!in": _not(_in)}
    return plain | {"in~": _in_folded, "!in~": _not(_in_folded)} if kind == "string" else plain


_ORDERED: dict[str, Test] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _strings() -> dict[str, Test]:
    cased: dict[str, Test] = {
        "contains": operator.contains,
        "has": _has,
        "startswith": str.startswith,
        "endswith": str.endswith,
    }
    words = {name: _folded(test) for name, test in cased.items()}
    words |= {f"{name}_cs": test for name, test in cased.items()}
    words |= {f"!{name}": _not(test) for name, test in words.items()}
    same = _folded(operator.eq)
    return words | {"==": operator.eq, "!=": operator.ne, "=~": same, "!~": _not(same)}


def _has(value: str, term: str) -> bool:
    """Whether a whole term is there: terms are runs of letters and digits."""
    return re.search(rf"(?<![^\W_]){re.escape(term)}(?![^\W_])", value) is not None


def _folded(test: Test) -> Test:
    return lambda value, wanted: test(value.lower(), wanted.lower())


def _not(test: Test) -> Test:
    return lambda value, wanted: not test(value, wanted)


def _in(value: Any, wanted: list[Any]) -> bool:
    return value in wanted


def _in_folded(value: str, wanted: list[str]) -> bool:
    return value.lower() in {one.lower() for one in wanted}
