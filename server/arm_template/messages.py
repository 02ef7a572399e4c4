"""Errors that several parts of the evaluator raise, in the engine's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template.errors import AT, TemplateError, fault
from arm_template.values import type_name

if TYPE_CHECKING:
    from arm_template.errors import Where
    from arm_template.values import Value

LONGEST = 131072  # characters of a text that an expression makes
NO_LITERAL = "Expressions of type Azure.Deployments.Expression.Intermediate.FunctionExpression are not literal values and thus cannot be converted to JTokens."
LOOPS = "https://aka.ms/arm-resource-loops"
ORDINALS = ("first", "second", "third", "fourth", "fifth")


def too_long() -> TemplateError:
    """Return the error that says that an expression makes a text that is too long."""
    return TemplateError(
        f"The result of the template language expression exceeds the maximum length limit of {LONGEST} characters."
    )


def too_few(name: str, least: int) -> TemplateError:
    """Return the error that says that a function is given fewer arguments than it takes."""
    wanted = f"At least {least} parameters should be provided."
    if least <= 2:  # noqa: PLR2004 - the engine spells one and two
        wanted = f"At least {'one' if least == 1 else 'two'} parameter should be provided."
    return fault(f"Unable to evaluate template language function '{name}'. {wanted}")


def wrong_kind(name: str, kinds: tuple[str, ...], arg: Value, at: int, *, alone: bool) -> TemplateError:
    """Return the error that says that an argument has not the type that the function wants."""
    if name.lower() == "resourceid" and at > 2:  # noqa: PLR2004 - the engine counts on from there
        return fault(
            f"The template language function '{name}' expects the parameter at position {at} to be of type '{kinds[0]}'. The provided value is of type '{type_name(arg)}'."
        )
    place = "" if alone and len(kinds) == 1 else ORDINALS[at] + " " if at < len(ORDINALS) else f"{at + 1}th "
    wanted = (
        f"of type '{kinds[0]}'" if len(kinds) == 1 else f"one of the following types '{', '.join(kinds)}'"
    )
    return fault(
        f"The template language function '{name}' expects its {place}parameter to be {wanted}. The provided value is of type '{type_name(arg)}'."
    )


def wrong_result(value: Value, wanted: str) -> TemplateError:
    """Return the error that says that an expression gives a value of another type than its place wants."""
    return TemplateError(
        f"Evaluation result of language expression '{shown(value)}' is type '{type_name(value)}', expected type is '{wanted}'."
    )


def no_loop() -> TemplateError:
    """Return the error that says that copyIndex() stands where no loop is."""
    return fault(
        "The template function 'copyIndex' is not expected at this location. The function can only be used in a resource with copy specified.",
        LOOPS,
    )


def nested_loop(where: Where) -> TemplateError:
    """Return the error that says that a loop stands inside another of the same resource."""
    error = fault(
        f"The template 'copy' definition{AT} has nested copy arrays. The use of nested copy arrays is not supported.",
        "https://aka.ms/arm-resource-loops",
    )
    error.path = where
    return error


def shown(key: Value) -> str:
    """Write a property name or index as the engine's messages do."""
    if key is None:
        return "null"
    if isinstance(key, (dict, list)):
        return "[object]" if isinstance(key, dict) else "[array]"
    return f"{key:g}" if isinstance(key, float) else str(key)
