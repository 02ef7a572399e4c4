"""Deploy: send the project's files to the share, restart the replica, wait until the web API answers."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.config import CONFIG_PATH, InferenceConfig, incomplete, read_config
from aitk_inference.core.errors import Cancelled
from aitk_inference.core.percents import DeployPercent
from aitk_inference.core.progress import Reporter, duration
from aitk_inference.core.project_lock import hold, holder_of
from aitk_inference.flows.app.answer import Endpoint
from aitk_inference.flows.app.find_app import find_app
from aitk_inference.flows.app.protection import protection
from aitk_inference.flows.app.restart import restart, serving_revision
from aitk_inference.flows.deploy.last_deploy import note_deploy
from aitk_inference.flows.deploy.readiness import wait_until_ready
from aitk_inference.flows.deploy.restart_choice import runs_what_lies_there, wants_restart
from aitk_inference.flows.deploy.start_needs import confirm_needs
from aitk_inference.flows.deploy.startup_failure import Start
from aitk_inference.flows.deploy.startup_history import StartHistory
from aitk_inference.flows.deploy.startup_stages import answering_words
from aitk_inference.flows.outcome import Outcome, stage_json
from aitk_inference.flows.project.check import confirm_model
from aitk_inference.flows.provision.choose_target import configured_subscription
from aitk_inference.flows.provision.share_access import check_before_restart
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.sync.engine import Job, sync
from aitk_inference.sync.report import dry_run_words, sync_data

if TYPE_CHECKING:
    from aitk_inference.core.model import AppRef, ContainerApp, Json, ShareRef
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.project_lock import Holder
    from aitk_inference.core.user_interface import StageTime, UserInterface
    from aitk_inference.flows.api import DeployRequest
    from aitk_inference.flows.app.answer import Answer
    from aitk_inference.sync.report import Synced


@dataclass(frozen=True)
class ResolvedProject:
    """A configuration with all six keys."""

    config: InferenceConfig
    app: AppRef
    share: ShareRef
    endpoint: str


@dataclass(frozen=True)
class Deployed:
    """What a Deploy did.

    Attributes:
        answer: How the app answers; None where nobody waited for it.
        stages: The stages of its start.
        restarted: False where it was left as it runs.
    """

    synced: Synced
    answer: Answer | None = None
    stages: tuple[StageTime, ...] = ()
    restarted: bool = True


async def deploy(request: DeployRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Sync the project, restart its app, wait until it answers.

    Returns:
        The endpoint; with ``dry_run`` what would be sent and deleted.

    Raises:
        InvalidProject: the configuration lacks keys, or files can't be sent; nothing was sent.
        PreflightFailed: the app could not mount its share, or not be restarted; nothing was sent.
        NotFound: the subscription, the app or the share is not there.
        DeployFailed: the code is there, the app did not come up; with the end of its console log.
        Cancelled: the task was cancelled; the message says what is left.
        Busy, NotAuthenticated, Forbidden, Conflict, Unreachable, InputRequired, Dismissed.
    """
    report = Reporter(ui)
    resolved = resolve_project(request)
    lock = nullcontext() if request.dry_run else hold(request.project, "deploy", state_folder())
    with lock as holder:
        return await _deploy(request, resolved, holder, report, clouds=clouds)


def resolve_project(request: DeployRequest) -> ResolvedProject:
    """Return the project's configuration.

    Raises:
        InvalidProject: keys are missing; names them.
    """
    config = read_config(request.project)
    app, share, endpoint = config.app, config.share, config.endpoint_url
    if app is None or share is None or endpoint is None:
        raise incomplete(request.project, config.missing())
    return ResolvedProject(config, app, share, endpoint)


async def _deploy(
    request: DeployRequest,
    resolved: ResolvedProject,
    holder: Holder | None,
    report: Reporter,
    *,
    clouds: Clouds,
) -> Outcome:
    done = "nothing was sent"
    try:
        subscription = await configured_subscription(resolved.config, ui=report.ui, clouds=clouds)
        report.step("Connect", f"Opening {subscription.name}", DeployPercent.CONNECT)
        async with clouds.open(subscription.id, subscription.sign_in_tenant) as cloud:
            app = await find_app(resolved.app, cloud)
            if holder is not None:
                report.step(
                    "Connect",
                    f"Checking that {app.ref.name} can mount {resolved.share.share}",
                    DeployPercent.MOUNT,
                )
                await check_before_restart(resolved.share, app, cloud, report)
            await confirm_model(request, cloud.compiler, report)
            done = "files may be half sent, and the next Deploy sends the rest"
            synced = await _sync(request, resolved, holder, cloud, report)
            if holder is None:
                return Outcome(dry_run_words(synced, "Deploy"), data=sync_data(synced))
            done = "the files are on the share, the app was not restarted or goes on starting"
            deployed = await _bring_up(request, resolved, app, synced, cloud=cloud, report=report)
            return _outcome(resolved, app, deployed, report)._replace(config=request.project / CONFIG_PATH)
    except asyncio.CancelledError:
        raise Cancelled(f"Deploy was cancelled: {done}.", suggestion="Run Deploy again to go on.") from None


async def _sync(
    request: DeployRequest, resolved: ResolvedProject, holder: Holder | None, cloud: Cloud, report: Reporter
) -> Synced:
    job = Job(
        request.project.resolve(),
        "/".join((resolved.share.subscription_id, resolved.share.account, resolved.share.share)),
        holder or holder_of(request.project),
        state_folder(),
        assume_yes=request.assume_yes,
        dry_run=request.dry_run,
        verify=request.verify,
    )
    async with cloud.shares.open(resolved.share) as share:
        synced = await sync(job, share, cloud.clock, report)
        if not request.dry_run:
            changed = len(synced.sent) + len(synced.deleted)
            await note_deploy(share, f"{changed:,} of {synced.total:,} files changed", cloud.clock.now())
    if not request.dry_run:
        report.step("Sync", str(synced), DeployPercent.SYNCED)
    return synced


async def _bring_up(
    request: DeployRequest,
    resolved: ResolvedProject,
    app: ContainerApp,
    synced: Synced,
    *,
    cloud: Cloud,
    report: Reporter,
) -> Deployed:
    """Restart the app where that is wanted, and wait until it answers where that is wanted."""
    endpoint = Endpoint(app, resolved.endpoint, cloud)
    async with cloud.shares.open(resolved.share) as share:
        is_same = not synced.sent and not synced.deleted
        is_fresh = is_same and await runs_what_lies_there(app, share, endpoint, cloud)
        if not await wants_restart(request, app, report, is_fresh=is_fresh):
            return Deployed(synced, restarted=False)
        await confirm_needs(request, app, share, report)
    start = Start(app, serving_revision(app), request.project, cloud)
    history = StartHistory(state_folder(), app.ref)
    baseline = await restart(app, cloud, report)
    if not request.wait:
        return Deployed(synced)
    ready = await wait_until_ready(
        start, resolved.endpoint, baseline, history, timeout=request.ready_timeout, report=report
    )
    total = ready.stages[-1]
    report.step("Wait", f"{ready.answer.words} {answering_words(total)}", DeployPercent.DONE, total)
    if ready.answer.warning:
        report.warn(ready.answer.warning)
    return Deployed(synced, ready.answer, ready.stages)


def _outcome(resolved: ResolvedProject, app: ContainerApp, deployed: Deployed, report: Reporter) -> Outcome:
    actions = [Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", resolved.endpoint)]
    actions.append(Action(ActionKind.SHOW_LOGS, "Show logs", app.ref.name))
    if app.portal_url:
        actions.append(Action(ActionKind.OPEN_PORTAL, "Open in portal", app.portal_url))
    answer = deployed.answer
    words = [f"Deployed to {app.ref.name} in {duration(report.elapsed)}: {deployed.synced}."]
    if not deployed.restarted:
        words.append(f"{app.ref.name} was not restarted.")
    elif answer is None:
        words.append("The app is starting.")
    elif answer.protected:
        words.append(f"{answer.words}.")
    words += [answer.warning] if answer is not None and answer.warning else []
    data: dict[str, Json] = {**sync_data(deployed.synced), "elapsedSeconds": round(report.elapsed, 3)}
    data["syncSeconds"] = round(deployed.synced.seconds, 3)
    data |= {"revision": next(iter(app.serving), None), "restarted": deployed.restarted}
    data["stages"] = [stage_json(stage) for stage in deployed.stages]
    if answer is not None:
        is_protected = answer.protected or bool(protection(app))
        data |= {"httpStatus": answer.status, "protected": is_protected, "warning": answer.warning}
    return Outcome(" ".join(words), resolved.endpoint, None, tuple(actions), data)
