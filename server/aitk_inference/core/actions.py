"""What a person may press: a button's words and what it does."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ActionKind(StrEnum):
    """What a button does; the front end decides how it looks."""

    OPEN_ENDPOINT = "openEndpoint"
    OPEN_PORTAL = "openPortal"
    OPEN_FILE = "openFile"
    SHOW_LOGS = "showLogs"
    SHOW_OUTPUT = "showOutput"
    RUN = "run"
    OPEN_LINK = "openLink"
    FIX = "fix"


class Action(NamedTuple):
    """A button under a message.

    Attributes:
        kind: What it does.
        title: The button's words, for example ``Go to Inference Endpoint``.
        target: A URL, a file path, a verb or what mends a problem, as the kind says.
    """

    kind: ActionKind
    title: str
    target: str = ""
