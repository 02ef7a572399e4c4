"""Deploy: send the project's files to the share, restart the replica, wait until the web API answers."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.config import CONFIG_PATH, InferenceConfig, incomplete, read_config
from aitk_inference.core.errors import Cancelled, NotFound
from aitk_inference.core.interface import Action, ActionKind
from aitk_inference.core.model import AppRef, ShareRef
from aitk_inference.flows.places import state_folder
from aitk_inference.flows.progress import Reporter, duration
from aitk_inference.flows.project_lock import hold, holder_of
from aitk_inference.flows.readiness import restart, wait_until_ready
from aitk_inference.flows.requests import Outcome
from aitk_inference.flows.sync.report import dry_run_words, sync_data
from aitk_inference.flows.sync.run import Job, sync
from aitk_inference.flows.target import find_subscription

if TYPE_CHECKING:
    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.model import ContainerApp
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.flows.project_lock import Holder
    from aitk_inference.flows.requests import DeployRequest
    from aitk_inference.flows.sync.run import Synced


@dataclass(frozen=True)
class Settled:
    """A configuration with all six keys."""

    config: InferenceConfig
    app: AppRef
    share: ShareRef
    endpoint: str


async def deploy(request: DeployRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Sync the project, restart its app, wait until it answers.

    Returns:
        The endpoint; with ``dry_run`` what would be sent and deleted.

    Raises:
        InvalidProject: the configuration lacks keys, or files can't be sent; nothing was sent.
        NotFound: the subscription, the app or the share is not there.
        DeployFailed: the code is there, the app did not come up; with the end of its console log.
        Cancelled: the task was cancelled; the message says what is left.
        Busy, NotAuthenticated, Forbidden, Conflict, Unreachable, InputRequired, Dismissed.
    """
    report = Reporter(ui)
    settled = read_settled(request)
    lock = nullcontext() if request.dry_run else hold(request.project, "deploy", state_folder())
    with lock as holder:
        return await _deploy(request, settled, holder, report, clouds=clouds)


def read_settled(request: DeployRequest) -> Settled:
    """The project's configuration.

    Raises:
        InvalidProject: keys are missing; names them.
    """
    config = read_config(request.project)
    missing, endpoint = config.missing(), config.endpoint_url
    if missing or endpoint is None:
        raise incomplete(request.project, missing)
    subscription, group = str(config.subscription_id), str(config.resource_group_name)
    share = ShareRef(subscription, group, str(config.storage_account_name), str(config.file_share_name))
    return Settled(config, AppRef(subscription, group, str(config.aca_app_name)), share, endpoint)


async def _deploy(
    request: DeployRequest, settled: Settled, holder: Holder | None, report: Reporter, *, clouds: Clouds
) -> Outcome:
    done = "nothing was sent"
    try:
        subscription = await find_subscription(settled.app.subscription_id, clouds)
        report.step("Connect", f"Opening {subscription.name}", 1)
        async with clouds.open(subscription.id) as cloud:
            app = await find_app(settled.app, cloud)
            done = "files may be half sent, and the next Deploy sends the rest"
            synced = await _sync(request, settled, holder, cloud, report)
            if holder is None:
                return _dry(synced)
            done = "the files are on the share, the app was not restarted or goes on starting"
            await _bring_up(request, settled, app, cloud, report)
            return _outcome(request, settled, app, synced, report)
    except asyncio.CancelledError:
        raise Cancelled(f"Deploy was cancelled: {done}.", suggestion="Run Deploy again to go on.") from None


async def find_app(ref: AppRef, cloud: Cloud) -> ContainerApp:
    """The app.

    Raises:
        NotFound: it is not there.
    """
    app = await cloud.apps.get(ref)
    if app is None:
        raise NotFound(
            f"There is no container app {ref.name} in the resource group {ref.resource_group}.",
            suggestion="Run Provision to make it, or mend ACA_APP_NAME and RESOURCE_GROUP_NAME in "
            f"{CONFIG_PATH.as_posix()}.",
        )
    return app


async def _sync(
    request: DeployRequest, settled: Settled, holder: Holder | None, cloud: Cloud, report: Reporter
) -> Synced:
    job = Job(
        request.project.resolve(),
        "/".join((settled.share.subscription_id, settled.share.account, settled.share.share)),
        holder or holder_of(request.project),
        state_folder(),
        request.ignore,
        assume_yes=request.assume_yes,
        dry_run=request.dry_run,
        verify=request.verify,
    )
    async with cloud.shares.open(settled.share) as share:
        synced = await sync(job, share, cloud.clock, report)
    if not request.dry_run:
        report.step("Sync", str(synced), 48)
    return synced


async def _bring_up(
    request: DeployRequest, settled: Settled, app: ContainerApp, cloud: Cloud, report: Reporter
) -> None:
    mark = await restart(app, cloud, report)
    if not request.wait:
        return
    await wait_until_ready(
        app, settled.endpoint, mark, timeout=request.ready_timeout, cloud=cloud, report=report
    )
    report.step("Wait", "The web API answers", 100)


def _dry(synced: Synced) -> Outcome:
    return Outcome(dry_run_words(synced, "Deploy"), data=sync_data(synced))


def _outcome(
    request: DeployRequest, settled: Settled, app: ContainerApp, synced: Synced, report: Reporter
) -> Outcome:
    actions = [Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", settled.endpoint)]
    actions.append(Action(ActionKind.SHOW_LOGS, "Show logs", app.ref.name))
    if app.portal_url:
        actions.append(Action(ActionKind.OPEN_PORTAL, "Open in portal", app.portal_url))
    words = f"Deployed to {app.ref.name} in {duration(report.elapsed)}: {synced}."
    if not request.wait:
        words += " The app is starting."
    data = {**sync_data(synced), "elapsedSeconds": round(report.elapsed, 3)}
    return Outcome(words, settled.endpoint, request.project / CONFIG_PATH, tuple(actions), data)
