"""A person, or what stands in for one: questions, progress, lines and buttons.

The front ends implement :class:`UserInterface`: an editor, a terminal, JSON lines, nobody at all.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from aitk_inference.core.errors import InputRequired, MissingInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.core.actions import Action


class Level(StrEnum):
    """How much a line matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Option(NamedTuple):
    """One pick of a choice: the value for the program, the words for the person."""

    value: str
    label: str
    description: str = ""


class Text(NamedTuple):
    """A question for a short text.

    Attributes:
        name: The answer's key.
        prompt: The question.
        flag: How a terminal gives the answer, named when nobody can be asked.
        default: The answer already filled in.
        pattern: A regular expression that the whole answer must match.
        pattern_hint: What to say when it does not match.
    """

    name: str
    prompt: str
    flag: str
    default: str = ""
    pattern: str | None = None
    pattern_hint: str = ""


class Choice(NamedTuple):
    """A question with a list of picks.

    Attributes:
        default: The value that is preselected (never silently chosen).
        create_label: When set, one more pick with this label lets the person type a new value.
    """

    name: str
    prompt: str
    flag: str
    options: tuple[Option, ...]
    default: str | None = None
    create_label: str | None = None


class Secret(NamedTuple):
    """A question whose answer is never shown, stored or logged."""

    name: str
    prompt: str
    flag: str


class Confirm(NamedTuple):
    """A yes-or-no question; ``yes_label`` is the button. Answers ``"yes"`` or ``"no"``."""

    name: str
    prompt: str
    flag: str
    yes_label: str = "Continue"
    detail: str = ""


Question: TypeAlias = Text | Choice | Secret | Confirm
Answers: TypeAlias = "Mapping[str, str]"


def missing(question: Question) -> MissingInput:
    """Return a question that nobody can be asked, with how a terminal gives its answer."""
    detail = question.detail if isinstance(question, Confirm) else ""
    return MissingInput(question.name, question.flag, question.prompt, detail)


class StageTime(NamedTuple):
    """A stage of an app's start and its time.

    Attributes:
        name: ``replica``, ``image``, ``share``, ``packages``, ``model`` or ``answering``.
        seconds: How long it took, or has taken so far; of ``answering``: since the start was asked for.
        last_seconds: How long it took at the last start that ended well; None where nobody knows.
        is_done: It is over.
    """

    name: str
    seconds: float
    last_seconds: float | None = None
    is_done: bool = False


class ProgressEvent(NamedTuple):
    """One step of long work.

    Attributes:
        step: The step's short name, for example ``Sync``.
        message: What happens now.
        percent: 0 to 100 of the whole flow; None when it can't be told.
        elapsed: Seconds since the flow began.
        stage: Which stage of an app's start it is about.
    """

    step: str
    message: str
    percent: int | None
    elapsed: float
    stage: StageTime | None = None


class Document(NamedTuple):
    """Something longer to read.

    Attributes:
        title: What it is called, where it has a tab of its own.
        markdown: How it looks where Markdown is shown; pictures are part of it.
        text: The same in plain lines.
    """

    title: str
    markdown: str
    text: str


class UserInterface(Protocol):
    """A person, or what stands in for one."""

    @property
    def can_ask(self) -> bool:
        """Return True where a person is there who may be asked, to sign in for example."""
        ...

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Ask several questions at once.

        Returns:
            An answer for each question's name.

        Raises:
            InputRequired: nobody can be asked; names every question of the batch.
            Dismissed: the person closed the question.
        """
        ...

    def progress(self, event: ProgressEvent) -> None:
        """Show a step; never blocks, never fails."""
        ...

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Say one thing; the actions become buttons where there are buttons."""
        ...

    async def show(self, document: Document) -> None:
        """Show something longer to read, before a question about it; never fails."""
        ...


class NobodyToAsk:
    """What the user interfaces without a person have in common."""

    @property
    def can_ask(self) -> bool:
        """Return False: nobody is there."""
        return False

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Name every question with its flag.

        Raises:
            InputRequired: always.
        """
        raise InputRequired([missing(question) for question in questions])
