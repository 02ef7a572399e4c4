"""Restart what serves, and know the new process from the old one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Conflict, DeployFailed
from aitk_inference.core.percents import DeployPercent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aitk_inference.core.model import ContainerApp, Replica
    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.progress import Reporter

STEP = "Restart"
_CONFLICT_WAITS = (2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)
_GPU_WAIT = 180.0
"""Seconds after which a replica without a container is taken to wait for the GPU of the old one."""


@dataclass(frozen=True)
class Baseline:
    """What ran before the restart: replica names with how often their containers were started again."""

    replicas: Mapping[str, int]

    def is_new(self, replica: Replica) -> bool:
        """Return True for a replica made, or with a container started, after the restart was asked for."""
        before = self.replicas.get(replica.name)
        return before is None or replica.restarts > before


def serving_revision(app: ContainerApp) -> str:
    """Return the revision that answers most requests.

    Raises:
        DeployFailed: the app has none.
    """
    if not app.serving:
        raise DeployFailed(
            f"{app.ref.name} has no revision yet.", suggestion="Run Provision, then deploy again."
        )
    return app.serving[0]


async def restart(app: ContainerApp, cloud: Cloud, report: Reporter) -> Baseline:
    """Restart the revisions that get traffic; a stopped app is started.

    Returns:
        What ran before, to tell the new process from the old one.

    Raises:
        Conflict: Azure stays busy with the app.
        DeployFailed: the app has no revision.
    """
    revision = serving_revision(app)
    running = await cloud.apps.replicas(app.ref, revision)
    baseline = Baseline({replica.name: replica.restarts for replica in running})
    if app.is_stopped:
        report.step(STEP, f"Starting {app.ref.name}, which is stopped", DeployPercent.RESTART)
        await retried(lambda: cloud.apps.start(app.ref), cloud, report)
        return baseline
    await _warn_of_several(app, cloud, report)
    for name in app.serving:
        report.step(STEP, f"Restarting the revision {name}", DeployPercent.RESTART)
        await retried(partial(cloud.apps.restart, app.ref, name), cloud, report)
    return baseline


class GpuHandover:
    """Ends the old replica where the new one waits for its GPU: with a quota of one, both can't run."""

    def __init__(self, app: ContainerApp, baseline: Baseline, cloud: Cloud, report: Reporter) -> None:
        self._app, self._baseline, self._cloud, self._report = app, baseline, cloud, report
        self._until = cloud.clock.monotonic() + _GPU_WAIT
        self._done = app.workload_profile.lower() in ("", "consumption")

    async def look(self, replicas: Sequence[Replica]) -> None:
        """Stop and start the app, once, where a replica has waited for long beside the old one."""
        if self._done or self._cloud.clock.monotonic() < self._until:
            return
        new = [replica for replica in replicas if self._baseline.is_new(replica)]
        old = [replica for replica in replicas if not self._baseline.is_new(replica)]
        if not old or any(
            container.running_state == "Running" for one in new for container in one.containers
        ):
            return
        self._done = True
        self._report.warn(
            "The new replica waits for the GPU that the old one holds: the app is stopped and started again. Nothing answers meanwhile."
        )
        await retried(lambda: self._cloud.apps.stop(self._app.ref), self._cloud, self._report)
        await retried(lambda: self._cloud.apps.start(self._app.ref), self._cloud, self._report)


async def _warn_of_several(app: ContainerApp, cloud: Cloud, report: Reporter) -> None:
    """Say which revision answers where several may, and which others are active: each may hold a GPU."""
    if not app.several_revisions:
        return
    active = [revision for revision in await cloud.apps.revisions(app.ref) if revision.active]
    idle = [revision.name for revision in active if revision.name not in app.serving]
    if idle:
        report.warn(f"Active without traffic, and billed while replicas of them run: {', '.join(idle)}.")
    latest = app.latest_revision
    if latest and latest not in app.serving:
        report.warn(f"The traffic goes to {', '.join(app.serving)}, not to the latest revision {latest}.")


async def retried(ask: Callable[[], Awaitable[None]], cloud: Cloud, report: Reporter) -> None:
    """Ask for a change of the app, again while Azure is busy with another.

    Raises:
        Conflict: Azure stays busy with the app.
    """
    for pause in _CONFLICT_WAITS:
        try:
            return await ask()
        except Conflict as error:
            report.step(
                STEP, f"Azure is busy with the app, asking again in {pause:.0f} s", DeployPercent.RESTART
            )
            last = error
        await cloud.clock.sleep(pause)
    raise last
