"""One ARM deployment to its end: adopted when it runs, not repeated when it is done, cancelled with us.

An app has one deployment name, so the same command finds what an earlier run left behind; the deployment's
fingerprint tells whether it was this very one, and its tags which computer and which project started it. One of
another computer or project is waited for, too, but never cancelled from here.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.arm_names import kind
from aitk_inference.core.errors import AppError, Cancelled
from aitk_inference.core.model import DeploymentState
from aitk_inference.core.percents import ProvisionPercent, between
from aitk_inference.core.progress import duration
from aitk_inference.core.user_interface import Level
from aitk_inference.flows.provision.deployment_errors import failure, is_passing, lacks_registration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from aitk_inference.core.model import DeploymentRef, DeploymentStatus, Json, ResourceOperation
    from aitk_inference.core.ports import Clock, Cloud
    from aitk_inference.core.progress import Reporter

COMPUTER_TAG = "aitk-inference-computer"
"""Tag of a deployment: which computer started it, so that others know whom they wait for."""
PROJECT_TAG, PROJECT_LABEL_TAG = "aitk-inference-project", "aitk-inference-project-name"
"""Tags of a deployment: which project started it. Its resources are left as the template says."""
_STEP = "Resources"
_FIRST_WAIT, _LONGEST_WAIT, _GROWTH = 1.0, 10.0, 1.4
_LOCAL_FACTOR = 0.2
"""The local target answers at once, so it is asked five times as often."""
_REGISTRATION_BOUND, _REGISTRATION_PAUSE = 180.0, 10.0
"""Seconds: a provider that was registered a moment ago is known to each region some time later."""
_PASSING_PAUSE = 15.0
"""Seconds before the only second try of a deployment that failed in passing."""
_CANCEL_BOUND = 60.0
"""Seconds to wait for the final state of a cancelled deployment; ARM needs some."""
_CANCEL_TRIES, _CANCEL_PAUSE = 3, 2.0
"""A request that was cancelled on its way may start the deployment a moment later."""
_LONGEST_TAG = 256
_DONE = "Succeeded"


@dataclass(frozen=True)
class DeploymentOrder:
    """What a deployment is asked for with.

    Attributes:
        parameters: What the template is given, what it learns of existing resources among it.
        fingerprint: Of the template and of what the project wishes: equal ones are the same deployment.
        tags: What its record says of who started it and what it makes.
    """

    template: Mapping[str, Json]
    parameters: Mapping[str, Json] = field(repr=False)  # secrets of an existing app are among them
    fingerprint: str
    tags: Mapping[str, str]


@dataclass
class DeploymentContext:
    """Which deployment it is, in which cloud, where its progress goes, and what became of it so far.

    Attributes:
        portal: Its page, or None on the local target.
        computer: The name of this computer.
        maker: Says in words which other project started a deployment, by its tags; nothing for this one.
        begun: True once this run asked for it, or picked up what this computer had asked for.
        waits_for: The other computer or project whose deployment is waited for.
        before: The correlation id of the deployment that was there before.
    """

    ref: DeploymentRef
    cloud: Cloud
    report: Reporter
    portal: str | None = None
    computer: str = field(default_factory=lambda: socket.gethostname()[:_LONGEST_TAG])
    maker: Callable[[Mapping[str, str]], str] = lambda _: ""
    begun: bool = False
    waits_for: str = ""
    before: str = ""

    def announce(self, words: str) -> None:
        """Say that it runs, with its page in the portal."""
        self.report.step(_STEP, words, ProvisionPercent.DEPLOYMENT)
        if self.portal:
            watch = Action(ActionKind.OPEN_PORTAL, "Watch it in the portal", self.portal)
            self.report.ui.say(Level.INFO, f"{words}.", [watch])

    def other_starter(self, tags: Mapping[str, str]) -> str | None:
        """Return who else started a deployment: another computer, or another project on this one."""
        computer, maker = tags.get(COMPUTER_TAG, self.computer), self.maker(tags)
        if computer != self.computer:
            return computer
        return f"the project {maker}" if maker else None


def deployment_name(app: str) -> str:
    """Return the name of every deployment of one app (ARM allows 64 characters, an app's name has 32)."""
    return f"aitk-inference-{app}"


@asynccontextmanager
async def cancelled_with_us(context: DeploymentContext) -> AsyncIterator[None]:
    """When this task is cancelled, cancel the deployment too and say how it ended.

    Raises:
        Cancelled: instead of CancelledError. A second cancellation leaves at once.
    """
    try:
        yield
    except asyncio.CancelledError:
        context.report.step(_STEP, "Cancelling the deployment")
        raise Cancelled(await _cancel(context), suggestion="Run Provision again to go on.") from None


async def adopt(context: DeploymentContext) -> DeploymentStatus | None:
    """Return the last deployment of this app: one that still runs is waited for, whatever its end and whoever's."""
    status = await context.cloud.deployments.status(context.ref)
    context.before = status.correlation_id if status else ""
    if status is None or status.state.is_final:
        return status
    if (starter := context.other_starter(status.tags)) is None:
        context.begun, context.before = True, ""
        context.announce(f"Picking up the deployment {context.ref.name}, which is running")
    else:
        context.waits_for = starter
        context.announce(f"Waiting for the deployment {context.ref.name}, which {starter} started")
    final = await _watch(context, 0)
    context.begun, context.waits_for, context.before = False, "", final.correlation_id
    return final


def matches_fingerprint(status: DeploymentStatus | None, fingerprint: str) -> bool:
    """Return True when a deployment succeeded and was this very one."""
    if status is None:
        return False
    return status.state is DeploymentState.SUCCEEDED and status.fingerprint == fingerprint


async def run(context: DeploymentContext, order: DeploymentOrder) -> DeploymentStatus:
    """Deploy and wait for the end; what fails in passing is tried once more.

    Raises:
        ProvisionFailed, QuotaExceeded: the deployment failed.
        Conflict: another computer's deployment of this app has begun meanwhile (its code is ``DeploymentActive``).
        Cancelled: somebody else cancelled it.
    """
    once = partial(_once, context, order)
    try:
        return await _registered(context, once)
    except AppError as error:
        if not is_passing(error):
            raise
        context.report.warn(f"{error.message} Such failures pass: trying once more.")
    await context.cloud.clock.sleep(_PASSING_PAUSE)
    return await _registered(context, once)


async def _registered(
    context: DeploymentContext, once: Callable[[], Awaitable[DeploymentStatus]]
) -> DeploymentStatus:
    """Deploy; while a region does not know of a new registration yet, again."""
    clock = context.cloud.clock
    until = clock.monotonic() + _REGISTRATION_BOUND
    while True:
        try:
            return await once()
        except AppError as error:
            if not lacks_registration(error) or clock.monotonic() > until:
                raise
        context.report.step(
            _STEP, "Waiting for the registration of a resource provider", ProvisionPercent.DEPLOYMENT
        )
        await clock.sleep(_REGISTRATION_PAUSE)


async def _once(context: DeploymentContext, order: DeploymentOrder) -> DeploymentStatus:
    context.announce(f"Starting the deployment {context.ref.name}")
    context.begun = True
    await context.cloud.deployments.start(
        context.ref,
        dict(order.template),
        order.parameters,
        fingerprint=order.fingerprint,
        tags={**order.tags, COMPUTER_TAG: context.computer},
    )
    final = await _watch(context, _resource_count(order.template))
    context.begun, context.before = False, final.correlation_id
    if final.state is DeploymentState.SUCCEEDED:
        return final
    if final.state is DeploymentState.CANCELED:
        raise Cancelled("The deployment was cancelled elsewhere.", suggestion="Run Provision again to go on.")
    raise failure(final.error, portal=context.portal)


async def _watch(context: DeploymentContext, expected: int) -> DeploymentStatus:
    wait = _Waits(context.cloud.clock, is_local=context.cloud.is_local)
    progress = _ResourceProgress(context.report, context.cloud.clock, expected)
    while True:
        status = await context.cloud.deployments.status(context.ref)
        progress.show(await context.cloud.deployments.operations(context.ref))
        if status is not None and status.state.is_final:
            return status
        await wait.next()


class _ResourceProgress:
    """Shows each resource's state when it changes, with the time that it took; while nothing changes, what is waited for."""

    def __init__(self, report: Reporter, clock: Clock, expected: int) -> None:
        self._report = report
        self._clock = clock
        self._expected = expected
        self._shown: dict[str, str] = {}
        self._since: dict[str, float] = {}

    def show(self, operations: Sequence[ResourceOperation]) -> None:
        """Show what changed since the last time."""
        percent = self._percent(operations)
        known = [operation for operation in operations if operation.resource_id]
        for one in known:
            self._since.setdefault(one.resource_id, self._clock.monotonic())
        changed = [one for one in known if self._shown.get(one.resource_id) != one.state]
        running = [one for one in known if _words(one) == _CREATING]
        for one in changed or running[:1]:
            self._shown[one.resource_id] = one.state
            self._report.step(_STEP, f"{kind(one.type)} {one.name}: {_words(one)}{self._took(one)}", percent)

    def _percent(self, operations: Sequence[ResourceOperation]) -> int | None:
        done = sum(operation.state == _DONE for operation in operations)
        total = max(len(operations), self._expected, 1)
        share = between(ProvisionPercent.DEPLOYMENT, ProvisionPercent.DEPLOYED, done / total)
        return share if self._expected else None

    def _took(self, operation: ResourceOperation) -> str:
        """Return how long a resource takes, in steps: a line for each second would hide the others."""
        seconds = self._clock.monotonic() - self._since[operation.resource_id]
        if _words(operation) == _CREATING:
            seconds -= seconds % (_MINUTE_STEP if seconds > _MINUTE else _SECOND_STEP)
        return f" ({duration(seconds)})" if seconds >= _SECOND_STEP else ""


_CREATING = "creating"
_MINUTE, _MINUTE_STEP, _SECOND_STEP = 60, 30, 5


def _words(operation: ResourceOperation) -> str:
    return _WORDS.get(operation.state, operation.state.lower())


_WORDS = {"Running": _CREATING, "Accepted": _CREATING, "Creating": _CREATING, _DONE: "done"}


def _resource_count(template: Mapping[str, Json]) -> int:
    resources = template.get("resources")
    if isinstance(resources, dict):
        return sum(not (isinstance(item, dict) and item.get("existing")) for item in resources.values())
    return len(resources) if isinstance(resources, list) else 0


async def _cancel(context: DeploymentContext) -> str:
    """Cancel the deployment and say how it ended; never raises an AppError."""
    if context.waits_for:
        return (
            f"Stopped waiting. The deployment {context.ref.name}, which {context.waits_for} started, goes on."
        )
    try:
        async with asyncio.timeout(_CANCEL_BOUND):
            return await _cancelled(context)
    except (TimeoutError, AppError):
        where = f" Watch it at {context.portal}" if context.portal else ""
        return (
            f"Provisioning was cancelled, but the deployment {context.ref.name} may still be ending.{where}"
        )


async def _cancelled(context: DeploymentContext) -> str:
    for _ in range(_CANCEL_TRIES if context.begun else 1):
        if await context.cloud.deployments.cancel(context.ref):
            return await _ended(context, await _watch(context, 0))
        status = await context.cloud.deployments.status(context.ref) if context.begun else None
        if status is not None and status.correlation_id != context.before:
            return await _ended(context, status)  # it ended before it could be cancelled
        await context.cloud.clock.sleep(_CANCEL_PAUSE if context.begun else 0)
    return "Provisioning was cancelled; no deployment was running."


async def _ended(context: DeploymentContext, final: DeploymentStatus) -> str:
    operations = await context.cloud.deployments.operations(context.ref)
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
