"""One ARM deployment to its end: adopted when it runs, not repeated when it is done, cancelled with us.

An app has one deployment name, so the same command finds what an earlier run left behind; the deployment's
fingerprint tells whether it was this very one.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError, Cancelled
from aitk_inference.core.model import DeploymentState
from aitk_inference.flows.failures import failure
from aitk_inference.flows.words import kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aitk_inference.core.model import DeploymentRef, DeploymentStatus, Json, ResourceOperation
    from aitk_inference.core.ports import Clock, Cloud
    from aitk_inference.flows.progress import Reporter

_STEP = "Resources"
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 1.0, 10.0, 1.4
_LOCAL_FACTOR = 0.2
"""The local target answers at once, so it is asked five times as often."""
_CANCEL_BOUND = 60.0
"""Seconds to wait for the final state of a cancelled deployment; ARM needs some."""
_FIRST_PERCENT, _LAST_PERCENT = 20, 95
_DONE = "Succeeded"


@dataclass(frozen=True)
class Spot:
    """Where a deployment stands and who is told of it.

    Attributes:
        portal: Its page, or None on the local target.
    """

    ref: DeploymentRef
    cloud: Cloud
    report: Reporter
    portal: str | None = None


def deployment_name(app: str) -> str:
    """The name of every deployment of one app (ARM allows 64 characters, an app's name has 32)."""
    return f"aitk-inference-{app}"


@asynccontextmanager
async def cancelled_with_us(spot: Spot) -> AsyncIterator[None]:
    """When this task is cancelled, cancel the deployment too and say how it ended.

    Raises:
        Cancelled: instead of CancelledError. A second cancellation leaves at once.
    """
    try:
        yield
    except asyncio.CancelledError:
        spot.report.step(_STEP, "Cancelling the deployment")
        raise Cancelled(await _cancel(spot), suggestion="Run Provision again to go on.") from None


async def adopt(spot: Spot) -> DeploymentStatus | None:
    """The last deployment of this app: one that still runs is waited for, whatever its end."""
    status = await spot.cloud.deployments.status(spot.ref)
    if status is None or status.state.is_final:
        return status
    spot.report.step(_STEP, f"Picking up the deployment {spot.ref.name}, which is running")
    return await _watch(spot, 0)


def brought_about(status: DeploymentStatus | None, mark: str) -> bool:
    """True when a deployment succeeded and was this very one."""
    return status is not None and status.state is DeploymentState.SUCCEEDED and status.fingerprint == mark


async def run(
    spot: Spot, template: Mapping[str, Json], parameters: Mapping[str, Json], mark: str
) -> DeploymentStatus:
    """Deploy and wait for the end.

    Raises:
        ProvisionFailed, QuotaExceeded: the deployment failed.
        Cancelled: somebody else cancelled it.
    """
    spot.report.step(_STEP, f"Starting the deployment {spot.ref.name}", _FIRST_PERCENT)
    await spot.cloud.deployments.start(spot.ref, dict(template), parameters, fingerprint=mark)
    final = await _watch(spot, _resource_count(template))
    if final.state is DeploymentState.SUCCEEDED:
        return final
    if final.state is DeploymentState.CANCELED:
        raise Cancelled("The deployment was cancelled elsewhere.", suggestion="Run Provision again to go on.")
    raise failure(final.error, portal=spot.portal)


async def _watch(spot: Spot, expected: int) -> DeploymentStatus:
    wait, shown = _Waits(spot.cloud.clock, is_local=spot.cloud.is_local), dict[str, str]()
    while True:
        status = await spot.cloud.deployments.status(spot.ref)
        _show(await spot.cloud.deployments.operations(spot.ref), shown, expected, spot.report)
        if status is not None and status.state.is_final:
            return status
        await wait.next()


def _show(
    operations: Sequence[ResourceOperation], shown: dict[str, str], expected: int, report: Reporter
) -> None:
    done = sum(operation.state == _DONE for operation in operations)
    total = max(len(operations), expected, 1)
    share = _FIRST_PERCENT + (_LAST_PERCENT - _FIRST_PERCENT) * done // total
    percent = share if expected else None
    for operation in operations:
        if operation.resource_id and shown.get(operation.resource_id) != operation.state:
            shown[operation.resource_id] = operation.state
            report.step(_STEP, f"{kind(operation.type)} {operation.name}: {_word(operation.state)}", percent)


_WORDS = {"Running": "creating", "Accepted": "creating", "Creating": "creating", _DONE: "done"}


def _word(state: str) -> str:
    return _WORDS.get(state, state.lower())


def _resource_count(template: Mapping[str, Json]) -> int:
    resources = template.get("resources")
    if isinstance(resources, dict):
        return sum(not (isinstance(item, dict) and item.get("existing")) for item in resources.values())
    return len(resources) if isinstance(resources, list) else 0


async def _cancel(spot: Spot) -> str:
    """Cancel the deployment and say how it ended; never raises an AppError."""
    try:
        async with asyncio.timeout(_CANCEL_BOUND):
            return await _cancelled(spot)
    except (TimeoutError, AppError):
        where = f" Watch it at {spot.portal}" if spot.portal else ""
        return f"Provisioning was cancelled, but the deployment {spot.ref.name} may still be ending.{where}"


async def _cancelled(spot: Spot) -> str:
    if not await spot.cloud.deployments.cancel(spot.ref):
        return "Provisioning was cancelled; no deployment was running."
    final = await _watch(spot, 0)
    operations = await spot.cloud.deployments.operations(spot.ref)
    return _outcome(final.state, [f"{kind(op.type)} {op.name}" for op in operations if op.state == _DONE])


def _outcome(state: DeploymentState, made: Sequence[str]) -> str:
    left = f"What was made stays: {', '.join(made)}." if made else "Nothing was made."
    if state is DeploymentState.SUCCEEDED:
        return f"The deployment ended before it could be cancelled. {left}"
    if state is DeploymentState.FAILED:
        return f"Provisioning was cancelled; the deployment had failed. {left}"
    return f"Provisioning was cancelled, and the deployment with it. {left}"


class _Waits:
    """Growing pauses between two looks."""

    def __init__(self, clock: Clock, *, is_local: bool) -> None:
        self._clock = clock
        self._factor = _LOCAL_FACTOR if is_local else 1.0
        self._seconds = _FIRST_WAIT

    async def next(self) -> None:
        await self._clock.sleep(self._seconds * self._factor)
        self._seconds = min(self._seconds * _GROWTH, _LONGEST_WAIT)
