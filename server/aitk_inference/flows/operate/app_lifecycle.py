"""The app that runs: stopped when nobody needs it, started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.config import incomplete, read_config
from aitk_inference.flows.operate.opened_app import app_to_change
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from aitk_inference.core.ports import Clouds
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
    async with app_to_change(request.project, "stop", ui=ui, clouds=clouds) as (cloud, app, report):
        if app.is_stopped:
            return Outcome(f"{app.ref.name} is stopped already.")
        report.step("Stop", f"Stopping {app.ref.name}")
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
    async with app_to_change(request.project, "start", ui=ui, clouds=clouds) as (cloud, app, report):
        endpoint = app.endpoint or ""
        actions = (Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", endpoint),)
        if not app.is_stopped:
            return Outcome(f"{app.ref.name} is not stopped.", endpoint, actions=actions)
        report.step("Start", f"Starting {app.ref.name}")
        await cloud.apps.start(app.ref)
    look = Action(ActionKind.RUN, "Status", "status")  # nothing answers yet
    return Outcome(f"Started {app.ref.name}. The web API needs a while to answer.", endpoint, actions=(look,))
