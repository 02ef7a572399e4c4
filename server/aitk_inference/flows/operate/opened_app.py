"""The app that a project's configuration names, in its opened target: what every verb of an owner begins with."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.config import incomplete, read_config
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.app.find_app import find_app
from aitk_inference.flows.provision.choose_target import configured_subscription
from aitk_inference.flows.user_dirs import state_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aitk_inference.core.config import InferenceConfig
    from aitk_inference.core.model import AppRef, ContainerApp
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.user_interface import UserInterface


class OpenedApp(NamedTuple):
    """An app, the cloud that it is in, and where the progress of what is done with it goes."""

    cloud: Cloud
    app: ContainerApp
    report: Reporter


def configured_app(project: Path) -> tuple[InferenceConfig, AppRef]:
    """Return a project's configuration and its app, without a look at either.

    Raises:
        InvalidProject: the project was not provisioned, or the folder is none.
    """
    config = read_config(project)
    if config.app is None:
        raise incomplete(project, config.missing())
    return config, config.app


@asynccontextmanager
async def app_of_project(project: Path, *, ui: UserInterface, clouds: Clouds) -> AsyncIterator[OpenedApp]:
    """Open the target of a project's configuration, with its app.

    Raises:
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        NotAuthenticated, Forbidden, Unreachable.
    """
    config, ref = configured_app(project)
    subscription = await configured_subscription(config, ui=ui, clouds=clouds)
    async with clouds.open(subscription.id, subscription.sign_in_tenant) as cloud:
        report = Reporter(ui, cloud.clock.monotonic, cloud.clock.monotonic())
        yield OpenedApp(cloud, await find_app(ref, cloud), report)


@asynccontextmanager
async def app_to_change(
    project: Path, verb: str, *, ui: UserInterface, clouds: Clouds
) -> AsyncIterator[OpenedApp]:
    """Open it for a change: no other run of this project goes on meanwhile.

    Args:
        project: The project's folder.
        verb: What other runs are told of this one.
        ui: Who is asked to sign in.
        clouds: The targets.

    Raises:
        Busy: another run of this project goes on.
        InvalidProject, NotFound, NotAuthenticated, Forbidden, Unreachable: as :func:`app_of_project`.
    """
    with hold(project, verb, state_folder()):
        async with app_of_project(project, ui=ui, clouds=clouds) as opened:
            yield opened
