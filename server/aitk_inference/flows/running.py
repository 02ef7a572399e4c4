"""The app that runs: its logs; stopped when nobody needs it, started again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.core.config import incomplete, read_config
from aitk_inference.core.errors import NotFound
from aitk_inference.core.interface import Action, ActionKind, Level
from aitk_inference.core.model import AppRef
from aitk_inference.core.redaction import redact
from aitk_inference.flows.deploy import find_app
from aitk_inference.flows.places import state_folder
from aitk_inference.flows.progress import Reporter
from aitk_inference.flows.project_lock import hold
from aitk_inference.flows.requests import Outcome
from aitk_inference.flows.target import find_subscription

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.model import ContainerApp, LogLine
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.flows.requests import LogsRequest, SwitchRequest

_STOPPED = "stopped"


async def logs(request: LogsRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Tell the last lines of the newest replica's console, or of the app's system log; follow on demand.

    Raises:
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there, or no replica runs.
        NotAuthenticated, Forbidden, Unreachable.
    """
    async with _app(request.project, clouds) as (cloud, app):
        count = 0
        async for line in await _lines(request, app, cloud):
            ui.say(Level.INFO, redact(line.text.rstrip()))
            count += 1
    if count:
        return Outcome("", data={"lines": count})
    return Outcome(f"{app.ref.name} has written nothing yet.", data={"lines": 0})


async def stop(request: SwitchRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Stop the app: no replica runs, and none is billed.

    Raises:
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        Busy, Conflict, NotAuthenticated, Forbidden, Unreachable.
    """
    with hold(request.project, "stop", state_folder()):
        async with _app(request.project, clouds) as (cloud, app):
            if app.running_status.lower() == _STOPPED:
                return Outcome(f"{app.ref.name} is stopped already.")
            Reporter(ui).step("Stop", f"Stopping {app.ref.name}")
            await cloud.apps.stop(app.ref)
    action = Action(ActionKind.RUN, "Start", "start")
    return Outcome(f"Stopped {app.ref.name}: no replica is billed. Deploy starts it, too.", actions=(action,))


async def start(request: SwitchRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Start the stopped app, with the code that lies on the share; the web API needs a while to answer.

    Raises:
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        Busy, Conflict, NotAuthenticated, Forbidden, Unreachable.
    """
    with hold(request.project, "start", state_folder()):
        async with _app(request.project, clouds) as (cloud, app):
            endpoint = app.endpoint or ""
            actions = (Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", endpoint),)
            if app.running_status.lower() != _STOPPED:
                return Outcome(f"{app.ref.name} is not stopped.", endpoint, actions=actions)
            Reporter(ui).step("Start", f"Starting {app.ref.name}")
            await cloud.apps.start(app.ref)
    return Outcome(f"Started {app.ref.name}. The web API needs a while to answer.", endpoint, actions=actions)


@asynccontextmanager
async def _app(project: Path, clouds: Clouds) -> AsyncIterator[tuple[Cloud, ContainerApp]]:
    config = read_config(project)
    known = (config.subscription_id, config.resource_group_name, config.aca_app_name)
    if not all(known):
        raise incomplete(project, config.missing())
    ref = AppRef(*map(str, known))
    subscription = await find_subscription(ref.subscription_id, clouds)
    async with clouds.open(subscription.id) as cloud:
        yield cloud, await find_app(ref, cloud)


async def _lines(request: LogsRequest, app: ContainerApp, cloud: Cloud) -> AsyncIterator[LogLine]:
    if request.system:
        return cloud.apps.events(app.ref, tail=request.tail, follow=request.follow)
    revision = app.latest_revision or ""
    replicas = await cloud.apps.replicas(app.ref, revision) if revision else ()
    if not replicas:
        raise NotFound(
            f"No replica of {app.ref.name} runs: it is stopped, or sleeps until somebody asks it.",
            suggestion="See what happened to it: aitk-inference logs --system",
        )
    newest = replicas[-1].name
    return cloud.apps.console(app.ref, revision, newest, tail=request.tail, follow=request.follow)
