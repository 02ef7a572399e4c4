"""Patterns as git reads them (gitignore(5)), down to bytes: what git itself decides is right.

After ``dir.c`` (``parse_path_pattern``, ``match_basename``, ``match_pathname``) and ``wildmatch.c`` of git. Each
pattern becomes a regular expression for the whole name or path; folders above a path are the caller's to ask about
first, for what is in a folder that is left out is never asked about.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SPECIAL = re.compile(rb"[*?\[\\]")
_NEVER = b"(?!)"
_SLASH = ord("/")
_CLASSES = {
    b"alnum": rb"[0-9A-Za-z]",
    b"alpha": rb"[A-Za-z]",
    b"blank": rb"[ \t]",
    b"cntrl": rb"[\x00-\x1f\x7f]",
    b"digit": rb"[0-9]",
    b"graph": rb"[\x21-\x7e]",
    b"lower": rb"[a-z]",
    b"print": rb"[\x20-\x7e]",
    b"punct": rb"[!-/:-@\[-`{-~]",
    b"space": rb"[ \t\n\r]",
    b"upper": rb"[A-Z]",
    b"xdigit": rb"[0-9A-Fa-f]",
}


class Pattern(NamedTuple):
    """One line of an ignore file.

    Attributes:
        expression: Of the whole path, or of its last name.
        by_name: The last name alone is looked at.
        folders_only: It says nothing about files.
        brings_back: What it takes is not left out (``!``).
    """

    expression: re.Pattern[bytes]
    by_name: bool
    folders_only: bool
    brings_back: bool

    def takes(self, path: bytes, *, is_folder: bool) -> bool:
        """Return True if it decides about a path."""
        if self.folders_only and not is_folder:
            return False
        text = path.rpartition(b"/")[2] if self.by_name else path
        return self.expression.fullmatch(text) is not None


def read_pattern(line: str) -> Pattern | None:
    """Read one line; None for one that is empty or a comment."""
    text = _without_trailing_spaces(line.encode("utf-8", "surrogateescape"))
    if not text or text.startswith(b"#"):
        return None
    brings_back = text.startswith(b"!")
    text = text[brings_back:]
    folders_only = text.endswith(b"/")
    text = text[:-1] if folders_only else text
    by_name = b"/" not in text
    expression = _expression(text if by_name else text.removeprefix(b"/"))
    return Pattern(re.compile(expression, re.DOTALL), by_name, folders_only, brings_back)


def _without_trailing_spaces(line: bytes) -> bytes:
    """Return the line without the spaces at its end; one after a backslash stays."""
    end, at = 0, 0
    while at < len(line):
        at += 2 if line[at : at + 1] == b"\\" else 1
        end = end if line[at - 1 : at] == b" " and line[at - 2 : at - 1] != b"\\" else at
    return line[: max(end, 0)]


def _expression(pattern: bytes) -> bytes:
    """Return the regular expression of a pattern.

    What stands before the first special character is compared by itself, and the rest begins anew: so ``a**/b``
    takes ``ab``, too.
    """
    special = _SPECIAL.search(pattern)
    if special is None:
        return re.escape(pattern)
    prefix, rest = pattern[: special.start()], pattern[special.start() :]
    return re.escape(prefix) + _wildcards(rest)


def _wildcards(pattern: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while at < len(pattern):
        part, at = _next_part(pattern, at)
        parts.append(part)
    return b"".join(parts)


def _next_part(pattern: bytes, at: int) -> tuple[bytes, int]:
    """Return the expression of what stands at a place, and the place after it."""
    one = pattern[at : at + 1]
    if one == b"*":
        return _stars(pattern, at)
    if one == b"?":
        return b"[^/]", at + 1
    if one == b"[":
        return _brackets(pattern, at + 1)
    if one == b"\\":
        literal = pattern[at + 1 : at + 2]
        return (re.escape(literal) if literal else _NEVER), at + 2
    return re.escape(one), at + 1


def _stars(pattern: bytes, at: int) -> tuple[bytes, int]:
    end = at
    while pattern[end : end + 1] == b"*":
        end += 1
    follows = pattern[end:]
    is_whole = (at == 0 or pattern[at - 1] == _SLASH) and (not follows or follows.startswith((b"/", b"\\/")))
    if end - at == 1 or not is_whole:
        return b"[^/]*", end
    if follows.startswith(b"/"):
        return b"(?:.*/)?", end + 1
    return b".*", end


class _Set:
    """The bytes that a bracket expression takes, while it is read."""

    def __init__(self) -> None:
        self.members: set[int] = set()
        self.previous: int | None = None

    def add(self, byte: int) -> None:
        """Take a byte; a range may begin at it."""
        self.members.add(byte)
        self.previous = byte

    def add_up_to(self, byte: int) -> None:
        """Take the range from the byte before to this one."""
        self.members.update(range(self.previous or 0, byte + 1))
        self.previous = None

    def expression(self, *, negated: bool) -> bytes:
        """Return what it takes as an expression; never a slash."""
        members = set(range(256)) - self.members if negated else self.members
        listed = b"".join(b"\\x%02x" % byte for byte in sorted(members - {_SLASH}))
        return b"[" + listed + b"]" if listed else _NEVER


def _brackets(pattern: bytes, at: int) -> tuple[bytes, int]:
    """Return the expression of a bracket expression, which begins before ``at``; one that never ends takes nothing."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    found = _Set()
    is_first = True
    while at < len(pattern) and (is_first or pattern[at : at + 1] != b"]"):
        is_first = False
        after = _member(pattern, at, found)
        if after is None:
            return _NEVER, len(pattern)
        at = after
    if at >= len(pattern):
        return _NEVER, len(pattern)
    return found.expression(negated=negated), at + 1


def _member(pattern: bytes, at: int, found: _Set) -> int | None:
    """Take one member of a bracket expression; return the place after it, None where git gives up."""
    if pattern[at : at + 2] == b"[:":
        return _class(pattern, at, found)
    is_range = pattern[at : at + 1] == b"-" and found.previous and pattern[at + 1 : at + 2] not in (b"", b"]")
    at += bool(is_range)
    at += pattern[at : at + 1] == b"\\"
    if at >= len(pattern):
        return None
    (found.add_up_to if is_range else found.add)(pattern[at])
    return at + 1


def _class(pattern: bytes, at: int, found: _Set) -> int | None:
    """Take a class such as ``[:digit:]``; what only begins as one is a bracket."""
    end = pattern.find(b"]", at + 2)
    if end < 0:
        return None
    if end == at + 2 or pattern[end - 1 : end] != b":":
        found.add(ord("["))
        return at + 1
    expression = _CLASSES.get(pattern[at + 2 : end - 1])
    if expression is None:
        return None
    found.members.update(byte for byte in range(256) if re.fullmatch(expression, bytes([byte])))
    found.previous = None
    return end + 1
