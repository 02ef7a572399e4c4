"""Wait until the *new* process is ready, as the platform says it.

Ready means: a replica that was made (or a container that was started) after the restart was asked for, with every
container ready, and no older one still ready. Then the endpoint is asked (``answer.py``): the old process's answer
never counts.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.progress import duration
from aitk_inference.flows.app.answer import Answer, Endpoint
from aitk_inference.flows.app.restart import GpuHandover
from aitk_inference.flows.deploy.replica_watch import ReplicaWatch
from aitk_inference.flows.deploy.startup_diagnosis import final_cause, trouble
from aitk_inference.flows.deploy.startup_failure import Start, not_ready, not_starting, refused
from aitk_inference.flows.deploy.startup_stages import StartStages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.errors import DeployFailed
    from aitk_inference.core.model import Replica
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.user_interface import StageTime
    from aitk_inference.flows.app.restart import Baseline
    from aitk_inference.flows.deploy.startup_history import StartHistory

_PAUSE, _LOCAL_PAUSE = 3.0, 0.15
_CRASH_PATIENCE = 5
"""Looks at a crash loop before it is believed: a start that fails once may succeed the second time."""
_ASLEEP = "The app is woken: it sleeps when nobody asks it (minReplicas 0)"
_QUIET = 5.0
"""Seconds of waiting after which the console's last line is shown, too."""
_LINE = 80


class Ready(NamedTuple):
    """An app that is ready.

    Attributes:
        answer: How its endpoint answers, with a warning where it does not answer this computer.
        stages: How long each stage of its start took.
    """

    answer: Answer
    stages: tuple[StageTime, ...]


async def wait_until_ready(
    start: Start,
    endpoint: str,
    baseline: Baseline,
    history: StartHistory,
    *,
    timeout: float,
    report: Reporter,
) -> Ready:
    """Wait until the new process is ready, then ask it once.

    Args:
        start: What was started.
        endpoint: The URL of the configuration.
        baseline: What ran before the restart.
        history: How long earlier starts took; this one is added where it ends well.
        timeout: Seconds.
        report: Shows what is waited for.

    Raises:
        DeployFailed: the start command fails, or nothing is ready in time; with the cause and the lines that show it.
        InvalidProject: the app answers, at another address than ``endpoint``.
    """
    cloud = start.cloud
    stages = StartStages(history.read(), cloud.clock.monotonic, report)
    door, handover = Endpoint(start.app, endpoint, cloud), GpuHandover(start.app, baseline, cloud, report)
    progress = _Progress(start, baseline, stages)
    async with progress.watch:
        while True:
            replicas = await cloud.apps.replicas(start.app.ref, start.revision)
            await progress.fail_early(replicas)
            state = _state(replicas, baseline)
            if state:
                await door.keep_awake()
            sleeps = not replicas and start.app.min_replicas == 0
            answer = Answer(_ASLEEP if sleeps else state) if state else await door.ask()
            if answer.refusal:
                raise await progress.refused(answer.refusal)
            if not answer.waiting:
                times = stages.finish()
                history.write(stages.seconds)
                return Ready(answer, times)
            if stages.waited > timeout:
                raise await progress.timed_out(answer.waiting)
            progress.show(answer)
            await handover.look(replicas)
            await cloud.clock.sleep(_LOCAL_PAUSE if cloud.is_local else _PAUSE)


def _state(replicas: Sequence[Replica], baseline: Baseline) -> str:
    """Return what is still waited for; empty when the platform says that the new process is ready."""
    new = [replica for replica in replicas if baseline.is_new(replica)]
    if not new:
        return "Waiting for a new replica"
    if not any(replica.ready for replica in new):
        started = any(container.started for replica in new for container in replica.containers)
        return "The web API is started, not ready yet" if started else "The web API starts"
    if any(replica.ready for replica in replicas if not baseline.is_new(replica)):
        return "The old replica ends"
    return ""


@dataclass
class _Progress:
    """Shows what is waited for, and sees early that it will not come."""

    start: Start
    baseline: Baseline
    stages: StartStages
    new: list[Replica] = field(default_factory=list)
    crashes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watch = ReplicaWatch(self.start, self.hear)

    def hear(self, line: str) -> None:
        """Take a line of the new replica's console; what the system log said before it comes first."""
        self.stages.events(self.watch.events_of(self.new))
        self.stages.console(line)

    def show(self, answer: Answer) -> None:
        if answer.loading:
            self.stages.loading(answer.loading)
        line = self.watch.last_words() if self.stages.waited >= _QUIET else ""
        short = textwrap.shorten(line, _LINE, placeholder=" …")
        self.stages.show(answer.waiting, short)

    async def fail_early(self, replicas: Sequence[Replica]) -> None:
        """Look at what the new replicas say.

        Raises:
            DeployFailed: one says that it is not going to start; with the reason.
        """
        new = self.new = list(filter(self.baseline.is_new, replicas))
        events = self.watch.events_of(new)
        self.stages.events(events)
        self.watch.look(new)
        if new and (cause := final_cause([line.text for line in events])):
            raise await not_starting(self.start, new[-1], cause.cause)
        for replica in new:
            found = trouble(replica, self.baseline.replicas.get(replica.name, 0))
            if found is None:
                continue
            seen = self.crashes[replica.name] = self.crashes.get(replica.name, 0) + 1
            if not found.may_pass or seen >= _CRASH_PATIENCE:
                raise await not_starting(self.start, replica, found.words, self.watch.console)

    async def timed_out(self, state: str) -> DeployFailed:
        return await not_ready(self.start, self.new, duration(self.stages.waited), state, self.watch.console)

    async def refused(self, words: str) -> DeployFailed:
        return await refused(self.start, self.new, words, self.watch.console)
