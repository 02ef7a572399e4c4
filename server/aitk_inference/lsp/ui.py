"""The person in front of an editor, as flows see them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types

from aitk_inference.core.errors import Dismissed, InputRequired
from aitk_inference.core.interface import Choice, Confirm, Level, Option, Secret, Text, missing
from aitk_inference.lsp import wire
from aitk_inference.lsp.actions import act, plain_actions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.interface import Action, Answers, ProgressEvent, Question
    from aitk_inference.lsp.editor import Editor

_SHORT = 6
"""The most buttons that a message of a plain client can carry and still be read."""


class LspUserInterface:
    """Asks, shows progress and speaks through one editor, for one run of one flow.

    Args:
        editor: The client.
        title: The flow in the words of the palette.
        token: The client's progress token; None shows no progress (the output panel still tells).
    """

    def __init__(self, editor: Editor, title: str, token: types.ProgressToken | None) -> None:
        self._editor = editor
        self._title = title
        self._token = token
        self._last = ("", "")
        self.where = "starting"

    def begin(self) -> None:
        """Open the progress."""
        if self._token is not None:
            begin = types.WorkDoneProgressBegin(title=self._title, cancellable=True, percentage=0)
            self._editor.progress(self._token, begin)

    def end(self) -> None:
        """Close the progress."""
        if self._token is not None:
            self._editor.progress(self._token, types.WorkDoneProgressEnd())

    def progress(self, event: ProgressEvent) -> None:
        """Report what happens now on the token; the output panel has it, too, with its step and time."""
        self.where = event.step if event.percent is None else f"{event.step}, {event.percent} %"
        if self._token is not None:
            report = types.WorkDoneProgressReport(
                message=event.message, percentage=event.percent, cancellable=True
            )
            self._editor.progress(self._token, report)
        if (event.step, event.message) != self._last:
            self._last = (event.step, event.message)
            self._editor.log(Level.INFO, f"{event.elapsed:7.1f} s  {event.step}: {event.message}")

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """A line of the output panel; warnings, and what has buttons, also as a message."""
        self._editor.log(level, text)
        offered = plain_actions(actions)
        if offered:
            self._editor.background(act(self._editor, level, text, offered))
        elif level in {Level.WARNING, Level.ERROR}:
            self._editor.show(level, text)

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Ask in the editor's own way when it announced one, else by short messages.

        Raises:
            InputRequired: this client can't put one of these questions; names the arguments to pass.
            Dismissed: the person closed a question.
        """
        if self._editor.features.ask:
            params = wire.AskParams(self._title, tuple(_on_the_wire(item) for item in questions))
            return _checked(questions, await self._editor.ask(params))
        if all(_buttons(item) for item in questions):
            return {item.name: await self._press(item) for item in questions}
        raise InputRequired([missing(item) for item in questions])

    async def _press(self, question: Question) -> str:
        options = _buttons(question)
        title = await self._editor.choose(Level.INFO, _full_prompt(question), [o.label for o in options])
        for option in options:
            if option.label == title:
                return option.value
        raise Dismissed


def _on_the_wire(question: Question) -> wire.Question:
    match question:
        case Text():
            return wire.Question(
                wire.QuestionKind.TEXT,
                question.name,
                question.prompt,
                default=question.default or None,
                pattern=question.pattern,
                pattern_hint=question.pattern_hint,
            )
        case Choice():
            return wire.Question(
                wire.QuestionKind.CHOICE,
                question.name,
                question.prompt,
                default=question.default,
                options=tuple(wire.Pick(o.value, o.label, o.description) for o in question.options),
                create_label=question.create_label,
            )
        case Secret():
            return wire.Question(wire.QuestionKind.SECRET, question.name, question.prompt)
        case Confirm():
            return wire.Question(
                wire.QuestionKind.CONFIRM,
                question.name,
                question.prompt,
                yes_label=question.yes_label,
                detail=question.detail,
            )


def _buttons(question: Question) -> tuple[Option, ...]:
    """The picks of a question that fits a message with buttons; empty when it does not fit."""
    match question:
        case Confirm():
            return (Option("yes", question.yes_label), Option("no", "No"))
        case Choice() if len(question.options) <= _SHORT:
            return question.options
        case _:
            return ()


def _full_prompt(question: Question) -> str:
    detail = question.detail if isinstance(question, Confirm) else ""
    return f"{question.prompt} {detail}".strip()


def _checked(questions: Sequence[Question], answers: Answers) -> Answers:
    """The answers that were asked for; a client is not trusted to have kept to the questions."""
    bad = [missing(item) for item in questions if not _fits(item, answers.get(item.name))]
    if bad:
        raise InputRequired(bad)
    return {item.name: answers[item.name] for item in questions}


def _fits(question: Question, answer: str | None) -> bool:
    if not answer:
        return isinstance(question, Text) and answer is not None and question.pattern is None
    match question:
        case Text():
            return question.pattern is None or re.fullmatch(question.pattern, answer) is not None
        case Choice():
            return question.create_label is not None or answer in {o.value for o in question.options}
        case Confirm():
            return answer in {"yes", "no"}
        case Secret():
            return True
