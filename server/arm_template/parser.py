"""Turns the text of an expression into a syntax tree, without calling itself however deep the text is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from arm_template.errors import ParseError
from arm_template.lexer import Token, tokens
from arm_template.syntax import Access, Call, Literal

if TYPE_CHECKING:
    from arm_template.values import Node


@dataclass(slots=True)
class _Open:
    """A call or an index whose closing mark has not come yet: a call has a name, an index has a base."""

    name: str | None
    base: Node | None = None
    args: list[Node] = field(default_factory=list)


LONGEST = 81920  # characters of an expression


def parse(text: str) -> Node:
    """Parse an expression, its outer brackets taken off. Raises ParseError."""
    if len(text) > LONGEST:
        raise ParseError(
            f"The language expression length limit exceeded. Limit: '{LONGEST}' and actual: '{len(text)}'."
        )
    return _parsed(text)


@lru_cache(maxsize=8192)
def _parsed(text: str) -> Node:
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.ahead: Token | None = None
        self.open: list[_Open] = []
        self.plain = False  # the operand just read is a literal: nothing may be taken from it

    def parse(self) -> Node:
        node = self._operand()
        while node is None or self.open or not self._at_end():
            node = self._operand() if node is None else self._after(node)
        return node

    def _at_end(self) -> bool:
        """Return True if nothing is left; what may follow a whole call is not the end."""
        kind = self._peek().kind
        if kind != "EndOfData" and (self.plain or kind not in ("Dot", "LeftSquareBracket")):
            raise self._expected("EndOfData", self._peek())
        return kind == "EndOfData"

    def _operand(self) -> Node | None:
        """Read a literal or the opening of a call: None when an argument must follow first."""
        token = self._next()
        self.plain = token.kind in ("Literal", "Integer")
        if self.plain:
            return Literal(token.value)
        if token.kind != "Identifier":
            raise self._expected("Identifier", token)
        name = token.text
        if self._peek().kind == "Dot":
            self._next()
            name += "." + self._take("Identifier").text
        self._take("LeftParenthesis")
        self.open.append(_Open(name))
        if self._peek().kind == "RightParenthesis":
            self._next()
            return self._close_call()
        return None

    def _after(self, node: Node) -> Node | None:
        """Read what follows an operand: an access, a comma or a closing mark."""
        token = self._next()
        if not self.plain and token.kind == "Dot":
            return Access(node, Literal(self._take("Identifier").text))
        if not self.plain and token.kind == "LeftSquareBracket":
            self.open.append(_Open(None, node))
            return None
        if self.open[-1].name is None:
            return self._close_index(node, token)
        self.open[-1].args.append(node)
        if token.kind == "Comma":
            return None
        if token.kind != "RightParenthesis":
            raise self._expected("RightParenthesis", token)
        return self._close_call()

    def _close_call(self) -> Node:
        top = self.open.pop()
        assert top.name is not None
        self.plain = False
        return Call(top.name, tuple(top.args), top.name.lower())

    def _close_index(self, node: Node, token: Token) -> Node:
        if token.kind != "RightSquareBracket":
            raise self._expected("RightSquareBracket", token)
        top = self.open.pop()
        assert top.base is not None
        self.plain = False
        return Access(top.base, node)

    def _peek(self) -> Token:
        self.ahead = self.ahead or next(self.tokens)
        return self.ahead

    def _next(self) -> Token:
        token = self._peek()
        self.ahead = token if token.kind == "EndOfData" else None
        return token

    def _take(self, kind: str) -> Token:
        token = self._next()
        if token.kind != kind:
            raise self._expected(kind, token)
        return token

    def _expected(self, kind: str, token: Token) -> ParseError:
        return ParseError(
            f"Unable to parse language expression '{self.text}': expected token '{kind}' and actual '{token.kind}'."
        )
