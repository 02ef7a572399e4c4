"""What the documents show: fenced blocks and the commands in them, so that tests can run what people read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        place: Document and line, for messages of tests.
        language: The word behind the fence; empty for shell commands.
        text: What stands in it.
    """

    place: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its lines as commands: continued lines joined, comments and the output of a console left out."""
        text = self.text.replace("\\\n", " ")
        lines = [line.strip() for line in text.splitlines()]
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [re.sub(r"\s+# .*| {2,}#.*", "", line) for line in lines if line and not line.startswith("#")]


def documents() -> list[Path]:
    """Every document of the repository that a person reads."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("infra/**/*.md")]
    return sorted([*found, *ROOT.glob("scripts/**/*.md"), ROOT / "extension" / "README.md"])


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document."""
    text = document.read_text(encoding="utf-8")
    name = document.relative_to(ROOT).as_posix()
    return [
        Block(f"{name}:{text[: found.start()].count(chr(10)) + 1}", found[1], found[2])
        for found in _FENCE.finditer(text)
    ]


def shell_blocks(document: Path) -> list[Block]:
    """Those of them that a person pastes into a shell."""
    return [block for block in blocks(document) if block.language in {"", "console", "bash", "sh"}]


def inline(document: Path) -> Iterator[str]:
    """What stands in backticks in the running text."""
    for found in _INLINE.finditer(_FENCE.sub("", document.read_text(encoding="utf-8"))):
        yield found[1]
