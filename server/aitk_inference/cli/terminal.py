"""A person at a terminal: numbered choices, steps with elapsed times."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, TypeVar

from aitk_inference.core.errors import Dismissed
from aitk_inference.core.logs import NOTICE
from aitk_inference.core.terminal_text import coloured, printable
from aitk_inference.core.user_interface import Choice, Confirm, Level, NobodyToAsk, Secret, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aitk_inference.cli.output import Output, Writer
    from aitk_inference.core.actions import Action
    from aitk_inference.core.model import LogLine
    from aitk_inference.core.user_interface import Answers, Document, ProgressEvent, Question

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
        out: Where a log and an answer go.
        live: True on a terminal that can renew a line.
        colours: False where NO_COLOR is set, and in a pipe.
        aside: Where all else goes (steps, notices, questions, how it ended); None: to ``out``, too.
    """

    out: Writer
    live: bool
    colours: bool
    width: int = _WIDTH
    aside: Writer | None = None
    monotonic: Callable[[], float] = time.monotonic
    _pending: str = ""
    _step: str = ""
    _shown: tuple[ProgressEvent, float] | None = None
    _is_asking: bool = False

    @classmethod
    def of(cls, out: Output, aside: Output | None = None) -> Screen:
        """Return a screen as the stream and the environment allow; ``aside`` takes the words where it is no terminal."""
        tty = out.stream is not None and out.stream.isatty() and os.environ.get("TERM") != "dumb"
        width = (os.get_terminal_size(out.stream.fileno()).columns if out.stream and tty else 0) or _WIDTH
        return cls(out, tty, tty and not os.environ.get("NO_COLOR"), width, None if tty else aside)

    @property
    def words(self) -> Writer:
        """Return where steps, notices, questions and results go."""
        return self.aside or self.out

    def step(self, event: ProgressEvent) -> None:
        """Show a step."""
        text = _step_text(event)
        subject = _DIGITS.sub("0", f"{event.step} {event.message}")
        if not self.live:
            if subject != self._step:
                self.words.write(f"{text}\n")
            self._step = subject
            return
        if self._is_asking:
            return  # it would take the question's line
        if self._step and self._step != subject:
            self.keep_step()
        self._step, self._pending, self._shown = subject, text, (event, self.monotonic())
        self._renew(text)

    def tick(self) -> None:
        """Let the clock of the step that is shown go on: some take minutes in Azure and say nothing meanwhile."""
        if self._pending and self._shown:
            event, since = self._shown
            self._renew(_step_text(event._replace(elapsed=event.elapsed + self.monotonic() - since)))

    def _renew(self, text: str) -> None:
        self.out.write(f"{_ERASE}{self._paint(text[: self.width - 1], _GREY)}")

    def line(self, text: str, level: Level = Level.INFO) -> None:
        """Write a line of its own."""
        self.keep_step()
        self.words.write(f"{self._paint(printable(text), _COLOURS.get(level, ''))}\n")

    def log(self, line: LogLine, *, named: bool, timed: bool = False) -> None:
        """Write a line of a log in its own colours, with its time (in UTC) and, where several are shown, its source.

        A notice is no part of it.
        """
        if line.source == NOTICE:
            if self.live or self.aside:
                self.line(line.text, Level.DEBUG)
            return
        shown = coloured(line.text) if self.colours else printable(line.text)
        self.keep_step()
        at = f"{line.time.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z " if line.time else ""
        self.out.write(f"{at if timed else ''}{f'[{line.source}] ' if named else ''}{shown}\n")

    def prompt(self, text: str) -> None:
        """Write a question, without an end of line."""
        self.keep_step()
        self.words.write(printable(text))
        self._is_asking = True

    def answered(self, *, is_line_ended: bool) -> None:
        """Note that no question is open any more; the terminal ends its line with the answer."""
        if is_line_ended:
            self._is_asking = False
        self.keep_step()

    def answer(self, text: str) -> None:
        """Write a piece of an answer."""
        self.keep_step()
        self.out.write(printable(text))

    def keep_step(self) -> None:
        """Leave the step, or the question without an answer, that is shown as a line."""
        if self._is_asking:
            self.words.write("\n")
            self._is_asking = False
        if self._pending:
            self.out.write(f"{_ERASE}{self._pending}\n")
            self._pending = self._step = ""

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_END}" if self.colours and colour else text


class NoInputUserInterface(NobodyToAsk):
    """Steps in lines; nobody can be asked."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def progress(self, event: ProgressEvent) -> None:
        """Show a step."""
        self._screen.step(event)

    def log(self, line: LogLine, *, named: bool = False, timed: bool = False) -> None:
        """Write a line of a log."""
        self._screen.log(line, named=named, timed=timed)

    def answer(self, text: str) -> None:
        """Write what came of an answer."""
        self._screen.answer(text)

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Write a line, and the addresses of its buttons."""
        self._screen.line(text, level)
        for action in actions:
            if action.target:
                self._screen.line(f"  {action.title}: {action.target}")

    async def show(self, document: Document) -> None:
        """Write its lines."""
        self._screen.line(document.text)


@dataclass(eq=False, repr=False)
class LineReader:
    """Reads lines of a file descriptor without holding up the loop, or the end of the program.

    A daemon thread reads the descriptor itself: a thread inside Python's buffered stdin can't be left behind. A question
    that is withdrawn leaves its thread reading: what is typed then answers the next question.
    """

    descriptor: int
    _rest: bytes = b""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _reading: asyncio.Future[bytes] | None = None

    async def line(self) -> str | None:
        """Return the next line without its end, or None at the end of the input."""
        async with self._lock:
            while b"\n" not in self._rest:
                if self._reading is None:
                    self._reading = asyncio.ensure_future(
                        _in_thread(lambda: os.read(self.descriptor, _CHUNK))
                    )
                chunk = await asyncio.shield(self._reading)
                self._reading = None
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

    @property
    def can_ask(self) -> bool:
        """Return True: a person is there."""
        return True

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
                self._screen.keep_step()
                return await _in_thread(lambda: getpass.getpass(printable(f"{question.prompt}: ")))
            case Text():
                return await self._text(question)

    async def _choice(self, choice: Choice) -> str:
        labels = [
            option.label
            if option.description in ("", option.label)
            else f"{option.label}  ({option.description})"
            for option in choice.options
        ]
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
        line = None
        try:
            line = await self._reader.line()
        finally:  # without an answer, too: the question may be withdrawn
            self._screen.answered(is_line_ended=line is not None)
        if line is None:
            raise Dismissed
        return line.strip()


def _step_text(event: ProgressEvent) -> str:
    clock = f"{int(event.elapsed) // 60:>2}:{event.elapsed % 60:04.1f}"
    return printable(f"{clock}  {event.step:<10} {event.message}")


def _picked(typed: str, choice: Choice) -> str | None:
    """Return the value picked by number or by its own text; "" asks for a new one; None is no pick."""
    if typed.isdecimal():
        number = int(typed)
        if 1 <= number <= len(choice.options):
            return choice.options[number - 1].value
        return "" if choice.create_label and number == len(choice.options) + 1 else None
    known = {text.lower(): option.value for option in choice.options for text in (option.value, option.label)}
    return known.get(typed.lower())


async def read_all(descriptor: int) -> bytes:
    """Return all that a pipe or file holds, without holding up the loop, or the end of the program."""
    return await _in_thread(lambda: b"".join(iter(lambda: os.read(descriptor, _CHUNK), b"")))


async def _in_thread(work: Callable[[], T]) -> T:
    """Run what waits for a person."""
    from aitk_inference.core.daemon_thread import in_daemon_thread  # noqa: PLC0415 - most runs ask nobody

    return await in_daemon_thread(work, "terminal input")
