"""What is said of a command line that can't be one, and help that fits the terminal."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, NoReturn

from aitk_inference.core.redaction import without_signatures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

USAGE = 2
"""The exit code of a command line that can't be one."""
_NEEDS = "the following arguments are required: "
_ARGUMENT = "argument "
_NO_CHOICE = r"invalid choice: '?(.*?)'? \(choose from (.*)\)"
_NO_NUMBER = r"invalid int value: '(.*)'"
_OPTION = re.compile(r"--[a-z-]+")
_DEEP = " " * 6
_EXAMPLE = re.compile(r"(?P<command>  \S.*?) {2,}(?P<words>\S.*)")


class WrongArgumentsError(SystemExit):
    """What was typed is no command; a person was told so.

    Attributes:
        words: What is wrong.
        suggestion: What may have been meant, and where the help is.
    """

    def __init__(self, words: str, suggestion: str) -> None:
        super().__init__(USAGE)
        self.words = words
        self.suggestion = suggestion


class Parser(argparse.ArgumentParser):
    """A parser that says in two lines what is wrong and where the help is, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Leave with what is wrong, in argparse's words where there are no better ones."""
        if message.startswith(_NEEDS):
            words = f" needs {message.removeprefix(_NEEDS)}"
        elif message.startswith(_ARGUMENT):
            words = f" {message.removeprefix(_ARGUMENT)}"
        else:
            words = f": {message}"
        words = re.sub(
            _NO_NUMBER, r"\1 is not a whole number", re.sub(_NO_CHOICE, r"\1 is none of \2", words)
        )
        self.refuse(f"{self.prog}{words.rstrip('.')}.")

    def format_help(self) -> str:
        """Return the help, as wide as the terminal."""
        import shutil  # noqa: PLC0415 - loaded for help alone
        from textwrap import fill  # noqa: PLC0415 - likewise

        width = shutil.get_terminal_size().columns - 1
        self.description, self.epilog = fill(self.description or "", width), fitted(self.epilog or "", width)
        return super().format_help()

    def refuse(self, message: str, near: str = "") -> NoReturn:
        """Leave with what is wrong and what may have been meant."""
        message = without_signatures(message)
        meant = f"Did you mean {near}? " if near else ""
        suggestion = f"{meant}The help: {self.prog} --help"
        self._print_message(f"{message}\n→ {suggestion}\n", sys.stderr)
        raise WrongArgumentsError(message, suggestion)


class VerbParser(Parser):
    """The parser of one verb: it names the first word that is too much, and never what a secret may be."""

    def parse_known_args(  # type: ignore[override]  # argparse overloads it by the namespace's type
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the words after the verb; the first one that is nobody's ends it."""
        found, surplus = super().parse_known_args(args, namespace)
        flag = next((word.partition("=")[0] for word in surplus if word.startswith("-")), None)
        if flag:
            self.refuse(f"{self.prog} has no {flag}.", _near(flag, _OPTION.findall(self.format_usage())))
        if surplus:
            near = f"--project {without_signatures(surplus[0])}" if "project" in found else ""
            self.refuse(f'{self.prog} has no place for "{surplus[0]}".', near)
        return found, surplus


def refuse_verb(parser: Parser, verb: str, verbs: Iterable[str]) -> NoReturn:
    """Leave with the verb that is not there and the one that is nearest."""
    parser.refuse(f"There is no verb {verb}.", _near(verb, verbs))


def fitted(text: str, width: int) -> str:
    """Return the text below a help for a terminal of so many columns.

    Args:
        text: Examples, each two spaces deep, with its words two or more spaces behind it; and sentences.
        width: In columns.
    """
    shown = [(line, _EXAMPLE.fullmatch(line)) for line in text.splitlines()]
    found = [match for _, match in shown if match]
    column = max((len(match["command"]) for match in found), default=0) + 2
    beside = all(column + len(match["words"]) <= width for match in found)
    return "\n".join(_line(line, match, column if beside else 0, width) for line, match in shown)


def _line(line: str, example: re.Match[str] | None, column: int, width: int) -> str:
    from textwrap import fill  # noqa: PLC0415 - loaded for help alone

    if example and column:
        return f"{example['command']:<{column}}{example['words']}"
    if example:
        return f"{example['command']}\n{fill(example['words'], width, initial_indent=_DEEP, subsequent_indent=_DEEP)}"
    return line if line.startswith(" ") else fill(line, width)


def _near(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - 19 ms that only a mistake waits for

    return next(iter(difflib.get_close_matches(word, list(known), 1)), "")
