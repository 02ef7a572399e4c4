"""Starts, finds and stops aca-local, the local target: a program of its own, never imported.

``aca-local serve --detach --json`` joins the one that runs on the same data folder or starts it, prints one
line about it and ends. Only ``composition`` uses this.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shlex
import ssl
import sys
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core import api_versions
from aitk_inference.core.errors import AppError, NotFound, Unreachable
from aitk_inference.core.redaction import redact

if TYPE_CHECKING:
    from aitk_inference.core.settings import Settings

_LOOK_AT_LOG = "Look into aca-local.log in its data folder, or run `aca-local serve` to see what it says."
_PORT_TAKEN = re.compile(r"Port \d+ .*? is in use by .*?\.(?= |$)")
_PROGRAM = re.compile(r"aca-local( \w+)?: (error: )?")
_MARGIN = 5.0
_STOP_TIMEOUT = 45.0
_ANSWER_TIMEOUT = 5.0


@dataclass(frozen=True)
class LocalAzure:
    """A running aca-local, as it describes itself.

    Attributes:
        arm: Address of its Resource Manager (https).
        token: What it wants as bearer token.
        subscription_id: Its one subscription.
        tenant_id: Its one directory.
        ca_file: The authority that signed its certificate.
    """

    arm: str
    token: str = field(repr=False)
    subscription_id: str
    tenant_id: str
    ca_file: Path


async def start(settings: Settings) -> LocalAzure:
    """Join the running aca-local, or start it.

    Raises:
        NotFound: the interpreter or the program is not there.
        Unreachable: it did not come up in time.
        AppError: it came up and failed; the message has its last words.
    """
    limit = settings.local_start_timeout
    code, out, said = await _run(settings, ["serve", "--detach", "--json"], limit + _MARGIN)
    if code != 0:
        raise _failed(said, settings)
    return _described(out)


class LocalTargets:
    """The local targets that this process has used: one that still answers is used again without starting a program."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], LocalAzure] = {}

    async def start(self, settings: Settings) -> LocalAzure:
        """Return the running aca-local of these settings, started where it does not run; raises as :func:`start`."""
        key = str(settings.local_python), str(settings.local_data)
        used = self._used.get(key)
        if used is None or not await _answers(used):
            used = self._used[key] = await start(settings)
        return used


async def _answers(target: LocalAzure) -> bool:
    """Return True if this very target still answers: a new one on its port would not know its token."""
    import httpx  # noqa: PLC0415 - only a process that lives on asks

    url, headers = f"{target.arm}/subscriptions", {"Authorization": f"Bearer {target.token}"}
    try:
        trusted = ssl.create_default_context(cafile=target.ca_file)
        async with httpx.AsyncClient(verify=trusted, timeout=_ANSWER_TIMEOUT, trust_env=False) as client:
            answer = await client.get(
                url, headers=headers, params={"api-version": api_versions.SUBSCRIPTIONS}
            )
    except (httpx.HTTPError, OSError):
        return False
    return answer.status_code == HTTPStatus.OK


async def find(settings: Settings) -> LocalAzure | None:
    """Return the running aca-local, or None; nothing is started."""
    code, out, _ = await _run(settings, ["status", "--json"], settings.local_start_timeout)
    return _described(out) if code == 0 else None


async def stop(settings: Settings) -> None:
    """End it and its apps; its state stays on disk. Nothing happens when it does not run."""
    code, _, said = await _run(settings, ["stop", "--json"], _STOP_TIMEOUT)
    if code != 0:
        raise _failed(said, settings)


async def _run(settings: Settings, words: list[str], limit: float) -> tuple[int, str, str]:
    """Run one of its commands to the end: exit code, standard output, standard error.

    It runs in the interpreter's own folder: Python looks for modules where a program starts, and a project's
    folder may hold a ``json.py``.
    """
    data = ["--data-dir", str(settings.local_data)] if settings.local_data else []
    python = str(settings.local_python or sys.executable)
    try:
        process = await asyncio.create_subprocess_exec(
            *(python, "-P", "-m", "aca_local", *words, *data),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=sys.prefix,
        )
    except OSError as error:
        raise NotFound(
            f"The Python interpreter {python} can't be started: {error.strerror}.",
            suggestion="Correct the setting of the local target's interpreter.",
        ) from error
    return await _finished(process, limit)


async def _finished(process: asyncio.subprocess.Process, limit: float) -> tuple[int, str, str]:
    try:
        async with asyncio.timeout(limit):
            out, said = await process.communicate()
    except TimeoutError as error:
        raise Unreachable(
            f"The local Azure did not answer within {limit:g} s.", suggestion=_LOOK_AT_LOG
        ) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, out.decode("utf-8", "replace"), said.decode("utf-8", "replace")


def _described(line: str) -> LocalAzure:
    try:
        value = json.loads(line)
        return LocalAzure(
            arm=value["arm"],
            token=value["token"],
            subscription_id=value["subscriptionId"],
            tenant_id=value["tenantId"],
            ca_file=Path(value["caFile"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise AppError(
            "The local Azure said something unexpected when it started.", detail=redact(line)
        ) from error


def _failed(said: str, settings: Settings) -> AppError:
    lines = [line.strip() for line in redact(said).splitlines() if line.strip()]
    if any("No module named aca_local" in line for line in lines):
        return NotFound(
            "The local Azure (aca-local) is not installed in this interpreter.",
            suggestion="Install the package aitk-inference there, or correct the setting of the interpreter.",
        )
    words = _PROGRAM.sub("", lines[-1]) if lines else "it gave no reason"
    if taken := _PORT_TAKEN.match(words):
        data = ["--data-dir", str(settings.local_data)] if settings.local_data else []
        anew = shlex.join(["aca-local", "serve", "--detach", "--new-ports", *data])
        return AppError(
            f"The local Azure did not start: {taken[0]}",
            suggestion=f"Stop that program. Or let the local Azure take new ports, `{anew}`, "
            "and run Provision again: endpoints change then.",
        )
    return AppError(
        f"The local Azure did not start: {words}", suggestion=_LOOK_AT_LOG, detail="\n".join(lines)
    )
