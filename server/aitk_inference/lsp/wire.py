"""Every message of our own between editor and server, and the commands.

``protocol.ts`` is generated from this file by ``scripts/generate_protocol.py``.
Standard LSP carries the rest. On the wire names are camelCase; a field that is None is left out, one that is
left out takes its default, and one that nobody knows is ignored, so that old and new halves meet.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs

from aitk_inference.core.interface import ActionKind
from aitk_inference.core.model import Json


class QuestionKind(StrEnum):
    """How a question looks."""

    TEXT = "text"
    CHOICE = "choice"
    SECRET = "secret"  # noqa: S105 - the name of a kind of question
    CONFIRM = "confirm"


@attrs.frozen
class Pick:
    """One pick of a choice: the value for the program, the words for the person."""

    value: str
    label: str
    description: str = ""


@attrs.frozen
class Question:
    """One question; which fields matter depends on its kind. A confirmation is answered ``yes`` or ``no``."""

    kind: QuestionKind
    name: str
    prompt: str
    default: str | None = None
    pattern: str | None = None
    pattern_hint: str = ""
    options: tuple[Pick, ...] = ()
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
    """For what a token of the editor's own account is wanted; not interactive: only a sign-in that exists."""

    scopes: tuple[str, ...]
    tenant_id: str | None = None
    claims: str | None = None
    interactive: bool = True


@attrs.frozen
class AccessTokenResult:
    """A token and when it ends (seconds since 1970); ``token`` is left out when the person refused."""

    token: str | None = attrs.field(default=None, repr=False)
    expires_on: int = 0


@attrs.frozen
class ClientFeatures:
    """What a client announces in ``initializationOptions.aitk``."""

    ask: bool = False
    access_token: bool = False
    notifications: bool = False


@attrs.frozen
class ProvisionArguments:
    """Answers that are already known; the others are asked. ``subscription`` may be ``local``."""

    project_uri: str | None = None
    subscription: str | None = None
    resource_group: str | None = None
    location: str | None = None
    plan_only: bool = False
    again: bool = False
    assume_yes: bool = False


@attrs.frozen
class DeployArguments:
    """What to deploy and how far to wait."""

    project_uri: str | None = None
    dry_run: bool = False
    wait: bool = True
    assume_yes: bool = False


@attrs.frozen
class StatusArguments:
    """Whose status."""

    project_uri: str | None = None


@attrs.frozen
class NewArguments:
    """The folder that becomes a project."""

    project_uri: str | None = None


@attrs.frozen
class Button:
    """A button under a message; ``target`` is a URL, a file URI or a verb, as the kind says."""

    kind: ActionKind
    title: str
    target: str = ""


@attrs.frozen
class RunResult:
    """How a flow ended well. Sent at once, without waiting for a person."""

    summary: str
    endpoint: str | None = None
    config_uri: str | None = None
    actions: tuple[Button, ...] = ()
    data: dict[str, Json] = attrs.field(factory=dict)


@attrs.frozen
class MissingArgument:
    """An argument that a client has to pass, since nobody can be asked."""

    name: str
    flag: str
    prompt: str


@attrs.frozen
class FileProblem:
    """Something wrong at a place in a file; line and column count from zero."""

    uri: str
    message: str
    line: int = 0
    column: int = 0


@attrs.frozen
class Failure:
    """The ``data`` of the error that answers a flow which did not end well."""

    code: str
    message: str
    suggestion: str = ""
    link: str | None = None
    causes: tuple[str, ...] = ()
    actions: tuple[Button, ...] = ()
    inputs: tuple[MissingArgument, ...] = ()
    problems: tuple[FileProblem, ...] = ()


@attrs.frozen
class Request:
    """A request of our own that the server sends to the editor."""

    method: str
    params: type[object]
    result: type[object]


@attrs.frozen
class Command:
    """A command of ``workspace/executeCommand``: one argument; its answer is a RunResult or a Failure."""

    name: str
    arguments: type[object]


ASK: Final = Request("workspace/aitk/ask", AskParams, AskResult)
ACCESS_TOKEN: Final = Request("workspace/aitk/accessToken", AccessTokenParams, AccessTokenResult)
REQUESTS: Final = (ASK, ACCESS_TOKEN)

PROVISION: Final = Command("aitk-inference.provision", ProvisionArguments)
DEPLOY: Final = Command("aitk-inference.deploy", DeployArguments)
STATUS: Final = Command("aitk-inference.status", StatusArguments)
NEW: Final = Command("aitk-inference.new", NewArguments)
COMMANDS: Final = (PROVISION, DEPLOY, STATUS, NEW)

SETTINGS_SECTION: Final = "aitk.inference"
