"""Functions of numbers, truth and order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arm_template.dotnet.numbers import LARGEST, SMALLEST, check_int64
from arm_template.dotnet.utf16 import ordinal
from arm_template.errors import TemplateError, fault
from arm_template.messages import wrong_kind
from arm_template.scope import Function
from arm_template.unparser import text
from arm_template.values import MISSING, Node, Value, is_open, same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WHOLE = ("Integer",)
NUMBER = re.compile(r"\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)


def whole(value: Value) -> int:
    """`int(value)`."""
    if isinstance(value, str):
        text = value.strip(" \t\n\v\f\r")
        number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,30}", text) else LARGEST + 1
        if not SMALLEST <= number <= LARGEST:
            raise fault(
                f"The template language function 'int' cannot convert provided value '{value}' to integer value.",
                "https://aka.ms/arm-function-int",
            )
        return number
    assert isinstance(value, int)
    return value


def floating(value: Value) -> float:
    """`float(value)`."""
    if type(value) in (int, float):
        return float(str(value))
    if isinstance(value, str):
        text = value.strip()
        if NUMBER.fullmatch(text):
            return float(text.replace(",", ""))
        if text.lower() in ("infinity", "-infinity", "nan"):
            return float(text)
    raise _target("float")


def truth(value: Value) -> bool:
    """`bool(value)`."""
    if isinstance(value, (bool, int, float)):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in ("true", "false"):
        return word == "true"
    raise _target("bool")


def _target(name: str) -> TemplateError:
    return TemplateError(
        f"The template language function '{name}' was invoked with a parameter that is not valid. The value cannot be converted to the target type."
    )


def add(one: int, two: int) -> int:
    """`add(one, two)`."""
    return _fits("add", one, two, one + two)


def sub(one: int, two: int) -> int:
    """`sub(one, two)`."""
    return _fits("sub", one, two, one - two)


def mul(one: int, two: int) -> int:
    """`mul(one, two)`."""
    return _fits("mul", one, two, one * two)


def _fits(name: str, one: int, two: int, result: int) -> int:
    check_int64(one)
    check_int64(two)
    if SMALLEST <= result <= LARGEST:
        return result
    raise fault(f"The template language function '{name}' overflowed with the operants '{one}' and '{two}'.")


def div(one: int, two: int) -> int:
    """`div(one, two)`: towards zero."""
    return _divided("div", one, two)[0]


def mod(one: int, two: int) -> int:
    """`mod(one, two)`: with the sign of the first."""
    return _divided("mod", one, two)[1]


def _divided(name: str, one: int, two: int) -> tuple[int, int]:
    if two == 0:
        raise fault(f"The template language function '{name}' tried to divide by zero.")
    if one == SMALLEST and two == -1:
        raise TemplateError("Arithmetic operation resulted in an overflow.")
    quotient = abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1)
    return quotient, one - quotient * two


def smallest(*values: Value) -> Value:
    """`min(…)` of numbers, or of an array of them."""
    return _extreme("min", values, min)


def largest(*values: Value) -> Value:
    """`max(…)` of numbers, or of an array of them."""
    return _extreme("max", values, max)


def _extreme(name: str, values: Sequence[Value], choose: Callable[..., int | float]) -> Value:
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not values:
        raise fault(
            f"Unable to evaluate template language function '{name}'. At least one parameter should be provided."
        )
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < sum(not isinstance(value, Node) for value in values):
        raise _not_numeric(name)
    if len(numbers) < len(values):
        return MISSING
    for number in numbers:
        check_int64(number)
    return choose(numbers)


def equals(one: Value, two: Value) -> bool:
    """`equals(one, two)`: inside arrays and objects, what is not known yet is the same where its expressions are."""
    return same(_as_text(one), _as_text(two)) if is_open(one) and is_open(two) else same(one, two)


def _as_text(value: Value) -> Value:
    """Return a value in which objects of their texts stand for expressions."""
    if isinstance(value, Node):
        return {"": text(value)}
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    return [_as_text(item) for item in value] if isinstance(value, list) else value


def greater(one: Value, two: Value) -> bool:
    """`greater(one, two)`."""
    return _order("greater", one, two) > 0


def greater_or_equals(one: Value, two: Value) -> bool:
    """`greaterOrEquals(one, two)`."""
    return _order("greaterOrEquals", one, two) >= 0


def less(one: Value, two: Value) -> bool:
    """`less(one, two)`."""
    return _order("less", one, two) < 0


def less_or_equals(one: Value, two: Value) -> bool:
    """`lessOrEquals(one, two)`."""
    return _order("lessOrEquals", one, two) <= 0


def _order(name: str, one: Value, two: Value) -> int:
    """Compare numbers, or texts by their units."""
    if isinstance(one, str) and isinstance(two, str):
        left, right = ordinal(one), ordinal(two)
        return (left > right) - (left < right)
    if isinstance(one, str) or isinstance(two, str):
        at, wrong = (1, two) if isinstance(one, str) else (0, one)
        raise wrong_kind(name, ("String",), wrong, at, alone=False)
    if not (isinstance(one, (int, float)) and isinstance(two, (int, float))) or bool in (
        type(one),
        type(two),
    ):
        raise _not_numeric(name)
    return (one > two) - (one < two)


def _not_numeric(name: str) -> TemplateError:
    return fault(
        f"The provided arguments for template language function '{name}' is not valid: all function arguments should be of numeric types.",
        f"https://aka.ms/arm-functions#{name}",
    )


def negated(value: bool) -> bool:
    """`not(value)`."""
    return not value


TABLE = {
    "int": Function(whole, 1, 1, (("Integer", "String"),)),
    "float": Function(floating, 1, 1, waits="shallow"),
    "bool": Function(truth, 1, 1, waits="shallow"),
    "add": Function(add, 2, 2, (WHOLE,)),
    "sub": Function(sub, 2, 2, (WHOLE,)),
    "mul": Function(mul, 2, 2, (WHOLE,)),
    "div": Function(div, 2, 2, (WHOLE,)),
    "mod": Function(mod, 2, 2, (WHOLE,)),
    "min": Function(smallest, 1, None, waits="never"),
    "max": Function(largest, 1, None, waits="never"),
    "equals": Function(equals, 2, 2, waits="shallow"),
    "greater": Function(greater, 2, 2, waits="shallow"),
    "greaterorequals": Function(greater_or_equals, 2, 2, waits="shallow"),
    "less": Function(less, 2, 2, waits="shallow"),
    "lessorequals": Function(less_or_equals, 2, 2, waits="shallow"),
    "not": Function(negated, 1, 1, (("Boolean",),)),
    "true": Function(lambda: True, 0, 0),
    "false": Function(lambda: False, 0, 0),
    "null": Function(lambda: None, 0, 0),
}
