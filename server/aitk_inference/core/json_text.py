"""JSON that a person may have written: read strictly, with each mistake and each value at its place.

Beside what JSON forbids, refused is what programs read differently: a key that stands twice, ``NaN``, numbers
and nesting beyond what Resource Manager takes, half of a surrogate pair. Places are zero-based lines and
columns in UTF-16 code units, as editors count.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aitk_inference.core.model import Json

DEEPEST = 100
"""Levels of objects and lists; a template of Azure has some twenty."""
LONGEST_NUMBER = 400
"""Digits; the largest double has 309."""

_TOKEN = re.compile(
    r'[ \t\r\n]*([{}\[\],:]|"(?:[^"\\\x00-\x1f]|\\.)*"|[^\s{}\[\],:"]+)'  # punctuation, a text, anything else
)
_LINE_END = re.compile(r"\r\n?|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_CONSTANTS = frozenset({"NaN", "Infinity", "-Infinity"})
_NAME_EXPECTED = ("Expecting property name", "Illegal trailing comma")


class JsonMistake(ValueError):
    """A text that is not JSON, or is JSON that programs read differently.

    Attributes:
        message: What is wrong, a sentence.
        offset: Where, in characters from the start.
    """

    def __init__(self, message: str, offset: int, text: str) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.line, self.column = position(text, offset)


class _Refused(ValueError):
    """What the hooks of the parser refuse; :func:`_mistakes` finds its place."""


class _Token(NamedTuple):
    """A key, or the begin of a value.

    Attributes:
        text: As it is written; of an object or list its bracket.
        path: The keys and indices that lead to it: the scan's own list, which changes as it goes on.
        is_repeated: True for a key that its object had before.
    """

    text: str
    offset: int
    path: list[str | int]
    is_repeated: bool = False


def parse(text: str) -> Json:
    """Return the value of a JSON text.

    Raises:
        JsonMistake: with the place of the first mistake.
    """
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as error:
        plain = JsonMistake(_explain(error), error.pos, text)
        raise min([plain, *_mistakes(text)], key=lambda mistake: mistake.offset) from None
    except (ValueError, RecursionError):
        raise next(_mistakes(text), JsonMistake("It is not JSON.", 0, text)) from None
    if _is_too_deep(value) or _SURROGATE_ESCAPE.search(text):
        for mistake in _mistakes(text):
            raise mistake
    return value


def locate(text: str, *path: str | int) -> tuple[int, int]:
    """Return where a value stands: the place of its key, or of the element of a list.

    Keys are compared as they are, and in any case where none is the same. Where the path ends early, it is
    the place of its last part that is there.

    Args:
        text: A JSON text; what comes after a mistake is not seen.
        path: Keys and zero-based indices from the root.
    """
    exact, loose = _deepest(text, path, fold=False), _deepest(text, path, fold=True)
    return position(text, (loose if loose[0] > exact[0] else exact)[1])


def position(text: str, offset: int) -> tuple[int, int]:
    """Return the zero-based line and column (UTF-16 code units) of an offset in characters."""
    lines = _LINE_END.split(text[:offset])
    return len(lines) - 1, len(lines[-1].encode("utf-16-le", "surrogatepass")) // 2


def text_of(value: Json) -> str | None:
    """Return a text without the space around it; None for an empty one, and for what is none."""
    return value.strip() or None if isinstance(value, str) else None


def _deepest(text: str, path: Sequence[str | int], *, fold: bool) -> tuple[int, int]:
    """Return how many parts of the path are there, and the offset of the last of them."""
    wanted = [_folded(part, fold=fold) for part in path]
    depth, offset = 0, 0
    for token in _scan(text):
        reached = len(token.path)
        if depth < reached <= len(wanted) and [_folded(p, fold=fold) for p in token.path] == wanted[:reached]:
            depth, offset = reached, token.offset
    return depth, offset


def _folded(part: str | int, *, fold: bool) -> str | int:
    return part.casefold() if fold and isinstance(part, str) else part


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Refused
    return found


def _constant(_: str) -> float:
    raise _Refused


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Refused
    return value


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise _Refused
    return int(text)


def _is_too_deep(value: Json) -> bool:
    level: list[Json] = [value]
    for _ in range(DEEPEST + 1):
        objects = [item.values() for item in level if isinstance(item, dict)]
        lists = [item for item in level if isinstance(item, list)]
        level = [child for children in (*objects, *lists) for child in children]
    return bool(level)


def _explain(error: json.JSONDecodeError) -> str:
    """Return the parser's words as a person says them."""
    if not error.doc.strip():
        return "The file is empty."
    if error.doc[error.pos :].startswith(("//", "/*", "#")):
        return "JSON has no comments."
    if error.msg.startswith(_NAME_EXPECTED) and error.doc[: error.pos].rstrip().endswith(","):
        return "There is a comma too many before this place."
    return f"{error.msg}."


def _mistakes(text: str) -> Iterator[JsonMistake]:
    """Find what the standard library's parser takes, or refuses without a place."""
    for token in _scan(text):
        if len(token.path) > DEEPEST:
            yield JsonMistake(f"It is nested deeper than {DEEPEST} levels.", token.offset, text)
            return
        if message := _complaint(token):
            yield JsonMistake(message, token.offset, text)


def _complaint(token: _Token) -> str:
    """Return what is wrong with a token; empty when nothing is."""
    if token.is_repeated:
        return f"The key {token.text} stands twice in its object."
    if token.text.startswith('"'):
        half = _SURROGATE_ESCAPE.search(token.text) and _SURROGATE.search(_plain(token.text))
        return "Half of a surrogate pair is no character." if half else ""
    if token.text in _CONSTANTS:
        return f"JSON has no {token.text}: write a number or null."
    if not _NUMBER.fullmatch(token.text):
        return ""
    if len(token.text) > LONGEST_NUMBER:
        return f"The number has {len(token.text):,} digits: no program reads it."
    return "The number is too large." if math.isinf(float(token.text)) else ""


def _scan(text: str) -> Iterator[_Token]:
    """Go through the keys and values of a JSON text up to its first mistake, without recursion."""
    path: list[str | int] = []
    keys: list[set[str]] = []  # of the objects and lists that are open
    offset, expects_key = 0, False
    while found := _TOKEN.match(text, offset):
        part, start, offset = found[1], found.start(1), found.end()
        if part in ("}", "]"):
            del path[-1:], keys[-1:]
            expects_key = False
        elif part == ",":
            expects_key = bool(path) and isinstance(path[-1], str)
            path[-1:] = [key if isinstance(key, str) else key + 1 for key in path[-1:]]
        elif part == ":":
            expects_key = False
        elif expects_key and part.startswith('"'):
            path[-1] = name = _plain(part)
            yield _Token(part, start, path, name in keys[-1])
            keys[-1].add(name)
        else:
            yield _Token(part, start, path)
            if part in ("{", "["):
                path.append("" if part == "{" else 0)
                keys.append(set())
                expects_key = part == "{"


def _plain(quoted: str) -> str:
    """Return what a quoted text says; itself where it says nothing."""
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted
