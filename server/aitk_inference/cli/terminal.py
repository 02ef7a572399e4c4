"""A person at a terminal: numbered choices, steps with elapsed times."""

from __future__ import annotations

import asyncio
import concurrent.futures
import getpass
import os
import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from aitk_inference.cli.lines import put
from aitk_inference.core.errors import Dismissed, InputRequired
from aitk_inference.core.interface import Choice, Confirm, Level, Secret, Text, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from aitk_inference.core.interface import Action, Answers, ProgressEvent, Question

_GREY, _YELLOW, _RED, _END = "\x1b[90m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
_ERASE = "\r\x1b[2K"
_COLOURS = {Level.WARNING: _YELLOW, Level.ERROR: _RED, Level.DEBUG: _GREY}
_CHUNK, _WIDTH = 4096, 100
_DIGITS = re.compile(r"[\d.,]+ ?[kMGT]?B?")
T = TypeVar("T")


@dataclass(eq=False, repr=False)
class Screen:
    """Lines on a terminal or in a pipe; on a terminal a step that differs from the one before in its numbers
    alone renews that line. In a pipe such a step is left out.

    Attributes:
        live: True on a terminal that can renew a line.
        colours: False where NO_COLOR is set, and in a pipe.
    """

    out: TextIO
    live: bool
    colours: bool
    width: int = _WIDTH
    _pending: str = ""
    _step: str = ""

    @classmethod
    def of(cls, out: TextIO) -> Screen:
        """A screen as the stream and the environment allow."""
        tty = out.isatty() and os.environ.get("TERM") != "dumb"
        width = (os.get_terminal_size(out.fileno()).columns if tty else 0) or _WIDTH
        return cls(out, tty, tty and not os.environ.get("NO_COLOR"), width)

    def step(self, event: ProgressEvent) -> None:
        """Show a step."""
        text = f"{_clock(event.elapsed)}  {event.step:<10} {event.message}"
        subject = _DIGITS.sub("0", f"{event.step} {event.message}")
        if not self.live:
            if subject != self._step:
                put(self.out, f"{text}\n")
            self._step = subject
            return
        if self._step and self._step != subject:
            self.settle()
        self._step, self._pending = subject, text
        put(self.out, f"{_ERASE}{self._paint(text[: self.width - 1], _GREY)}")

    def line(self, text: str, level: Level = Level.INFO) -> None:
        """Write a line of its own."""
        self.settle()
        put(self.out, f"{self._paint(text, _COLOURS.get(level, ''))}\n")

    def prompt(self, text: str) -> None:
        """Write without an end of line."""
        self.settle()
        put(self.out, text)

    def settle(self) -> None:
        """Leave the step that is shown as a line."""
        if self._pending:
            put(self.out, f"{_ERASE}{self._pending}\n")
            self._pending = self._step = ""

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_END}" if self.colours and colour else text


class NoInputUserInterface:
    """Steps in lines; nobody can be asked."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Name every question with its flag.

        Raises:
            InputRequired: always.
        """
        raise InputRequired([missing(question) for question in questions])

    def progress(self, event: ProgressEvent) -> None:
        """Show a step."""
        self._screen.step(event)

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Write a line, and the addresses of its buttons."""
        self._screen.line(text, level)
        for action in actions:
            if action.target:
                self._screen.line(f"  {action.title}: {action.target}")


@dataclass(eq=False, repr=False)
class LineReader:
    """Reads lines of a file descriptor without holding up the loop, or the end of the program.

    A daemon thread reads the descriptor itself: a thread inside Python's buffered stdin can't be left behind.
    """

    descriptor: int
    _rest: bytes = b""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def line(self) -> str | None:
        """The next line without its end, or None at the end of the input."""
        async with self._lock:
            while b"\n" not in self._rest:
                chunk = await _in_thread(lambda: os.read(self.descriptor, _CHUNK))
                if not chunk:
                    return None
                self._rest += chunk
            line, _, self._rest = self._rest.partition(b"\n")
            return line.decode(errors="replace").rstrip("\r")


class TerminalUserInterface(NoInputUserInterface):
    """A person who reads the screen and types answers."""

    def __init__(self, screen: Screen, reader: LineReader) -> None:
        super().__init__(screen)
        self._reader = reader

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Ask one question after the other.

        Raises:
            Dismissed: the input ended.
        """
        return {question.name: await self._one(question) for question in questions}

    async def _one(self, question: Question) -> str:
        match question:
            case Choice():
                return await self._choice(question)
            case Confirm():
                return await self._confirm(question)
            case Secret():
                return await _in_thread(lambda: getpass.getpass(f"{question.prompt}: "))
            case Text():
                return await self._text(question)

    async def _choice(self, choice: Choice) -> str:
        labels = [_label(option.label, option.description) for option in choice.options]
        if choice.create_label:
            labels.append(choice.create_label)
        default = next((i for i, o in enumerate(choice.options, 1) if o.value == choice.default), None)
        self._screen.line(f"{choice.prompt}:")
        for number, label in enumerate(labels, 1):
            self._screen.line(f" {'*' if number == default else ' '}{number:>3}) {label}")
        while True:
            picked = await self._line(f"Number{f' [{default}]' if default else ''}: ")
            value = _picked(picked or (str(default) if default else ""), choice)
            if value is not None:
                return value or await self._text(Text(choice.name, "Name", choice.flag))
            self._screen.line(f"Type a number from 1 to {len(labels)}.")

    async def _confirm(self, confirm: Confirm) -> str:
        if confirm.detail:
            self._screen.line(confirm.detail)
        typed = await self._line(f"{confirm.prompt} [y/N] ")
        return "yes" if typed.lower() in ("y", "yes") else "no"

    async def _text(self, text: Text) -> str:
        while True:
            typed = await self._line(f"{text.prompt}{f' [{text.default}]' if text.default else ''}: ")
            value = typed or text.default
            if value and (text.pattern is None or re.fullmatch(text.pattern, value)):
                return value
            self._screen.line(text.pattern_hint or "Type a value, or press Ctrl+C to stop.")

    async def _line(self, prompt: str) -> str:
        self._screen.prompt(prompt)
        line = await self._reader.line()
        if line is None:
            self._screen.line("")
            raise Dismissed
        return line.strip()


def _picked(typed: str, choice: Choice) -> str | None:
    """The value picked by number or by its own text; "" asks for a new one; None is no pick."""
    if typed.isdecimal():
        number = int(typed)
        if 1 <= number <= len(choice.options):
            return choice.options[number - 1].value
        return "" if choice.create_label and number == len(choice.options) + 1 else None
    known = {text.lower(): option.value for option in choice.options for text in (option.value, option.label)}
    return known.get(typed.lower())


def _label(label: str, description: str) -> str:
    return f"{label}  ({description})" if description and description != label else label


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:>2}:{seconds % 60:04.1f}"


async def _in_thread(work: Callable[[], T]) -> T:
    """Run what waits for a person in a daemon thread, which a cancelled run leaves behind without harm."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            with suppress(concurrent.futures.InvalidStateError):
                future.set_exception(error)
        else:
            with suppress(concurrent.futures.InvalidStateError):
                future.set_result(result)

    threading.Thread(target=run, daemon=True, name="terminal input").start()
    return await asyncio.wrap_future(future)
