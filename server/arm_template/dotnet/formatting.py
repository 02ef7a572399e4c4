""".NET's composite formatting in the invariant culture, for `format`."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING

from arm_template.dotnet.custom_numbers import custom_text
from arm_template.dotnet.newtonsoft_json import write_json
from arm_template.dotnet.numbers import float_text
from arm_template.errors import TemplateError, fault
from arm_template.messages import LONGEST, too_long

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arm_template.values import Value

ITEM = re.compile(r"(?P<index>0*\d{1,7}) *(?:, *(?P<width>-?\d+) *)?(?::(?P<spec>[^{}]*))?\}")
STANDARD = re.compile(r"([A-Za-z])(\d{0,9})")


def composite(pattern: str, args: Sequence[Value]) -> str:
    """Put arguments into `{index[,width][:format]}`. Raises TemplateError, with .NET's words."""
    pieces: list[str] = []
    at, size = 0, 0
    while at < len(pattern):
        mark = pattern[at]
        if mark not in "{}":
            end = min(
                stop for stop in (pattern.find("{", at), pattern.find("}", at), len(pattern)) if stop >= 0
            )
            pieces.append(pattern[at:end])
            at = end
        elif pattern[at + 1 : at + 2] == mark:
            pieces.append(mark)
            at += 2
        elif mark == "}":
            raise _ends(at + 1)
        else:
            text, at = _item(pattern, at + 1, args)
            pieces.append(text)
            size += len(text)
            if size > LONGEST:
                raise too_long()
    return "".join(pieces)


def _item(pattern: str, at: int, args: Sequence[Value]) -> tuple[str, int]:
    match = ITEM.match(pattern, at)
    if match is None:
        raise _broken(pattern, at)
    index, width = int(match["index"]), int(match["width"] or 0)
    if index >= len(args):
        raise _invalid(
            "Index (zero based) must be greater than or equal to zero and less than the size of the argument list."
        )
    if abs(width) > LONGEST:
        raise too_long()
    text = shown(args[index], match["spec"] or "")
    return (text.ljust(-width) if width < 0 else text.rjust(width)), match.end()


def _broken(pattern: str, at: int) -> TemplateError:
    """Find the place of the fault as .NET does."""
    if at >= len(pattern):
        return _ends(at)
    if not pattern[at].isdecimal():
        return _parse(at, "Expected an ASCII digit.")
    rest = re.compile(r"\d{1,7} *").match(pattern, at)
    at = rest.end() if rest else at
    if pattern[at : at + 1] == ",":
        spaces = re.compile(r", *-?").match(pattern, at)
        at = spaces.end() if spaces else at
        return _ends(at) if at >= len(pattern) else _parse(at, "Expected an ASCII digit.")
    if pattern[at : at + 1] == ":":
        brace = re.compile(r"[^{}]*").match(pattern, at + 1)
        return _ends(brace.end() if brace else at)
    return _ends(at)


def _ends(at: int) -> TemplateError:
    return _parse(at, "Format item ends prematurely.")


def _parse(at: int, problem: str) -> TemplateError:
    return _invalid(f"Input string was not in a correct format. Failure to parse near offset {at}. {problem}")


def _invalid(problem: str) -> TemplateError:
    return fault(
        f"Unable to evaluate language function 'format': the format is invalid: '{problem}'.",
        "https://aka.ms/arm-function-format",
    )


def shown(value: Value, spec: str) -> str:
    """Write one argument."""
    if value is None:
        return ""
    if isinstance(value, (str, bool)):
        return str(value)
    if isinstance(value, (int, float)):
        return number_text(value, spec)
    return write_json(value).replace("'", "\\'").replace('"', "'")


def number_text(value: int | float, spec: str) -> str:
    """Write a number by a standard or custom format."""
    plain = float_text(value) if isinstance(value, float) else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return plain
    if len(spec) > LONGEST:
        raise too_long()
    match = STANDARD.fullmatch(spec)
    if not spec:
        return plain
    if match is None:
        return custom_text(value, spec)
    kind, digits = match[1], int(match[2]) if match[2] else None
    if digits is not None and digits > LONGEST:
        raise too_long()
    return _standard(value, plain, kind, digits)


def _standard(value: int | float, plain: str, kind: str, digits: int | None) -> str:
    low = kind.lower()
    if low in "dxb" and isinstance(value, int):
        return _integer(value, kind, digits or 0)
    if low in "nfcp":
        return _fixed(value, low, 2 if digits is None else digits)
    if low == "e":
        return _exponent(Decimal(repr(value)), kind, 6 if digits is None else digits, 3)
    if low == "g" and digits:
        return _general(Decimal(repr(value)), kind, digits)
    if low in "gr":
        return plain
    raise _invalid("Format specifier was invalid.")


def _integer(value: int, kind: str, digits: int) -> str:
    if kind in "dD":
        return ("-" if value < 0 else "") + str(abs(value)).zfill(digits)
    number = value & (1 << 64) - 1 if value < 0 else value
    text = f"{number:b}" if kind in "bB" else f"{number:x}"
    return (text.upper() if kind == "X" else text).zfill(digits)


def _fixed(value: int | float, kind: str, digits: int) -> str:
    number = Decimal(value)
    number = number * 100 if kind == "p" else number
    with localcontext() as context:
        context.prec = max(50, len(str(abs(number))) + digits + 5)
        rounded = abs(number).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    text = f"{rounded:,.{digits}f}" if kind != "f" else f"{rounded:.{digits}f}"
    if kind == "c":
        return f"(¤{text})" if value < 0 else f"¤{text}"
    sign = "-" if value < 0 else ""
    return f"{sign}{text} %" if kind == "p" else sign + text


def _exponent(number: Decimal, kind: str, digits: int, width: int) -> str:
    text = f"{number:.{digits}e}" if number else f"{'-' * number.is_signed()}{0:.{digits}e}"
    mantissa, _, power = text.partition("e")
    return f"{mantissa}{kind}{'-' if power.startswith('-') else '+'}{power.lstrip('+-').zfill(width)}"


def _general(number: Decimal, kind: str, digits: int) -> str:
    if number and not -5 < number.adjusted() < digits:  # noqa: PLR2004 - .NET's bound for small numbers
        mantissa, mark, power = _exponent(number, "E" if kind == "G" else "e", digits - 1, 2).partition(
            "E" if kind == "G" else "e"
        )
        return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + mark + power
    places = max(digits - 1 - number.adjusted(), 0) if number else 0
    text = f"{number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
