"""The person in front of an editor, as flows see them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lsprotocol import types

from aitk_inference.core.errors import Dismissed, InputRequired
from aitk_inference.core.user_interface import Choice, Confirm, Level, Option, Secret, Text, missing
from aitk_inference.lsp import wire
from aitk_inference.lsp.buttons import offer, plain_actions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aitk_inference.core.actions import Action
    from aitk_inference.core.user_interface import Answers, Document, ProgressEvent, Question
    from aitk_inference.lsp.editor import Editor

_SHORT = 6
"""The most buttons that a message of a plain client can carry and still be read."""


class LspUserInterface:
    """Asks, shows progress and speaks through one editor, for one run of one flow.

    Args:
        editor: The client.
        title: The flow in the words of the palette.
        token: The progress token; None shows no progress (the output panel still has each step).
    """

    def __init__(self, editor: Editor, title: str, token: types.ProgressToken | None) -> None:
        self._editor = editor
        self._title = title
        self._token = token
        self._last = ("", "")
        self.where = "starting"

    @property
    def can_ask(self) -> bool:
        """Return True: a person is there."""
        return True

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress while the block runs."""
        if self._token is None:
            yield
            return
        begin = types.WorkDoneProgressBegin(title=self._title, cancellable=True, percentage=0)
        self._editor.progress(self._token, begin)
        try:
            yield
        finally:
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
        """Write a line of the output panel; warnings, and what has buttons, also as a message."""
        self._editor.log(level, text)
        if offered := plain_actions(actions):
            self._editor.background(offer(self._editor, level, text, offered))
        elif level in {Level.WARNING, Level.ERROR}:
            self._editor.show(level, text)

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Ask in the editor's own way when it announced one, else by short messages.

        Raises:
            InputRequired: this client can't put one of these questions; names the arguments to pass.
            Dismissed: the person closed a question.
        """
        if self._editor.features.ask:
            params = wire.AskParams(self._title, tuple(_as_message(item) for item in questions))
            answers = await self._editor.ask(params)
            if bad := [missing(item) for item in questions if not _fits(item, answers.get(item.name))]:
                raise InputRequired(bad)  # a client is not trusted to have kept to the questions
            return {item.name: answers[item.name] for item in questions}
        if all(_buttons(item) for item in questions):
            return {item.name: await self._press(item) for item in questions}
        raise InputRequired([missing(item) for item in questions])

    async def show(self, document: Document) -> None:
        """Show a document as a page, where the client can; the output panel has its lines in any case."""
        self._editor.log(Level.INFO, document.text)
        await self._editor.show_document(document)

    async def _press(self, question: Question) -> str:
        options = _buttons(question)
        detail = question.detail if isinstance(question, Confirm) else ""
        prompt = f"{question.prompt} {detail}".strip()
        title = await self._editor.choose(Level.INFO, prompt, [o.label for o in options])
        for option in options:
            if option.label == title:
                return option.value
        raise Dismissed


def _as_message(question: Question) -> wire.Question:
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
                options=question.options,
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
    """Return the picks of a question that fits a message with buttons; empty when it does not fit."""
    match question:
        case Confirm():
            return (Option("yes", question.yes_label), Option("no", "No"))
        case Choice() if len(question.options) <= _SHORT:
            return question.options
        case _:
            return ()


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
