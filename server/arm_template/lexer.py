"""Cuts the text of an expression into tokens, with the engine's complaints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from arm_template.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<string>'[^']*(?:''[^']*)*')|(?P<number>[+-]?\d[\d.]*(?:[eE][+-]?\d*)?|[+-])"
    r"|(?P<name>[^\W\d][\w$]*|\$[\w$]*)|(?P<mark>[()\[\],.])"
)
WHOLE = re.compile(r"[+-]?\d+")
MARKS = {
    "(": "LeftParenthesis",
    ")": "RightParenthesis",
    "[": "LeftSquareBracket",
    "]": "RightSquareBracket",
    ",": "Comma",
    ".": "Dot",
}
LARGEST = 2**63 - 1
LONGEST_NUMBER = 40  # characters; int() of a very long text would take long


class Token(NamedTuple):
    """A kind in the engine's own word, the text, and its value where it is a literal."""

    kind: str
    text: str
    value: str | int | None = None


def tokens(text: str) -> Iterator[Token]:
    """Cut an expression (without its brackets) into tokens as they are asked for; the last is EndOfData.

    Raises ParseError, where the reader has come so far.
    """
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise _unexpected(text, position)
        if match.lastgroup != "space":
            yield _token(text, match)
        position = match.end()
    yield Token("EndOfData", "")


def _token(text: str, match: re.Match[str]) -> Token:
    word = match.group()
    if match.lastgroup == "string":
        return Token("Literal", word, word[1:-1].replace("''", "'"))
    if match.lastgroup == "number":
        return Token("Integer", word, _number(text, word, match.start()))
    if match.lastgroup == "name":
        return Token("Identifier", word)
    return Token(MARKS[word], word)


def _number(text: str, word: str, position: int) -> int:
    after = text[position + len(word) : position + len(word) + 1]
    if after.isalpha() or after == "_":
        raise _unexpected(text, position + len(word))
    if "." in word or "e" in word or "E" in word:
        raise ParseError(
            f"The language expression '{text}' at position '{position}' is not valid: float point numbers are not supported."
        )
    if not WHOLE.fullmatch(word) or len(word) > LONGEST_NUMBER or not -LARGEST - 1 <= int(word) <= LARGEST:
        raise ParseError(
            f"The language expression '{text}' is not valid: the value '{word}' at position '{position}' cannot be converted to number."
        )
    return int(word)


def _unexpected(text: str, position: int) -> ParseError:
    character = text[position] if text[position] <= "\uffff" else "\ufffd"  # .NET shows half of a pair
    if character == "'":
        return ParseError(
            f"The language expression '{text}' is not valid: the string constant at position '{position}' is not terminated. String constants must be enclosed within a pair of single quotes."
        )
    return ParseError(
        f"The language expression '{text}' is not valid: the string character '{character}' at position '{position}' is not expected."
    )
