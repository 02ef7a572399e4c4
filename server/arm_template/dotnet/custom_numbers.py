"""Writes numbers by .NET's custom format strings, such as `#,##0.00;(0)`.

It follows .NET's own routine (dotnet/runtime, `Number.Formatting.cs`, `NumberToStringFormat`) step by step,
since templates meet its corners: sections, scaling commas, literals, exponents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal

SECTIONS = re.compile(r"'[^']*'?|\"[^\"]*\"?|\\.|;|[^;]", re.DOTALL)
PIECES = re.compile(
    r"'(?P<single>[^']*)'?|\"(?P<double>[^\"]*)\"?|\\(?P<escaped>.?)|(?P<exponent>[eE][+-]?0+)|(?P<mark>.)",
    re.DOTALL,
)
PRECISION = 15  # significant digits of a double
GROUP = 3
LONGEST_EXPONENT = 10
NEVER = 1 << 31


@dataclass(frozen=True, slots=True)
class Number:
    """ "0.digits" times ten to the power of `scale`; no digits mean zero."""

    digits: str
    scale: int
    negative: bool
    floating: bool


@dataclass(slots=True)
class Layout:
    """What a section asks for: places before the point, in all, and what must be written of them."""

    pieces: list[re.Match[str]]
    count: int = 0
    point: int = -1
    first: int = NEVER
    last: int = 0
    scientific: bool = False
    grouped: bool = False
    shift: int = 0


def custom_text(value: int | float, pattern: str) -> str:
    """Write a finite number by a custom format."""
    number = _number(value)
    wanted = 2 if not number.digits else 1 if number.negative else 0
    section, text = _section(pattern, wanted)
    layout = _layout(text)
    if number.digits:
        number = replace(number, scale=number.scale + layout.shift)
        places = layout.count if layout.scientific else number.scale + layout.count - layout.point
        number = _rounded(number, places)
        zero, other = _section(pattern, 2)
        if not number.digits and zero != section:
            section, text = zero, other
            layout = _layout(text)
    elif not number.floating:
        number = replace(number, negative=False)
    return _Writer(number, layout, signed=number.negative and section == 0).write()


def _number(value: int | float) -> Number:
    if isinstance(value, int):
        digits = str(abs(value)).lstrip("0")
        return Number(digits.rstrip("0"), len(digits), value < 0, floating=False)
    sign, figures, power = Decimal(f"{value:.{PRECISION - 1}e}").as_tuple()
    text = "".join(map(str, figures)).rstrip("0")
    scale = len(figures) + power if text and isinstance(power, int) else 0
    return Number(text, scale, bool(sign), floating=True)


def _section(pattern: str, wanted: int) -> tuple[int, str]:
    """Return the number of the section that counts, and its text: an empty one falls back to the first."""
    ends = [match.start() for match in SECTIONS.finditer(pattern) if match.group() == ";"]
    starts = [0, *(end + 1 for end in ends)]
    sections = [pattern[start:end] for start, end in zip(starts, [*ends, len(pattern)], strict=True)]
    at = wanted if wanted < len(sections) and sections[wanted] else 0
    return at, sections[at]


def _layout(text: str) -> Layout:
    layout = Layout(list(PIECES.finditer(text)))
    thousand, commas = -1, 0
    for piece in layout.pieces:
        mark = piece["mark"]
        layout.scientific = layout.scientific or piece["exponent"] is not None
        if mark == "," and layout.count > 0 and layout.point < 0:
            layout.grouped = layout.grouped or 0 <= thousand != layout.count
            commas = commas + 1 if thousand == layout.count else 1
            thousand = layout.count
        elif mark:
            _count(layout, mark)
    layout.point = layout.count if layout.point < 0 else layout.point
    if thousand == layout.point:
        layout.shift -= commas * GROUP
    layout.grouped = layout.grouped or 0 <= thousand != layout.point
    layout.first = max(layout.point - layout.first, 0)
    layout.last = min(layout.point - layout.last, 0)
    return layout


def _count(layout: Layout, mark: str) -> None:
    if mark == "0":
        layout.first = min(layout.first, layout.count)
        layout.last = layout.count + 1
    if mark in "0#":
        layout.count += 1
    elif mark == "." and layout.point < 0:
        layout.point = layout.count
    layout.shift += {"%": 2, "‰": 3}.get(mark, 0)


def _rounded(number: Number, places: int) -> Number:
    """Keep so many digits, halves away from zero."""
    kept = number.digits[: max(places, 0)]
    scale = number.scale
    if 0 <= places < len(number.digits) and number.digits[places] >= "5":
        raised = str(int(kept or "0") + 1).rjust(len(kept), "0")
        scale += len(raised) - len(kept)
        kept = raised
    kept = kept.rstrip("0")
    if kept:
        return replace(number, digits=kept, scale=scale)
    return Number("", 0, number.negative and number.floating, number.floating)


class _Writer:
    """Walks a section and hands out the digits."""

    def __init__(self, number: Number, layout: Layout, *, signed: bool) -> None:
        self.number = number
        self.layout = layout
        self.signed = signed
        self.rest = number.digits
        self.adjust = 0 if layout.scientific else number.scale - layout.point
        self.place = layout.point if layout.scientific else max(number.scale, layout.point)
        self.pointed = False
        self.powered = False
        self.made: list[str] = []

    def write(self) -> str:
        for piece in self.layout.pieces:
            mark = piece["mark"]
            if mark is None:
                self._other(piece)
                continue
            if mark in "#0.":
                self._surplus()
            if mark in "#0":
                self._digit()
            elif mark == ".":
                self._point()
            elif mark != ",":
                self.made.append(mark)
        text = "".join(self.made)
        return f"-{text}" if self.signed and (self.number.scale or text) else text

    def _other(self, piece: re.Match[str]) -> None:
        power = piece["exponent"]
        if power is not None:
            self.made.append(self._power(power) if not self.powered else power)
            self.powered = True
            return
        self.made.append(piece["single"] or piece["double"] or piece["escaped"] or "")

    def _surplus(self) -> None:
        """Write the digits for which the pattern has no place of their own."""
        while self.adjust > 0:
            self._put(self._next() or "0")
            self.adjust -= 1

    def _digit(self) -> None:
        if self.adjust < 0:
            self.adjust += 1
            digit = "0" if self.place <= self.layout.first else ""
        else:
            digit = self._next() or ("0" if self.place > self.layout.last else "")
        self._put(digit)

    def _next(self) -> str:
        digit, self.rest = self.rest[:1], self.rest[1:]
        return digit

    def _put(self, digit: str) -> None:
        if digit:
            self.made.append(digit)
            if self.layout.grouped and self.place > 1 and (self.place - 1) % GROUP == 0:
                self.made.append(",")
        self.place -= 1

    def _point(self) -> None:
        if self.place != 0 or self.pointed:
            return
        if self.layout.last < 0 or (self.layout.point < self.layout.count and self.rest):
            self.made.append(".")
            self.pointed = True

    def _power(self, text: str) -> str:
        power = self.number.scale - self.layout.point if self.number.digits else 0
        sign = "-" if power < 0 else "+" if text[1] == "+" else ""
        width = min(text.count("0"), LONGEST_EXPONENT)
        return f"{text[0]}{sign}{str(abs(power)).zfill(width)}"
