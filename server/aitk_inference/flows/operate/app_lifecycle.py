"""The app that runs: stopped when nobody needs it, started again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.config import incomplete, read_config
from aitk_inference.core.model import AppRef
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.deploy.deploy import find_app
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.provision.choose_target import configured_subscription
from aitk_inference.flows.user_dirs import state_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aitk_inference.core.config import InferenceConfig
    from aitk_inference.core.model import ContainerApp
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import OpenRequest, SwitchRequest


def endpoint(request: OpenRequest) -> Outcome:
    """Return where the web API is, as the configuration says.

    Raises:
        InvalidProject: the project was not provisioned.
    """
    config = read_config(request.project)
    address = config.endpoint_url
    if address is None:
        raise incomplete(request.project, config.missing())
    action = Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", address)
    return Outcome(f"The web API is at {address}", address, actions=(action,))


async def stop(request: SwitchRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Stop the app: no replica runs, and none is billed.

    Raises:
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        Busy, Conflict, NotAuthenticated, Forbidden, Unreachable.
    """
    with hold(request.project, "stop", state_folder()):
        async with app_of_project(request.project, ui=ui, clouds=clouds) as (cloud, app):
            if app.is_stopped:
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
        async with app_of_project(request.project, ui=ui, clouds=clouds) as (cloud, app):
            endpoint = app.endpoint or ""
            actions = (Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", endpoint),)
            if not app.is_stopped:
                return Outcome(f"{app.ref.name} is not stopped.", endpoint, actions=actions)
            Reporter(ui).step("Start", f"Starting {app.ref.name}")
            await cloud.apps.start(app.ref)
    look = Action(ActionKind.RUN, "Status", "status")  # nothing answers yet
    return Outcome(f"Started {app.ref.name}. The web API needs a while to answer.", endpoint, actions=(look,))


def configured_app(project: Path) -> tuple[InferenceConfig, AppRef]:
    """Return a project's configuration and its app, without a look at either.

    Raises:
        InvalidProject: the project was not provisioned, or the folder is none.
    """
    config = read_config(project)
    known = (config.subscription_id, config.resource_group_name, config.aca_app_name)
    if not all(known):
        raise incomplete(project, config.missing())
    return config, AppRef(*map(str, known))


@asynccontextmanager
async def app_of_project(
    project: Path, *, ui: UserInterface, clouds: Clouds
) -> AsyncIterator[tuple[Cloud, ContainerApp]]:
    """Open the target of a project's configuration, with its app.

    Raises:
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        NotAuthenticated, Forbidden, Unreachable.
    """
    config, ref = configured_app(project)
    subscription = await configured_subscription(config, ui=ui, clouds=clouds)
    async with clouds.open(subscription.id, subscription.sign_in_tenant) as cloud:
        yield cloud, await find_app(ref, cloud)
