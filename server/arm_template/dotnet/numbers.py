"""How .NET writes and reads numbers."""

from __future__ import annotations

import math

from arm_template.errors import TemplateError

LARGEST = 2**63 - 1
SMALLEST = -(2**63)
FIXED_DIGITS = 15  # a double is written without an exponent up to here

INT32 = 2**31


def check_int32(number: int) -> None:
    """Refuse what .NET's `int` cannot hold. Raises TemplateError."""
    if not -INT32 <= number < INT32:
        raise _unusable(number, -INT32, INT32 - 1)


def check_int64(number: float) -> None:
    """Refuse a whole number that .NET's `long` cannot hold. Raises TemplateError."""
    if isinstance(number, int) and not SMALLEST <= number <= LARGEST:
        raise _unusable(number, SMALLEST, LARGEST)


def _unusable(number: int, least: int, most: int) -> TemplateError:
    return TemplateError(
        f"The value '{number}' cannot be used as a number because it is either too large or too small. The value must be between {least} and {most}."
    )


def float_text(value: float) -> str:
    """Write a double as .NET's `ToString("R", InvariantCulture)`: the shortest text that reads back."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign, digits, exponent = _shortest(value)
    point = exponent + len(digits)
    if not -4 < point <= FIXED_DIGITS:  # noqa: PLR2004 - .NET writes 0.00001 with an exponent
        body = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{sign}{body}E{'+' if point > 0 else '-'}{abs(point - 1):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def _shortest(value: float) -> tuple[str, str, int]:
    """Return sign, significant digits and the power of ten of the last one."""
    mantissa, _, power = f"{value!r}".lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent = int(power or 0) - len(fraction)
    stripped = digits.rstrip("0")
    exponent += len(digits) - len(stripped)
    return sign, stripped or "0", exponent if stripped else 0
