"""Provision: make the Azure resources of the template and note where they are.

The order: read the project, choose where to, evaluate the template, read what exists, refuse what can't work; only
then is anything made.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aitk_inference.core.config import CONFIG_PATH, write_config
from aitk_inference.core.errors import (
    AppError,
    Cancelled,
    Conflict,
    InvalidProject,
    ProvisionFailed,
    QuotaExceeded,
)
from aitk_inference.core.fingerprint import fingerprint
from aitk_inference.core.json_paths import text
from aitk_inference.core.percents import ProvisionPercent
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import hold
from aitk_inference.flows.project.parameters import compiled
from aitk_inference.flows.project.template import check_parameters, read_template
from aitk_inference.flows.project.template_plan import ACCOUNT, SHARE
from aitk_inference.flows.provision import choose_target
from aitk_inference.flows.provision.deployment import (
    DeploymentContext,
    DeploymentOrder,
    adopt,
    cancelled_with_us,
    deployment_name,
    matches_fingerprint,
    run,
)
from aitk_inference.flows.provision.existing_resources import (
    IN_THE_MAKING,
    MAKING_BOUND,
    MAKING_PAUSE,
    Existing,
    check,
    read_existing,
)
from aitk_inference.flows.provision.inputs import choose_site, read_files, wanted_of
from aitk_inference.flows.provision.outcome import (
    app_made,
    configuration,
    group_page,
    provisioned,
    report_differences,
)
from aitk_inference.flows.provision.ownership import (
    maker_of,
    other_maker,
    owner_tags,
)
from aitk_inference.flows.provision.plan import confirm, confirm_resets, make_plan, price_of_plan
from aitk_inference.flows.provision.preflight import (
    checks_outcome,
    preflight,
    project_findings,
    stop_or_warn,
    to_register,
)
from aitk_inference.flows.provision.preflight_subject import subject_of
from aitk_inference.flows.provision.share_access import mount_checks
from aitk_inference.flows.user_dirs import state_folder
from aitk_inference.sync.ignore import MANIFEST_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.model import DeploymentStatus
    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.prices import Price
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import ProvisionRequest
    from aitk_inference.flows.outcome import Outcome
    from aitk_inference.flows.project.template_plan import ProjectResources
    from aitk_inference.flows.provision.inputs import ProjectFiles, Site, Wanted
    from aitk_inference.flows.provision.preflight import Finding
    from aitk_inference.flows.provision.preflight_subject import Subject

_SECOND_GPU = "An update of the app keeps the old revision until the new one is ready: for a while that takes a second GPU of your quota."
PREFLIGHT_WORDS = "Checking rights, quota, names and what exists"


async def provision(request: ProvisionRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Ask where to, deploy the template, write ``infra/inference.config.json``.

    Returns:
        The endpoint and what to do next; with ``plan_only`` what would be made.

    Raises:
        InvalidProject: the project's files are wrong; nothing was asked or made.
        Cancelled: the task was cancelled; the message says what became of the deployment.
        ProvisionFailed, QuotaExceeded: the deployment failed.
        Busy, NotFound, NotAuthenticated, Forbidden, Conflict, Unreachable, InputRequired, Dismissed.
    """
    try:
        return await _locked(request, Reporter(ui), clouds=clouds)
    except InvalidProject as error:
        if not request.check_only:
            raise
        return checks_outcome(await project_findings(request, error), request.project)


async def _locked(request: ProvisionRequest, report: Reporter, *, clouds: Clouds) -> Outcome:
    files = read_files(request, report)
    lock = nullcontext() if request.changes_nothing else hold(request.project, "provision", state_folder())
    with lock:
        try:
            return await _provision(request, files, report, clouds=clouds)
        except asyncio.CancelledError:
            raise Cancelled("Provisioning was cancelled; no deployment was running.") from None


async def _provision(
    request: ProvisionRequest, files: ProjectFiles, report: Reporter, *, clouds: Clouds
) -> Outcome:
    ui, known = report.ui, choose_target.defaults(files.config, files.finetuning)
    if files.config.sign_in:
        clouds.prefer(files.config.sign_in)
    if not request.subscription:
        report.step("Connect", "Looking for your subscriptions", ProvisionPercent.SUBSCRIPTIONS)
    subscription = await choose_target.choose_subscription(request, known, ui=ui, clouds=clouds)
    report.step("Connect", f"Opening {subscription.name}", ProvisionPercent.CONNECT)
    async with clouds.open(subscription.id, subscription.sign_in_tenant) as cloud:
        template = await read_template(request.project, cloud.compiler)
        files = replace(files, parameters=await compiled(files.parameters, cloud.compiler))
        check_parameters(template, files.parameters)
        site = await choose_site(
            request,
            known,
            subscription,
            partial(wanted_of, files, template),
            ui=ui,
            cloud=cloud,
        )
        wanted = wanted_of(files, template, site)
        if request.plan_only:
            return await _plan(request, files, wanted, site, report)
        if request.check_only:
            return await _check(request, files, wanted, site, report)
        return await _Deployment(request, files, wanted, site, report).run()


async def _plan(
    request: ProvisionRequest, files: ProjectFiles, wanted: Wanted, site: Site, report: Reporter
) -> Outcome:
    report.step("Look", f"Reading what exists in {site.group.name}", ProvisionPercent.LOOK)
    existing = await read_existing(wanted.project, site.cloud.resources, group_exists=site.exists)
    check(existing, wanted.project, wanted.parameters)
    subject = subject_of(request, files, wanted, site, existing=existing, earlier=None)
    return (await make_plan(subject, await price_of_plan(subject), report)).outcome()


async def _check(
    request: ProvisionRequest, files: ProjectFiles, wanted: Wanted, site: Site, report: Reporter
) -> Outcome:
    report.step("Preflight", PREFLIGHT_WORDS)
    ref = _context(request, site, deployment_name(wanted.project.app.name), report).ref
    earlier, existing = await asyncio.gather(
        site.cloud.deployments.status(ref) if site.exists else asyncio.sleep(0, None),
        read_existing(wanted.project, site.cloud.resources, group_exists=site.exists),
    )
    subject = subject_of(request, files, wanted, site, existing=existing, earlier=earlier)
    return checks_outcome(await preflight(subject), request.project, subject)


@dataclass(frozen=True)
class _Deployment:
    """One deployment of a project, from what exists to the file that says where it is.

    Attributes:
        agreed: True once a person said yes to the plan.
    """

    request: ProvisionRequest
    files: ProjectFiles
    wanted: Wanted
    site: Site
    report: Reporter
    agreed: bool = False

    async def run(self) -> Outcome:
        name = deployment_name(self.wanted.project.app.name)
        context = _context(self.request, self.site, name, self.report)
        async with cancelled_with_us(context):
            try:
                return await self._run(context)
            except Conflict as error:
                if error.cloud_code != "DeploymentActive":
                    raise
            self.report.warn("Another run began to deploy this app a moment ago: it is waited for.")
            later = replace(self, site=replace(self.site, exists=True), agreed=True)
            return await later._run(context)

    async def _run(self, context: DeploymentContext) -> Outcome:
        wanted, site = self.wanted, self.site
        earlier = await adopt(context) if site.exists else None
        existing = await _existing(wanted, site, self.report)
        mark = fingerprint(wanted.template.document, wanted.wishes)
        is_ours = not other_maker(earlier, self.request.project, self.files.config, wanted.project.app.name)
        is_done = is_ours and matches_fingerprint(earlier, mark) and _is_complete(existing, wanted.project)
        price: Price | None = None
        if is_done and earlier is not None and not self.request.again:
            self.report.step(
                "Resources",
                "This very deployment has succeeded, and all of it exists",
                ProvisionPercent.DEPLOYED,
            )
            status = earlier
        else:
            subject = subject_of(self.request, self.files, wanted, site, existing=existing, earlier=earlier)
            findings, price = await self._checked(subject)
            status = await self._deployed(context, subject, mark, to_register(findings))
        may_run = (
            status is earlier and self.files.config.aca_app_name is None
        )  # it was killed before the stop
        if existing.app is None or (may_run and not await _was_deployed(wanted.project, site)):
            await _put_to_rest(wanted.project.app.name, site, self.report)
        report_differences(status.outputs, wanted.plan, self.report)
        app = await app_made(status.outputs, wanted.project, site)
        config = configuration(status.outputs, wanted.project, self.files.config, site, app)
        if not existing.holds(wanted.project.resources, ACCOUNT):  # else the preflight looked at it
            await self._warn_of_policies()
        return provisioned(self.request, config, site, self.report, app=app, price=price)

    async def _checked(self, subject: Subject) -> tuple[Sequence[Finding], Price]:
        """Make every check, show the plan to a person who is there, and let them agree; return what was found.

        On this computer nothing is billed, so nobody is asked but where something set by hand would be lost.
        """
        self.report.step("Preflight", PREFLIGHT_WORDS, ProvisionPercent.PREFLIGHT)
        findings, price = await asyncio.gather(preflight(subject), price_of_plan(subject))
        stop_or_warn(findings, self.report)
        asks = self.report.ui.can_ask and not self.request.assume_yes and not self.site.cloud.is_local
        if asks and not self.agreed:
            await confirm(subject, await make_plan(subject, price, self.report), self.report.ui)
        else:
            self.report.info(price.words)
        if not asks:
            await confirm_resets(subject, price, self.report.ui)
        return findings, price

    async def _deployed(
        self, context: DeploymentContext, subject: Subject, mark: str, unregistered: Sequence[str]
    ) -> DeploymentStatus:
        wanted, site = self.wanted, self.site
        await _make_ready(self.request, wanted, site, self.report, unregistered)
        if (missing := subject.missing) is not None:
            words = f"Adding the workload profile {missing.name} ({missing.type})"
            self.report.step("Environment", words, ProvisionPercent.ENVIRONMENT)
            await site.cloud.apps.add_workload_profile(wanted.project.environment_id, missing)
        if subject.existing.app is not None and wanted.project.profile.type not in ("", "Consumption"):
            self.report.warn(_SECOND_GPU)
        document, tags = wanted.template.document, subject.record_tags
        try:
            return await run(context, DeploymentOrder(document, subject.parameters, mark, tags))
        except (ProvisionFailed, QuotaExceeded) as error:
            await self._keep_what_is_there(subject, error)
            raise

    async def _warn_of_policies(self) -> None:
        """Say what a policy made of a new account: one of effect "modify" forbids keys behind the template's back."""
        project, site = self.wanted.project, self.site
        for obstacle in await mount_checks(site.share(project), project.environment_id, site.cloud):
            self.report.warn(obstacle.words)

    async def _keep_what_is_there(self, subject: Subject, error: AppError) -> None:
        """Write the configuration after a failure all the same where Deploy has all that it needs."""
        wanted, site = self.wanted, replace(self.site, exists=True)
        existing = await read_existing(wanted.project, site.cloud.resources, group_exists=True)
        is_usable = existing.app is not None and existing.whole_environment
        if not is_usable or not existing.holds(wanted.project.resources, SHARE):
            return
        if subject.existing.app is None:
            await _put_to_rest(wanted.project.app.name, site, self.report)
        app = await app_made({}, wanted.project, site)
        config = configuration({}, wanted.project, self.files.config, site, app)
        write_config(self.request.project, config)
        error.suggestion += f" App, share and environment are there, so {CONFIG_PATH.as_posix()} is written: Deploy may work already."


async def _make_ready(
    request: ProvisionRequest, wanted: Wanted, site: Site, report: Reporter, unregistered: Sequence[str]
) -> None:
    """Make the resource group, and register the providers that the preflight did not find registered."""
    subscription_id, group = site.subscription.id, site.group
    if not site.exists:
        declared = wanted.template.declared("tags")  # a policy may ask for them on the group, too
        value = wanted.plan.parameters[declared].value if declared else {}
        tags = {name: text(value, name) for name in value} if isinstance(value, dict) else {}
        report.step("Group", f"Making the resource group {group.name}", ProvisionPercent.GROUP)
        await site.cloud.subscriptions.create_resource_group(
            subscription_id, group.name, group.location, tags={**tags, **owner_tags(request.project)}
        )
    if not unregistered:
        return
    report.step("Register", f"Registering {', '.join(unregistered)}", ProvisionPercent.REGISTER)
    fresh = await site.cloud.subscriptions.register(subscription_id, unregistered)
    if fresh:
        report.step("Register", f"Registered {', '.join(fresh)}", ProvisionPercent.REGISTERED)


async def _existing(wanted: Wanted, site: Site, report: Reporter) -> Existing:
    """Read what exists; wait for an environment that a cancelled deployment left in the making."""
    report.step("Look", f"Reading what exists in {site.group.name}", ProvisionPercent.LOOK)
    clock = site.cloud.clock
    until = clock.monotonic() + MAKING_BOUND
    while True:
        existing = await read_existing(wanted.project, site.cloud.resources, group_exists=site.exists)
        state = existing.environment_state
        if state not in IN_THE_MAKING or clock.monotonic() > until:
            return existing
        name = text(existing.environment, "name")
        report.step(
            "Look", f"The environment {name} is still being made ({state})", ProvisionPercent.ENVIRONMENT_BUSY
        )
        await clock.sleep(MAKING_PAUSE)


async def _was_deployed(project: ProjectResources, site: Site) -> bool:
    """Return True if files were sent to the app's share: it runs for somebody then. So it may where nobody can look."""
    try:
        async with site.cloud.shares.open(site.share(project)) as share:
            return await share.entry(MANIFEST_NAME) is not None
    except AppError:
        return True


async def _put_to_rest(app: str, site: Site, report: Reporter) -> None:
    """Stop a new app: nothing of it can run before the first Deploy, and a GPU would be billed while it tries.

    Stopping makes no revision and asks for no second GPU later, as a change of ``minReplicas`` would. The configuration
    is written after it, so a run that was killed in between is known by its absence, and stops the app then.
    """
    report.step("Rest", f"Stopping {app}: nothing runs before the first Deploy", ProvisionPercent.STOP)
    await site.cloud.apps.stop(site.app(app))


def _context(request: ProvisionRequest, site: Site, name: str, report: Reporter) -> DeploymentContext:
    ref = site.deployment(name)
    page = f"{group_page(site)}/providers/Microsoft.Resources/deployments/{name}"
    maker = partial(maker_of, project=request.project)
    return DeploymentContext(ref, site.cloud, report, None if site.cloud.is_local else page, maker=maker)


def _is_complete(existing: Existing, project: ProjectResources) -> bool:
    """Return True if all that the deployment makes is there, and whole."""
    return (
        existing.holds(project.resources, ACCOUNT)
        and existing.holds(project.resources, SHARE)
        and existing.whole_environment
        and text(existing.app, "properties", "provisioningState") == "Succeeded"
    )
