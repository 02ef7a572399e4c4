"""Every message of our own between editor and server; ``handlers.py`` has the commands.

``protocol.ts`` is made from this file by ``scripts/generate_protocol.py``. Standard LSP carries the rest.
On the wire names are camelCase; a field that is None is left out, one that is left out takes its default, and
one that nobody knows is ignored, so that old and new halves meet. A command's argument is the request of its
flow (``flows/api.py``), with each path as a file URI: ``project`` is ``projectUri``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs

from aitk_inference.core.actions import Action
from aitk_inference.core.errors import MissingInput
from aitk_inference.core.model import Json
from aitk_inference.core.user_interface import Option


class Severity(StrEnum):
    """How a result or a failure is shown; ``none``: not at all, the person knows."""

    NONE = "none"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class QuestionKind(StrEnum):
    """How a question looks."""

    TEXT = "text"
    CHOICE = "choice"
    SECRET = "secret"  # noqa: S105 - the name of a kind of question
    CONFIRM = "confirm"


@attrs.frozen
class Question:
    """One question; which fields matter depends on its kind. A confirmation is answered ``yes`` or ``no``."""

    kind: QuestionKind
    name: str
    prompt: str
    default: str | None = None
    pattern: str | None = None
    pattern_hint: str = ""
    options: tuple[Option, ...] = ()
    create_label: str | None = None
    yes_label: str = ""
    detail: str = ""


@attrs.frozen
class AskParams:
    """Questions that do not depend on each other, to be asked in this order."""

    title: str
    questions: tuple[Question, ...]


@attrs.frozen
class AskResult:
    """An answer for each question's name; ``answers`` is left out when the person closed a question."""

    answers: dict[str, str] | None = None


@attrs.frozen
class AccessTokenParams:
    """For what a token of the editor's own account is wanted.

    Attributes:
        tenant_id: The directory that it must be of.
        claims: What the service demands beyond a sign-in (multi-factor, a compliant device), as it said it.
        www_authenticate: The whole header of the answer that demands it, for editors that take that.
        interactive: False: only a sign-in that exists, nobody is disturbed.
    """

    scopes: tuple[str, ...]
    tenant_id: str | None = None
    claims: str | None = None
    interactive: bool = True
    www_authenticate: str | None = None


@attrs.frozen
class AccessTokenResult:
    """A token and when it ends (seconds since 1970); ``token`` is left out when the person refused."""

    token: str | None = attrs.field(default=None, repr=False)
    expires_on: int = 0


@attrs.frozen
class ShowParams:
    """A document to be read: Markdown with its pictures in it, shown as a page and kept in no file."""

    title: str
    markdown: str


@attrs.frozen
class ShowResult:
    """Whether it is shown."""

    shown: bool = False


@attrs.frozen
class AppendParams:
    """Text for an output channel of its own; the next comes once this is shown, so that a slow editor is not flooded.

    Attributes:
        channel: What a person calls the channel.
        text: Whole lines, or a part of one; it is added as it is.
        reveal: The channel is brought to the front, without the cursor.
    """

    channel: str
    text: str
    reveal: bool = False


@attrs.frozen
class AppendResult:
    """The text is shown."""

    shown: bool = True


@attrs.frozen
class StatusParams:
    """What the status bar says of a project.

    Attributes:
        text: Empty: there is nothing to say, and nothing is shown.
        menu: What can be done, the most wanted first; each is pressed like a button.
    """

    project_uri: str
    text: str
    tooltip: str = ""
    severity: Severity = Severity.NONE
    menu: tuple[Action, ...] = ()


@attrs.frozen
class ClientFeatures:
    """What a client announces in ``initializationOptions.aitk``."""

    ask: bool = False
    access_token: bool = False
    notifications: bool = False
    documents: bool = False
    channels: bool = False
    status: bool = False


@attrs.frozen
class RunResult:
    """How a flow ended well. Sent at once, without waiting for a person.

    Attributes:
        summary: All that there is to say, in lines.
        headline: What a notification says.
        details: What the output panel says beyond it, a line each.
        actions: Buttons; ``target`` is a URL, a file URI or a command, as the kind says.
    """

    summary: str
    severity: Severity
    headline: str
    details: tuple[str, ...] = ()
    endpoint: str | None = None
    config_uri: str | None = None
    actions: tuple[Action, ...] = ()
    data: dict[str, Json] = attrs.field(factory=dict)


@attrs.frozen
class FileProblem:
    """Something wrong at a place in a file; line and column count from zero."""

    uri: str
    message: str
    line: int = 0
    column: int = 0


@attrs.frozen
class Failure:
    """The ``data`` of the error that answers a flow which did not end well.

    Attributes:
        severity: How it is shown.
        headline: What a notification says: what happened, why, and the way out.
        details: What the output panel says, a line each.
        inputs: Arguments that a client has to pass, since nobody can be asked.
    """

    code: str
    severity: Severity
    headline: str
    message: str
    suggestion: str = ""
    link: str | None = None
    details: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    inputs: tuple[MissingInput, ...] = ()
    problems: tuple[FileProblem, ...] = ()


@attrs.frozen
class Request:
    """A request of our own that the server sends to the editor."""

    method: str
    params: type[object]
    result: type[object]


@attrs.frozen
class Notification:
    """A notification of our own that the server sends to the editor."""

    method: str
    params: type[object]


ASK: Final = Request("workspace/aitk/ask", AskParams, AskResult)
ACCESS_TOKEN: Final = Request("workspace/aitk/accessToken", AccessTokenParams, AccessTokenResult)
SHOW: Final = Request("workspace/aitk/show", ShowParams, ShowResult)
APPEND: Final = Request("workspace/aitk/append", AppendParams, AppendResult)
REQUESTS: Final = (ASK, ACCESS_TOKEN, SHOW, APPEND)
STATUS: Final = Notification("workspace/aitk/status", StatusParams)
NOTIFICATIONS: Final = (STATUS,)

SETTINGS_SECTION: Final = "aitk.inference"
PROJECT_CONTEXT: Final = "aitk.inference.project"
"""The editor's context for a window with a project."""
COMMAND_PREFIX: Final = "aitk-inference."
"""A command is called by it and its verb: ``aitk-inference.deploy``."""
