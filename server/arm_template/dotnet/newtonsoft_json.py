"""Reads and writes JSON as the engine's library (Newtonsoft's) does inside expressions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from arm_template.dotnet.numbers import float_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arm_template.values import Value

DEEPEST = 64
SCALAR = re.compile(r"-?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Infinity)|[A-Za-z_$][\w$]*")
BLANK = re.compile(r"(?:\s+|/\*.*?\*/|//[^\r\n]*)*", re.DOTALL)
HALVES = re.compile(  # escapes of half a surrogate pair
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"' + r"|'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", '"': '"', "'": "'"}
ENDS = ("", " ", "\t", "\r", "\n", ",", "]", "}", ":", "/")
WORDS: dict[str, Value] = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}


def read_json(text: str) -> Value:
    """Read a JSON text, with the liberties that Newtonsoft's reader takes. Raises ValueError."""
    text = HALVES.sub(r"\\ufffd", text)
    try:
        value: Value = json.loads(text, strict=False)
    except RecursionError as error:
        raise ValueError("too deep") from error
    except ValueError:
        value = _Reader(text).read()
    if deeper_than(value, DEEPEST):
        raise ValueError("too deep")
    return value


def deeper_than(value: object, deepest: int) -> bool:
    """Return True if arrays and objects are nested deeper than `deepest` levels."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(deepest + 1):
        level = [
            part
            for item in level
            for part in (item.values() if isinstance(item, dict) else item)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return False
    return True


class _Reader:
    """Reads what the standard reader refuses:

    comments, single quotes, bare names, trailing commas, hexadecimal.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> Value:
        return self._value(0)

    def _value(self, level: int) -> Value:
        mark = self._skip()
        if level > DEEPEST:
            raise ValueError("too deep")
        if mark == "{":
            return self._object(level)
        if mark == "[":
            return self._array(level)
        if mark in ('"', "'"):
            return self._string()
        return self._scalar()

    def _skip(self) -> str:
        match = BLANK.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return self.text[self.at : self.at + 1]

    def _object(self, level: int) -> Value:
        self.at += 1
        found: dict[str, Value] = {}
        while (mark := self._skip()) != "}":
            name = self._string() if mark in ('"', "'") and mark else self._word()
            self._take(":")
            found[name] = self._value(level + 1)
            if not self._separator("}"):
                return found
        self.at += 1
        return found

    def _array(self, level: int) -> Value:
        self.at += 1
        found: list[Value] = []
        while (mark := self._skip()) != "]":
            if mark == ",":
                found.append(None)
            else:
                found.append(self._value(level + 1))
            if not self._separator("]"):
                return found
        self.at += 1
        return found

    def _separator(self, end: str) -> bool:
        """Step over a comma. False where the text ends: Newtonsoft's reader then closes what is open."""
        mark = self._skip()
        if mark == ",":
            self.at += 1
        elif mark and mark != end:
            raise ValueError("no separator")
        return bool(mark)

    def _take(self, mark: str) -> None:
        if self._skip() != mark:
            raise ValueError(f"no {mark}")
        self.at += 1

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError("not JSON")
        self.at = match.end()
        return match.group()

    def _string(self) -> str:
        return ESCAPE.sub(_unescaped, self._match(STRING)[1:-1])

    def _word(self) -> str:
        return self._match(SCALAR)

    def _scalar(self) -> Value:
        word = self._match(SCALAR)
        if self.text[self.at : self.at + 1] not in ENDS:
            raise ValueError("no end of a number or word")
        if word in WORDS:
            return WORDS[word]
        if re.fullmatch(r"-?0[xX].*", word):
            return int(word, 16)
        if re.fullmatch(r"-?0[0-7]+", word):
            return int(word, 8)
        return int(word) if re.fullmatch(r"-?\d+", word) else float(word)


def _unescaped(match: re.Match[str]) -> str:
    if match.group(1):
        return chr(int(match.group(1), 16))
    if match.group(2) not in PLAIN:
        raise ValueError("unknown escape")
    return PLAIN[match.group(2)]


def write_json(value: Value) -> str:
    """Write compact JSON. Depth is bounded by the budget of the evaluation."""
    return "".join(_pieces(value))


def _pieces(value: Value) -> Iterator[str]:
    if isinstance(value, dict):
        yield "{"
        for at, (key, item) in enumerate(value.items()):
            yield ("," if at else "") + quoted(key) + ":"
            yield from _pieces(item)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for at, item in enumerate(value):
            if at:
                yield ","
            yield from _pieces(item)
        yield "]"
    else:
        yield _scalar(value)


def _scalar(value: Value) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        written = float_text(value)
        return written if not written.lstrip("-").isdigit() else written + ".0"
    return json.dumps(value)


def quoted(text: str) -> str:
    """Write a JSON string:

    only what must be escaped, and the two line marks that JavaScript does not allow.
    """
    return (
        json.dumps(text, ensure_ascii=False)
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
        .replace("\x85", "\\u0085")
    )
