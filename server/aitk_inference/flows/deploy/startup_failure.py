"""The error about a replica that does not start: its logs are read, and said what they show."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError, DeployFailed
from aitk_inference.core.redaction import redact
from aitk_inference.flows.deploy.blamed_line import blamed_line
from aitk_inference.flows.deploy.startup_diagnosis import (
    SHOWN,
    TROUBLESHOOT,
    Diagnosis,
    Evidence,
    diagnose,
    ending,
    shortened,
    without_noise,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from aitk_inference.core.model import ContainerApp, LogLine, Replica
    from aitk_inference.core.ports import Cloud

_ASKED, _SECONDS = 300, 10.0
_COUNT = r"\d+/\d+ replicas? ready\.?"
"""What Azure says of a revision about which it knows nothing more."""
_UNKNOWN = "Read these lines, mend the code and deploy again. Where defaultCommands are wrong, mend them and run Provision before."
_TOO_SLOW = "Look at the end of its console: a slow model needs a longer time-out, and a port other than PORT is never asked."


@dataclass(frozen=True)
class Start:
    """A start of an app that is watched.

    Attributes:
        project: The project's folder, whose files a traceback may name.
    """

    app: ContainerApp
    revision: str
    project: Path
    cloud: Cloud


async def not_starting(start: Start, replica: Replica, words: str, seen: Sequence[str] = ()) -> DeployFailed:
    """Return the error about a replica that is not going to start.

    Args:
        start: Whose replica it is.
        replica: The new replica.
        words: What the platform says of it, for a cause that nothing else tells.
        seen: What its console wrote while it was followed; Azure forgets that of a container which ended.
    """
    evidence = await _evidence(start, [replica], seen)
    how = ending(evidence.events)
    unknown = _unknown(evidence, f"{words}{f' ({how})' if how else ''}", _UNKNOWN)
    return _error(start, evidence, f"{start.app.ref.name} does not start", diagnose(evidence) or unknown)


async def not_ready(
    start: Start, replicas: Sequence[Replica], waited: str, state: str, seen: Sequence[str] = ()
) -> DeployFailed:
    """Return the error about an app that was not ready in time.

    Args:
        start: Whose replicas they are.
        replicas: The new ones; of one that is ready, what the app itself says is all there is to know.
        waited: How long it was waited for.
        state: What is still waited for.
        seen: What the console wrote while it was followed.
    """
    evidence = await _evidence(start, replicas, seen)
    unknown = _unknown(evidence, f"{state[:1].lower()}{state[1:]}", _TOO_SLOW)
    found = None if any(replica.ready for replica in replicas) else diagnose(evidence)
    return _error(start, evidence, f"{start.app.ref.name} was not ready after {waited}", found or unknown)


async def refused(start: Start, replicas: Sequence[Replica], words: str, seen: Sequence[str]) -> DeployFailed:
    """Return the error about an app that runs and says that its model can't be served."""
    evidence = await _evidence(start, replicas, seen)
    evidence = evidence._replace(console=(*evidence.console, words))
    found = (
        diagnose(Evidence((words,))) or diagnose(evidence) or _unknown(evidence, words.rstrip("."), _UNKNOWN)
    )
    return _error(start, evidence, f"{start.app.ref.name} runs, but its model can't be served", found)


async def collect(lines: AsyncIterator[LogLine]) -> tuple[LogLine, ...]:
    """Return the lines that come in time; logs help, and never hide the error that they explain."""
    found: list[LogLine] = []
    try:
        async with asyncio.timeout(_SECONDS):
            async for line in lines:
                found.append(line)  # noqa: PERF401 - keeps what came before a time-out
    except (AppError, TimeoutError):
        pass
    return tuple(found)


async def events_of(start: Start, replicas: Sequence[Replica]) -> tuple[str, ...]:
    """Return what the system log says of replicas, and of the app since they were made."""
    names = {replica.name for replica in replicas}
    since = max((replica.created for replica in replicas if replica.created), default=None)
    lines = await collect(start.cloud.apps.events(start.app.ref, tail=_ASKED, follow=False))
    return tuple(
        redact(line.text.rstrip())
        for line in lines
        if line.replica in names or (not line.replica and not (line.time and since and line.time < since))
    )


def _error(start: Start, evidence: Evidence, what: str, found: Diagnosis) -> DeployFailed:
    problem = blamed_line(found.until, start.project, f"{found.cause[:1].upper()}{found.cause[1:]}.")
    return DeployFailed(
        f"{what}: {found.cause}.",
        suggestion=found.remedy,
        link=found.link or start.app.portal_url or TROUBLESHOOT,
        log=found.lines,
        cause=found.name,
        problem=problem,
        detail="\n".join((*evidence.events, *evidence.console)),
    )


def _unknown(evidence: Evidence, words: str, suggestion: str) -> Diagnosis:
    """Return what can be said where no cause is known: Azure's words, and the end of what was written."""
    own = "" if re.fullmatch(_COUNT, evidence.revision) else evidence.revision.rstrip(".")
    said = f". Azure says: {own}" if own else ""
    lines = evidence.console or evidence.events
    return Diagnosis("", f"{words}{said}", suggestion, "", shortened(lines[-SHOWN:]), evidence.console)


async def _evidence(start: Start, replicas: Sequence[Replica], seen: Sequence[str]) -> Evidence:
    console: tuple[LogLine, ...] = ()
    if replicas:
        console = await collect(
            start.cloud.apps.console(
                start.app.ref, start.revision, replicas[-1].name, tail=_ASKED, follow=False
            )
        )
    written = tuple(redact(line.text.rstrip()) for line in console if line.source == "console")
    revision = await start.cloud.apps.revision(start.app.ref, start.revision)
    details = [words for one in replicas for words in one.reasons]
    return Evidence(
        without_noise(written or tuple(seen)),
        await events_of(start, replicas),
        tuple(dict.fromkeys(map(redact, details))),
        redact(revision.details) if revision else "",
    )
