"""Everything that can go wrong, drawn first.

    AppError                       what happened, what to do, a link
    ├── InputRequired              answers are missing and nobody can be asked
    ├── Misuse                     what was asked for can't be: another argument is needed
    ├── Dismissed                  the person closed a question: nothing to report
    ├── Cancelled                  the person stopped the work; says what was left behind
    ├── Busy                       another run holds this project or share
    ├── NotAuthenticated           no credential works
    ├── Forbidden                  the credential works, the right is missing
    │   ├── KeysForbidden          the storage account takes no key
    │   └── ResourceLocked         a lock keeps it from being changed
    ├── NotFound                   a subscription, group, app or share that is not there
    ├── PreflightFailed            several things keep a command from working; carries the checks
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

    from aitk_inference.core.actions import Action
    from aitk_inference.core.preflight import Check


UNREGISTERED = frozenset({"MissingSubscriptionRegistration", "NoRegisteredProviderFound"})
"""Azure's codes for a resource provider that is not (or, in a region, not yet) registered."""


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
        """Return the leaves of the tree: what a person needs to read."""
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
        suggestion: What to do about it, where the message does not say it.
        link: A page that helps.
        about: The file that is wrong, where it is another than the one that shows it.
    """

    path: Path
    message: str
    line: int = 0
    column: int = 0
    code: str = "project"
    severity: Literal["error", "warning"] = "error"
    end: tuple[int, int] | None = None
    suggestion: str = ""
    link: str | None = None
    about: Path | None = None

    @property
    def words(self) -> str:
        """What is wrong, and what to do about it."""
        return f"{self.message} {self.suggestion}".rstrip()


class AppError(Exception):
    """What happened, what to do about it, and where to read more.

    Args:
        message: What happened, one sentence.
        suggestion: What the reader can do now, one sentence; empty when there is nothing to do.
        link: A page that helps.
        detail: For the log at debug level only: raw bodies, already redacted.

    Attributes:
        cloud_code: The cloud's own code of what happened, where it gave one.
        actions: Buttons that mend it.
    """

    code: ClassVar[str] = "Failed"
    cloud_code: str = ""
    actions: tuple[Action, ...] = ()

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
        details = [item.detail for item in self.inputs if item.detail]
        apart = "\n" if any("\n" in detail for detail in details) else " "  # after a list, a line of its own
        super().__init__(
            f"{_SOME_ANSWERS[len(self.inputs) > 1]} missing: {prompts}{'' if prompts.endswith('?') else '.'}",
            suggestion=apart.join([*details, flags]),
        )


class Misuse(AppError):
    """What was asked for can't be, whatever the cloud says: another argument is needed."""

    code = "Usage"


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


class KeysForbidden(Forbidden):
    """The storage account takes no key, only people's own tokens."""


class ResourceLocked(Forbidden):
    """A lock keeps the resource, or its keys, from everybody."""


class NotFound(AppError):
    """A subscription, resource group, app or share that is not there."""

    code = "NotFound"


class QuotaExceeded(AppError):
    """The region or the subscription has no capacity left."""

    code = "QuotaExceeded"


class PreflightFailed(AppError):
    """What was checked before anything was made has problems; ``checks`` are those."""

    code = "PreflightFailed"

    def __init__(self, checks: Sequence[Check], command: str = "Provision", left: str = "made") -> None:
        self.checks = tuple(checks)
        first, *others = checks
        if others:
            message = f"{len(checks)} things keep {command} from working; nothing was {left}."
            super().__init__(message, suggestion="Mend them and run the command again.", link=first.link)
        else:
            super().__init__(first.message, suggestion=first.suggestion, link=first.link)
        self.actions = tuple(dict.fromkeys(fix for check in checks for fix in check.fixes))


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
    """The code reached the share, but the app did not come up.

    Attributes:
        log: The lines of its logs that matter.
        cause: A stable name of why, where that is known: ``missing-module``.
        problem: The line of the project's own files that is to blame, where one is.
    """

    code = "DeployFailed"

    def __init__(
        self,
        message: str,
        *,
        suggestion: str = "",
        link: str | None = None,
        log: Sequence[str] = (),
        cause: str = "",
        problem: Problem | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message, suggestion=suggestion, link=link, detail=detail)
        self.log = tuple(log)
        self.cause = cause
        self.problem = problem


class InvalidProject(AppError):
    """Files of the project are wrong; ``problems`` says where."""

    code = "InvalidProject"

    def __init__(self, message: str, problems: Sequence[Problem], *, suggestion: str = "") -> None:
        super().__init__(message, suggestion=suggestion)
        self.problems = tuple(problems)


def problems_of(error: AppError) -> tuple[Problem, ...]:
    """Return the places in the project's files that an error is about."""
    if isinstance(error, InvalidProject):
        return error.problems
    return (error.problem,) if isinstance(error, DeployFailed) and error.problem else ()


def system_error(error: OSError) -> AppError:
    """Return our error for one of the computer: a full disk, a folder that may not be written."""
    what = f"{error.filename} can't be used" if error.filename else "The system refused something"
    return AppError(
        f"{what}: {error.strerror or error}.",
        suggestion="Check the free space and the permissions, then run the same command again.",
        detail=f"{type(error).__name__}: {error}",
    )


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
        return tuple(_line(problem) for problem in error.problems)
    if isinstance(error, PreflightFailed) and len(error.checks) > 1:
        return tuple(check.words for check in error.checks)
    if isinstance(error, DeployFailed):
        return (*([_line(error.problem)] if error.problem else []), *error.log)
    return ()


def _line(problem: Problem) -> str:
    """Return a problem as compilers write one: terminals make a link of its beginning."""
    return f"{problem.path}:{problem.line + 1}:{problem.column + 1}: {problem.words}"
