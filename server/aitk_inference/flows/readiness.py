"""Restart, and wait until the *new* process answers.

Ready means: a replica that was made (or a container that was started) after the restart was asked for, ready,
no older one still ready, and then a good answer of the web API. The old process's answer never counts.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aitk_inference.core.config import CONFIG_PATH
from aitk_inference.core.errors import Conflict, DeployFailed, InvalidProject
from aitk_inference.core.redaction import redact
from aitk_inference.flows.progress import duration
from aitk_inference.flows.start_failure import TROUBLESHOOT, collect, console, events, failed, trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aitk_inference.core.model import ContainerApp, Replica
    from aitk_inference.core.ports import Cloud
    from aitk_inference.flows.progress import Reporter

_RESTART, _WAIT = "Restart", "Wait"
_FIRST_PERCENT, _LAST_PERCENT = 50, 95
_PAUSE, _LOCAL_PAUSE = 3.0, 0.3
_CONFLICT_WAITS = (2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 30.0)
_PROBE_TIMEOUT = 10.0
_STOPPED = "stopped"
_QUIET = 5.0
"""Seconds of waiting after which the console's last line is shown, too."""
_TAIL, _TAIL_SECONDS, _TAIL_LENGTH = 10, 2.0, 80


@dataclass(frozen=True)
class Mark:
    """What ran before the restart: replica names with how often their containers were started again."""

    replicas: Mapping[str, int]


async def restart(app: ContainerApp, cloud: Cloud, report: Reporter) -> Mark:
    """Restart the latest revision; a stopped app is started.

    Returns:
        What ran before, to tell the new process from the old one.

    Raises:
        Conflict: Azure stays busy with the app.
        DeployFailed: the app has no revision.
    """
    revision = _revision(app)
    mark = Mark({replica.name: replica.restarts for replica in await cloud.apps.replicas(app.ref, revision)})
    if app.running_status.lower() == _STOPPED:
        report.step(_RESTART, f"Starting {app.ref.name}, which is stopped", _FIRST_PERCENT)
        await _retried(lambda: cloud.apps.start(app.ref), cloud, report)
    else:
        report.step(_RESTART, f"Restarting the revision {revision}", _FIRST_PERCENT)
        await _retried(lambda: cloud.apps.restart(app.ref, revision), cloud, report)
    return mark


async def wait_until_ready(
    app: ContainerApp, endpoint: str, mark: Mark, *, timeout: float, cloud: Cloud, report: Reporter
) -> None:
    """Wait until the new process answers.

    Args:
        app: The app.
        endpoint: The URL that must answer with 2xx or 3xx.
        mark: What ran before the restart.
        timeout: Seconds.
        cloud: The target.
        report: Told what is waited for.

    Raises:
        DeployFailed: the start command fails, or nothing answers in time; with the end of the console log.
        InvalidProject: the app answers, at another address than ``endpoint``.
    """
    revision, teller = _revision(app), _Teller(app, mark, cloud, report, cloud.clock.monotonic())
    while True:
        replicas = await cloud.apps.replicas(app.ref, revision)
        await _fail_early(app, replicas, mark, cloud)
        state = _state(replicas, mark)
        if state is None or (not replicas and app.min_replicas == 0):
            state = await _probe(app, endpoint, cloud, counts=state is None)
        if state is None:
            return
        if teller.waited > timeout:
            new = [replica for replica in replicas if is_new(replica, mark)]
            raise await _timed_out(app, new, f"{duration(teller.waited)}: {_lower(state)}", cloud)
        await teller.tell(state, replicas)
        await cloud.clock.sleep(_LOCAL_PAUSE if cloud.is_local else _PAUSE)


def is_new(replica: Replica, mark: Mark) -> bool:
    """True for a replica made, or with a container started, after the restart was asked for."""
    before = mark.replicas.get(replica.name)
    return before is None or replica.restarts > before


def _state(replicas: Sequence[Replica], mark: Mark) -> str | None:
    """What is still waited for; None when only the answer is missing."""
    new = [replica for replica in replicas if is_new(replica, mark)]
    if not new:
        return "Waiting for a new replica"
    if not any(replica.ready for replica in new):
        started = any(container.started for replica in new for container in replica.containers)
        return "The web API starts" if not started else "The web API is started, not ready yet"
    if any(replica.ready for replica in replicas if not is_new(replica, mark)):
        return "The old replica ends"
    return None


@dataclass
class _Teller:
    """Tells what is waited for; when it takes long, also the last line that the new replica wrote."""

    app: ContainerApp
    mark: Mark
    cloud: Cloud
    report: Reporter
    began: float
    shown: str = ""
    again_at: float = _QUIET

    @property
    def waited(self) -> float:
        return self.cloud.clock.monotonic() - self.began

    async def tell(self, state: str, replicas: Sequence[Replica]) -> None:
        waited = self.waited
        if state == self.shown and waited < self.again_at:
            return
        self.shown, self.again_at = state, waited + _QUIET
        line = await self._last_line(replicas) if waited >= _QUIET else ""
        percent = _FIRST_PERCENT + int((_LAST_PERCENT - _FIRST_PERCENT) * min(waited / 60, 1))
        self.report.step(_WAIT, f"{state}: {line}" if line else state, percent)

    async def _last_line(self, replicas: Sequence[Replica]) -> str:
        new = [replica for replica in replicas if is_new(replica, self.mark)]
        if not new:
            return ""
        revision = _revision(self.app)
        lines = self.cloud.apps.console(self.app.ref, revision, new[-1].name, tail=_TAIL, follow=False)
        words = [line.strip() for line in await collect(lines, _TAIL_SECONDS) if line.strip()[:1].isalnum()]
        return textwrap.shorten(redact(words[-1]), _TAIL_LENGTH, placeholder=" …") if words else ""


async def _probe(app: ContainerApp, endpoint: str, cloud: Cloud, *, counts: bool) -> str | None:
    """Ask the endpoint; one that sleeps is woken by it, and that answer does not count."""
    result = await cloud.probe.get(endpoint, timeout=_PROBE_TIMEOUT)
    if not counts:
        return "The app is woken: it sleeps when nobody asks it (minReplicas 0)"
    if result.ok:
        return None
    if result.status is None:
        await _check_address(app, endpoint, cloud)
    answer = f"HTTP {result.status}" if result.status else (result.detail or "no answer")
    return f"The web API does not answer well yet: {answer}"


async def _check_address(app: ContainerApp, endpoint: str, cloud: Cloud) -> None:
    """Refuse an address where nobody is while the app answers at its own: it was typed in wrongly, or is old.

    An address of a person's own domain is not the app's, and right as long as it answers.
    """
    own = app.endpoint
    if own is None or urlsplit(own).netloc == urlsplit(endpoint).netloc:
        return
    if not (await cloud.probe.get(own, timeout=_PROBE_TIMEOUT)).ok:
        return
    if (await cloud.probe.get(endpoint, timeout=_PROBE_TIMEOUT)).status is not None:
        return  # it was only for a moment that nobody answered
    message = f"{CONFIG_PATH.name} says {endpoint}, where nobody answers; the app answers at {own}."
    raise InvalidProject(
        message,
        (),
        suggestion=f"Set ACA_APP_ENDPOINT to {own} in {CONFIG_PATH.as_posix()}, or run Provision.",
    )


async def _fail_early(app: ContainerApp, replicas: Sequence[Replica], mark: Mark, cloud: Cloud) -> None:
    for replica in replicas:
        found = trouble(replica, mark.replicas.get(replica.name, 0)) if is_new(replica, mark) else None
        if found is not None:
            raise await failed(app, replica, found, cloud)


async def _timed_out(app: ContainerApp, new: Sequence[Replica], state: str, cloud: Cloud) -> DeployFailed:
    log = await console(app, new[-1], cloud) if new else await events(app, cloud)
    return DeployFailed(
        f"{app.ref.name} was not ready after {state}.",
        suggestion="Look at the last lines of its console: a model that loads slowly needs a longer "
        "time-out, a port other than PORT is never asked, a missing module ends the start.",
        link=app.portal_url or TROUBLESHOOT,
        log=log,
    )


async def _retried(ask: Callable[[], Awaitable[None]], cloud: Cloud, report: Reporter) -> None:
    for pause in _CONFLICT_WAITS:
        try:
            return await ask()
        except Conflict as error:
            report.step(
                _RESTART, f"Azure is busy with the app, asking again in {pause:.0f} s", _FIRST_PERCENT
            )
            last = error
        await cloud.clock.sleep(pause)
    raise last


def _revision(app: ContainerApp) -> str:
    if not app.latest_revision:
        raise DeployFailed(
            f"{app.ref.name} has no revision yet.", suggestion="Run Provision, then deploy again."
        )
    return app.latest_revision


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
