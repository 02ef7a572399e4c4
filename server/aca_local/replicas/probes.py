"""Probes of a container, with the thresholds and words of Container Apps.

One deviation, on purpose: Azure sleeps through ``initialDelaySeconds`` and between two periods; here a probe
looks every moment from the start, so that a replica is ready as soon as it answers. Only the failures that
Azure would have seen, at Azure's times, are counted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from aca_local.kernel.replicas import Probe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aca_local.kernel.replicas import ProbeKind

    Check = Callable[[Probe], Awaitable[str | None]]  # the failure's words, or None when all is well
    Report = Callable[[str], None]

GLANCE, STARE = 0.1, 1.0  # seconds between two looks while a replica starts: at first, and after a while
WORDS: dict[ProbeKind, str] = {"Startup": "StartUp", "Liveness": "Liveness", "Readiness": "Readiness"}


def default_probes(target_port: int | None) -> tuple[Probe, ...]:
    """Name the probes of a main container that brings none of a kind, when there is an ingress.

    https://learn.microsoft.com/azure/container-apps/health-probes#default-configuration
    """
    if target_port is None:
        return ()
    startup = Probe("Startup", target_port, initial_delay=1, period=1, timeout=3, failure_threshold=240)
    readiness = Probe("Readiness", target_port, initial_delay=3, period=5, timeout=5, failure_threshold=48)
    return startup, readiness


async def check(probe: Probe, host: str, port: int) -> str | None:
    """Look once; answer None when the container is well, else the words of the system log."""
    try:
        async with asyncio.timeout(probe.timeout):
            if probe.scheme == "tcp":
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
            else:
                await _get(probe, host, port)
    except TimeoutError:
        return f"Probe of {WORDS[probe.kind]} failed with timeout in {probe.timeout:g} seconds."
    except _BadStatusError as bad:
        return f"Probe of {WORDS[probe.kind]} failed with status code: {bad}"
    except (OSError, aiohttp.ClientError):
        return f"{probe.kind} probe failed: connection refused"
    return None


class _BadStatusError(Exception):
    """An HTTP probe got another status than 200 to 399."""


async def _get(probe: Probe, host: str, port: int) -> None:
    url = f"{probe.scheme}://{host}:{port}{probe.path if probe.path.startswith('/') else '/' + probe.path}"
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.get(url, headers=dict(probe.headers), allow_redirects=False) as answer,
    ):
        if not 200 <= answer.status < 400:  # noqa: PLR2004 # the documented range of success
            raise _BadStatusError(str(answer.status))


async def until_success(probe: Probe, look: Check, report: Report, *, eager: bool = True) -> bool:
    """Look until the success threshold is met (True) or the failure threshold (False)."""
    clock = asyncio.get_running_loop().time
    due = clock() + probe.initial_delay
    good = failures = 0
    pause = min(GLANCE, probe.period) if eager else probe.period
    if not eager:
        await asyncio.sleep(probe.initial_delay)
    while True:
        failure = await look(probe)
        good = good + 1 if failure is None else 0
        if good >= probe.success_threshold:
            return True
        if failure is not None and clock() >= due:
            due, failures = clock() + probe.period, failures + 1
            report(failure)
            if failures >= probe.failure_threshold:
                return False
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, STARE, probe.period) if eager else probe.period


async def until_failure(probe: Probe, look: Check, report: Report) -> None:
    """Look at each period until the failure threshold is met."""
    failures = 0
    while failures < probe.failure_threshold:
        await asyncio.sleep(probe.period)
        failure = await look(probe)
        failures = 0 if failure is None else failures + 1
        if failure is not None:
            report(failure)
