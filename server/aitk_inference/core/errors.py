"""Everything that can go wrong, drawn first.

    AppError                       what happened, what to do, a link
    ├── InputRequired              answers are missing and nobody can be asked
    ├── Dismissed                  the person closed a question: nothing to report
    ├── Cancelled                  the person stopped the work; says what was left behind
    ├── Busy                       another run holds this project or share
    ├── NotAuthenticated           no credential works
    ├── Forbidden                  the credential works, the right is missing
    ├── NotFound                   a subscription, group, app or share that is not there
    ├── QuotaExceeded              the region or subscription has no capacity left
    ├── Conflict                   the cloud is busy with the same resource
    ├── ProvisionFailed            a deployment failed; carries the error tree
    ├── DeployFailed               the code is there, the app did not come up
    ├── Unreachable                no answer from a server
    └── InvalidProject             files of the project are wrong; carries the problems

Front ends show ``message``, ``suggestion`` and ``link``; ``detail`` goes to the log only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class ErrorNode(NamedTuple):
    """One node of a cloud's error tree.

    Attributes:
        code: The cloud's own code, for example ``MaxRegionalQuotaExceeded``.
        message: The cloud's own words, without JSON inside.
        target: The resource or parameter that it speaks of.
        details: The causes, outermost first.
        suggestion: What a person can do about this code, where that is known.
        link: A page that helps with it.
    """

    code: str
    message: str
    target: str | None = None
    details: tuple[ErrorNode, ...] = ()
    suggestion: str = ""
    link: str | None = None

    def root_causes(self) -> tuple[ErrorNode, ...]:
        """The leaves of the tree: what a person needs to read."""
        if not self.details:
            return (self,)
        return tuple(leaf for child in self.details for leaf in child.root_causes())


class MissingInput(NamedTuple):
    """An answer that nobody can be asked for.

    Attributes:
        name: The question's name, also the argument's name on the wire (``subscription``).
        flag: How a terminal gives it (``--subscription``).
        prompt: The question in words.
        detail: What follows from a yes, and what can be done instead.
    """

    name: str
    flag: str
    prompt: str
    detail: str = ""


class Problem(NamedTuple):
    """Something wrong at a place in a file of the project.

    Attributes:
        path: The file.
        message: What is wrong and how to mend it.
        line: Zero-based line, as editors count.
        column: Zero-based column in UTF-16 code units, as editors count.
        end: Line and column, counted alike, where it is over; None: nobody knows.
        code: A stable name for the kind of problem.
        severity: A warning does not keep anything from being done.
    """

    path: Path
    message: str
    line: int = 0
    column: int = 0
    code: str = "project"
    severity: Literal["error", "warning"] = "error"
    end: tuple[int, int] | None = None


class AppError(Exception):
    """What happened, what to do about it, and where to read more.

    Args:
        message: What happened, one sentence.
        suggestion: What the reader can do now, one sentence; empty when there is nothing to do.
        link: A page that helps.
        detail: For the log at debug level only: raw bodies, already redacted.
    """

    code: ClassVar[str] = "Failed"

    def __init__(
        self, message: str, *, suggestion: str = "", link: str | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.suggestion = suggestion
        self.link = link
        self.detail = detail


_SOME_ANSWERS = ("An answer is", "Some answers are")


class InputRequired(AppError):
    """Answers are missing and this user interface cannot ask."""

    code = "InputRequired"

    def __init__(self, inputs: Sequence[MissingInput]) -> None:
        self.inputs = tuple(inputs)
        prompts = "; ".join(item.prompt for item in self.inputs)
        flags = f"Give {', '.join(item.flag for item in self.inputs)}."
        super().__init__(
            f"{_SOME_ANSWERS[len(self.inputs) > 1]} missing: {prompts}{'' if prompts.endswith('?') else '.'}",
            suggestion=" ".join([*(item.detail for item in self.inputs if item.detail), flags]),
        )


class Dismissed(AppError):
    """The person closed a question. Nothing was changed, nothing is reported."""

    code = "Dismissed"

    def __init__(self) -> None:
        super().__init__("Nothing was chosen, so nothing was done.")


class Cancelled(AppError):
    """The person stopped the work; the message says what was left behind."""

    code = "Cancelled"


class Busy(AppError):
    """Another run holds this project or this share."""

    code = "Busy"


class NotAuthenticated(AppError):
    """No credential works."""

    code = "NotAuthenticated"


class Forbidden(AppError):
    """The credential works, the right is missing."""

    code = "Forbidden"


class NotFound(AppError):
    """A subscription, resource group, app or share that is not there."""

    code = "NotFound"


class QuotaExceeded(AppError):
    """The region or the subscription has no capacity left."""

    code = "QuotaExceeded"


class Conflict(AppError):
    """The cloud is busy with the same resource, or it stands in another shape."""

    code = "Conflict"


class Unreachable(AppError):
    """No answer from a server."""

    code = "Unreachable"


class ProvisionFailed(AppError):
    """A deployment failed; ``error`` is the cloud's error tree."""

    code = "ProvisionFailed"

    def __init__(
        self,
        message: str,
        error: ErrorNode,
        *,
        suggestion: str = "",
        link: str | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message, suggestion=suggestion, link=link, detail=detail)
        self.error = error


class DeployFailed(AppError):
    """The code reached the share, but the app did not come up; ``log`` is the end of its console."""

    code = "DeployFailed"

    def __init__(
        self, message: str, *, suggestion: str = "", link: str | None = None, log: Sequence[str] = ()
    ) -> None:
        super().__init__(message, suggestion=suggestion, link=link)
        self.log = tuple(log)


class InvalidProject(AppError):
    """Files of the project are wrong; ``problems`` says where."""

    code = "InvalidProject"

    def __init__(self, message: str, problems: Sequence[Problem], *, suggestion: str = "") -> None:
        super().__init__(message, suggestion=suggestion)
        self.problems = tuple(problems)


class Described(NamedTuple):
    """An error as every front end tells it: the same words in a terminal, an editor and JSON."""

    code: str
    message: str
    suggestion: str = ""
    link: str | None = None
    causes: tuple[str, ...] = ()


def describe(error: AppError) -> Described:
    """Put an error into the words that a person reads.

    Returns:
        The message, the way out and, for a failed deployment or project, each cause on a line of its own.
    """
    return Described(error.code, error.message, error.suggestion, error.link, _causes(error))


def _causes(error: AppError) -> tuple[str, ...]:
    if isinstance(error, ProvisionFailed):
        return tuple(f"{leaf.code}: {leaf.message}" for leaf in error.error.root_causes())
    if isinstance(error, InvalidProject):
        return tuple(f"{p.path}:{p.line + 1}:{p.column + 1}: {p.message}" for p in error.problems)
    if isinstance(error, DeployFailed):
        return error.log
    return ()
