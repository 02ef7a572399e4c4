"""Why an app does not start: what its replica says, how its command ended, the end of its console."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError, DeployFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from aitk_inference.core.model import ContainerApp, LogLine, Replica
    from aitk_inference.core.ports import Cloud

TROUBLESHOOT = "https://learn.microsoft.com/azure/container-apps/troubleshooting"
_CRASHES = 2
"""A start command that failed twice in a new replica is not going to work by itself."""
_ASKED, _SHOWN, _SECONDS = 200, 40, 10.0
_NOISE = re.compile(
    r"\s*(Requirement already satisfied|Collecting|Downloading|Using cached|Installing collected packages"
    r"|Successfully installed|Preparing metadata|Getting requirements|Ignoring|Looking in (links|indexes)"
    r"|\[notice\])\b|\s*[━╸ ]+\s*[\d.]+/"
)
"""What pip says while all goes well: it hides the line that a person looks for."""
_ENDING = re.compile(r"exit code '(?P<code>-?\d+)'(?: and reason '(?P<reason>\w+)')?")
_REASONS: Mapping[str, str] = {
    "ProbeFailure": "nothing answered the probes in time",
    "OOMKilled": "it ran out of memory",
}
_CODES: Mapping[str, str] = {
    "126": "a command is not executable",
    "127": "a command was not found",
    "137": "it was killed, as when memory runs out",
    "139": "it crashed",
}
"""What a shell's exit codes mean (POSIX, Shell Command Language, 2.8.2; 128 + the signal's number)."""
_CRASH_LOOP = "crashloop"
_MEND_CODE = (
    "Read the last lines of its console, mend the code and deploy again. Where defaultCommands are wrong, "
    "mend them and run Provision before."
)
_IMAGE = "Correct image in infra/provision/inference.parameters.json, run Provision, then deploy again."
_MOUNT = (
    "Run `aitk-inference provision --again`: it gives the environment the share's key anew. "
    "Then deploy again."
)
_TROUBLE: Mapping[str, str] = {
    "imagepull": _IMAGE,
    "errimage": _IMAGE,
    "volumemountfail": _MOUNT,
    "mount error": _MOUNT,
    "containercreatingfail": _MEND_CODE,
    _CRASH_LOOP: _MEND_CODE,
    "backoff": _MEND_CODE,
    "back-off": _MEND_CODE,
}


@dataclass(frozen=True)
class Trouble:
    """What keeps a new replica from starting, and the way out."""

    words: str
    suggestion: str = _MEND_CODE
    ended: bool = False


def trouble(replica: Replica, restarts_before: int) -> Trouble | None:
    """What a replica says about itself, when it says that it is not going to start."""
    if replica.ready:
        return None
    text = " ".join([replica.details, *(c.details for c in replica.containers)]).strip()
    crashes = replica.restarts - restarts_before
    if crashes >= _CRASHES:
        return Trouble(f"its start command ended {crashes} times", ended=True)
    way_out = next((way for word, way in _TROUBLE.items() if word in text.lower()), None)
    if way_out is None:
        return None
    if _CRASH_LOOP in text.lower():
        return Trouble("its start command keeps ending", way_out, ended=True)
    return Trouble(text, way_out)


async def failed(app: ContainerApp, replica: Replica, found: Trouble, cloud: Cloud) -> DeployFailed:
    """The error about a replica that is not going to start, with the end of its console."""
    ending = _ending(await events(app, cloud)) if found.ended else ""
    return DeployFailed(
        f"{app.ref.name} does not start: {found.words}{f' ({ending})' if ending else ''}.",
        suggestion=found.suggestion,
        link=app.portal_url or TROUBLESHOOT,
        log=await console(app, replica, cloud),
    )


async def console(app: ContainerApp, replica: Replica, cloud: Cloud) -> tuple[str, ...]:
    """The end of the replica's console, or the system log where the container never ran."""
    revision = app.latest_revision or ""
    lines = cloud.apps.console(app.ref, revision, replica.name, tail=_ASKED, follow=False)
    return without_noise(await collect(lines)) or await events(app, cloud)


async def events(app: ContainerApp, cloud: Cloud) -> tuple[str, ...]:
    """The end of the app's system log."""
    return (await collect(cloud.apps.events(app.ref, tail=_SHOWN, follow=False)))[-_SHOWN:]


async def collect(lines: AsyncIterator[LogLine], limit: float = _SECONDS) -> tuple[str, ...]:
    """The lines that come in time; logs help, and never hide the error that they explain."""
    found: list[str] = []
    try:
        async with asyncio.timeout(limit):
            async for line in lines:
                found.append(line.text.rstrip())  # noqa: PERF401 - keeps what came before a time-out
    except (AppError, TimeoutError):
        pass
    return tuple(found)


def without_noise(lines: Iterable[str]) -> tuple[str, ...]:
    """The last lines, less what pip says while all goes well; all of them where there is nothing else."""
    every = tuple(line for line in lines if line.strip())
    told = tuple(line for line in every if not _NOISE.match(line))
    return (told or every)[-_SHOWN:]


def _ending(lines: Iterable[str]) -> str:
    """How the start command ended the last time, in words: ``exit code 127: a command was not found``."""
    found = [match for line in lines if (match := _ENDING.search(line))]
    if not found:
        return ""
    code, reason = found[-1]["code"], found[-1]["reason"] or ""
    if reason in _REASONS:
        return _REASONS[reason]
    return f"exit code {code}{f': {_CODES[code]}' if code in _CODES else ''}"
