"""Why an app does not start: which row of ``startup_patterns.py`` its logs match, and the lines that show it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.flows.deploy.startup_patterns import PATTERNS, WAITS_FOR_NODE, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aitk_inference.core.model import Replica

TROUBLESHOOT = "https://learn.microsoft.com/azure/container-apps/troubleshooting"
SHOWN = 5
"""Lines of a log that a person reads; *Show logs* has the others."""
_LONGEST = 400
_CRASHES = 2
"""A start command that failed twice in a new replica is not going to work by itself."""
_REPEATED = 2
"""How often a replica must say what another attempt would not change."""
_STARTED = "ContainerStarted"
_NOISE = re.compile(
    r"\s*(Requirement already satisfied|Collecting|Downloading|Using cached|Installing collected packages"
    r"|Successfully installed|Preparing metadata|Getting requirements|Ignoring|Looking in (links|indexes)"
    r"|\[notice\])\b|\s*[━╸ ]+\s*[\d.]+/"
)
"""What pip says while all goes well: it hides the line that a person looks for."""
_ENDING = re.compile(r"exit code '(?P<code>-?\d+)'(?: and reason '(?P<reason>\w+)')?")
_CODES: Mapping[str, str] = {
    "126": "a command is not executable",
    "127": "a command was not found",
    "137": "it was killed, as when memory runs out",
    "139": "it crashed",
}
"""What a shell's exit codes mean (POSIX, Shell Command Language, 2.8.2; 128 + the signal's number)."""
_CRASH_LOOP = "crashloop"
_NEVER_STARTS = ("imagepull", "errimage", "volumemountfail", "mount error", "containercreatingfail")
_KEEPS_ENDING = (_CRASH_LOOP, "backoff", "back-off")


class Trouble(NamedTuple):
    """What keeps a new replica from starting, as the platform says it.

    Attributes:
        words: What is wrong.
        may_pass: It was seen by its words alone, and the next try may succeed.
    """

    words: str
    may_pass: bool = False


class Evidence(NamedTuple):
    """What speaks of a start, the oldest line first.

    Attributes:
        console: What the container wrote.
        events: What the system log says of the replica.
        details: Azure's words on the replica and its containers as they are now.
        revision: Azure's words on the revision as it is now.
    """

    console: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    revision: str = ""


class Diagnosis(NamedTuple):
    """Why an app does not start.

    Attributes:
        name: The cause's stable name, or empty where it is not known.
        cause: One sentence, without its beginning and its full stop.
        remedy: What to do.
        link: A page that helps.
        lines: The lines of the log that matter.
        until: The log up to the line that says it.
    """

    name: str
    cause: str
    remedy: str
    link: str
    lines: tuple[str, ...]
    until: tuple[str, ...] = ()


def trouble(replica: Replica, restarts_before: int) -> Trouble | None:
    """Return what a replica says about itself, when it says that it is not going to start."""
    if replica.ready:
        return None
    text = " ".join(replica.reasons)
    crashes = replica.restarts - restarts_before
    if crashes >= _CRASHES:
        return Trouble(f"its start command ended {crashes} times")
    said = text.lower()
    if any(word in said for word in _NEVER_STARTS):
        return Trouble(text)
    if not any(word in said for word in _KEEPS_ENDING):
        return None
    return Trouble("its start command keeps ending", may_pass=True) if _CRASH_LOOP in said else Trouble(text)


def diagnose(evidence: Evidence) -> Diagnosis | None:
    """Return the first cause of the table that the logs show, or None."""
    system = (*evidence.events, *evidence.details, evidence.revision)
    for pattern in PATTERNS:
        log = evidence.console if pattern.source == "console" else system
        found = _last(pattern, log)
        if found is not None:
            return _diagnosis(pattern, log, *found)
    if evidence.events and re.search(WAITS_FOR_NODE, evidence.events[-1]) and not evidence.console:
        row = next(pattern for pattern in PATTERNS if pattern.name == "no-capacity")
        return Diagnosis(row.name, row.cause, row.remedy, row.link, evidence.events[-SHOWN:])
    return None


def final_cause(events: Sequence[str]) -> Pattern | None:
    """Return what a replica's events have said more than once and no further attempt would change."""
    for pattern in PATTERNS:
        if pattern.is_final and sum(bool(re.search(pattern.pattern, line)) for line in events) >= _REPEATED:
            return pattern
    return None


def ending(events: Iterable[str]) -> str:
    """Return how the start command ended the last time: ``exit code 127: a command was not found``."""
    found = [match for line in events if (match := _ENDING.search(line))]
    if not found:
        return ""
    code = found[-1]["code"]
    return f"exit code {code}{f': {_CODES[code]}' if code in _CODES else ''}"


def without_noise(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the lines, less what pip says while all goes well; all of them where there is nothing else."""
    every = tuple(line for line in lines if line.strip())
    return tuple(line for line in every if not _NOISE.match(line)) or every


def shortened(lines: Iterable[str]) -> tuple[str, ...]:
    """Return lines that fit a screen: PyTorch explains a full GPU in one of a thousand characters."""
    return tuple(line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …" for line in lines)


def _last(pattern: Pattern, log: Sequence[str]) -> tuple[int, re.Match[str]] | None:
    """Return the last line that shows a cause which has not passed, with its number."""
    for number in range(len(log) - 1, -1, -1):
        if pattern.until_started and log[number].startswith(_STARTED):
            return None
        if match := re.search(pattern.pattern, log[number]):
            return number, match
    return None


def _diagnosis(pattern: Pattern, log: Sequence[str], number: int, match: re.Match[str]) -> Diagnosis:
    groups = {name: (value or "").strip(" ,.") for name, value in match.groupdict().items()}
    end = number + 1 + pattern.after
    above = log[max(0, end - SHOWN) : number]
    ended = [
        at + 1 for at, line in enumerate(above) if line == log[number]
    ]  # earlier runs, with the same error
    lines = (*above[max(ended, default=0) :], *log[number:end])
    cause = pattern.cause.format(**groups)
    return Diagnosis(
        pattern.name, cause, pattern.remedy, pattern.link, shortened(lines), tuple(log[: number + 1])
    )
