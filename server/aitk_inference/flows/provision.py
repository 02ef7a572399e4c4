"""Provision: make the Azure resources of the template and note where they are."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aitk_inference.core.config import (
    InferenceConfig,
    endpoint_url,
    read_config,
    write_config,
)
from aitk_inference.core.errors import Cancelled, ErrorNode, ProvisionFailed
from aitk_inference.core.fingerprint import fingerprint
from aitk_inference.core.interface import Action, ActionKind
from aitk_inference.core.model import AppRef, DeploymentRef
from aitk_inference.core.params import read_finetuning, read_parameters
from aitk_inference.flows import existing as kept
from aitk_inference.flows import target
from aitk_inference.flows.deployment import (
    Spot,
    adopt,
    brought_about,
    cancelled_with_us,
    deployment_name,
    run,
)
from aitk_inference.flows.parameters import compiled
from aitk_inference.flows.places import state_folder
from aitk_inference.flows.plan import Wishes, plan
from aitk_inference.flows.progress import Reporter, duration
from aitk_inference.flows.project_lock import hold
from aitk_inference.flows.requests import Outcome
from aitk_inference.flows.template import check_parameters, check_present, read_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.model import (
        DeploymentStatus,
        ExistingResources,
        Json,
        ResourceGroup,
        Subscription,
        WorkloadProfile,
    )
    from aitk_inference.core.params import FineTuning, Parameters
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.flows.existing import Wanted
    from aitk_inference.flows.requests import ProvisionRequest
    from aitk_inference.flows.template import Template

PROVIDERS = ("Microsoft.App", "Microsoft.Storage", "Microsoft.OperationalInsights")
_SECOND_GPU = (
    "An update of the app keeps the old revision until the new one is ready: "
    "for a while that takes a second GPU of your quota."
)
_ENVIRONMENT_BOUND, _ENVIRONMENT_PAUSE = 20 * 60.0, 5.0
PORTAL = "https://portal.azure.com/#resource"


@dataclass(frozen=True)
class _Files:
    """What the project says, read before anything is asked or made."""

    config: InferenceConfig
    finetuning: FineTuning
    parameters: Parameters


@dataclass(frozen=True)
class _Site:
    """Where it happens."""

    cloud: Cloud
    subscription: Subscription
    group: ResourceGroup


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
    report = Reporter(ui)
    files = _read(request, report)
    lock = nullcontext() if request.plan_only else hold(request.project, "provision", state_folder())
    with lock:
        try:
            return await _provision(request, files, report, clouds=clouds)
        except asyncio.CancelledError:
            raise Cancelled("Provisioning was cancelled; no deployment was running.") from None


def _read(request: ProvisionRequest, report: Reporter) -> _Files:
    check_present(request.project)
    files = _Files(
        read_config(request.project), read_finetuning(request.project), read_parameters(request.project)
    )
    for warning in files.parameters.warnings:
        report.warn(warning)
    return files


async def _provision(
    request: ProvisionRequest, files: _Files, report: Reporter, *, clouds: Clouds
) -> Outcome:
    ui, known = report.ui, target.defaults(files.config, files.finetuning)
    if not request.subscription:
        report.step("Connect", "Looking for your subscriptions", 0)
    subscription = await target.choose_subscription(request, known, ui=ui, clouds=clouds)
    report.step("Connect", f"Opening {subscription.name}", 1)
    async with clouds.open(subscription.id) as cloud:
        template = await read_template(request.project, cloud.compiler)
        files = replace(files, parameters=await compiled(files.parameters, cloud.compiler))
        check_parameters(template, files.parameters)
        group = await target.choose_group(request, known, subscription=subscription, ui=ui, cloud=cloud)
        if request.plan_only:
            wishes = Wishes(files.parameters, files.finetuning, template)
            return await plan(wishes, subscription, group, cloud)
        made = await target.ensure_group(request, group, subscription=subscription, ui=ui, cloud=cloud)
        site = _Site(cloud, subscription, made)
        return await _deploy(request, files, template, site, report)


async def _deploy(
    request: ProvisionRequest, files: _Files, template: Template, site: _Site, report: Reporter
) -> Outcome:
    await _register(site, report)
    subscription_id, group = site.subscription.id, site.group.name
    want = kept.wanted(files.parameters, files.finetuning, template, subscription_id, group)
    spot = _spot(site, deployment_name(want.names["acaAppName"]), report)
    async with cancelled_with_us(spot):
        earlier = await adopt(spot)
        report.step("Look", f"Reading what exists in {group}", 10)
        await _environment_settled(want, site, report)
        existing = await site.cloud.apps.existing(subscription_id, group, want.names)
        missing = _checked(existing, want, files, template, report)
        await _add_profile(missing, existing, site, report)
        wishes = _wishes(files, want, template)
        mark = fingerprint(template.document, wishes)
        if earlier is not None and brought_about(earlier, mark) and _settled(existing) and not request.again:
            report.step("Resources", "This very deployment has succeeded, and all of it exists", 95)
            status = earlier
        else:
            if existing.app is not None and _on_gpu(want):
                report.warn(_SECOND_GPU)
            parameters = {**wishes, **kept.fill(existing, want, template)}
            status = await run(spot, template.document, parameters, mark)
    config = await _config(status, want, files.config, site)
    return _outcome(request, config, site, report)


async def _register(site: _Site, report: Reporter) -> None:
    report.step("Register", "Checking that the resource providers are registered", 5)
    fresh = await site.cloud.subscriptions.register(site.subscription.id, PROVIDERS)
    if fresh:
        report.step("Register", f"Registered {', '.join(fresh)}", 9)


async def _environment_settled(want: Wanted, site: _Site, report: Reporter) -> None:
    """Wait for an environment that a cancelled deployment left in the making: Azure refuses a PUT."""
    clock, name = site.cloud.clock, want.names["acaEnvironmentName"]
    until = clock.monotonic() + _ENVIRONMENT_BOUND
    while clock.monotonic() < until:
        found = await site.cloud.apps.environment(site.subscription.id, site.group.name, name)
        if found is None or found.provisioning_state not in kept.IN_THE_MAKING:
            return
        report.step("Look", f"The environment {name} is still being made ({found.provisioning_state})", 12)
        await clock.sleep(_ENVIRONMENT_PAUSE)


def _checked(
    existing: ExistingResources, want: Wanted, files: _Files, template: Template, report: Reporter
) -> WorkloadProfile | None:
    missing = kept.check(existing, want, files.parameters)
    for words in kept.unkept(existing, template):
        report.warn(f"The edited template has no parameter that keeps the {words} that exists as it is.")
    return missing


async def _add_profile(
    missing: WorkloadProfile | None, existing: ExistingResources, site: _Site, report: Reporter
) -> None:
    if missing is None or existing.environment is None:
        return
    report.step("Environment", f"Adding the workload profile {missing.name} ({missing.type})", 15)
    await site.cloud.apps.add_workload_profile(
        site.subscription.id, site.group.name, existing.environment.name, missing
    )


def _wishes(files: _Files, want: Wanted, template: Template) -> dict[str, Json]:
    given = {name: value for name, value in want.given.items() if name in template.parameters}
    return {**files.parameters.values, **given}


def _on_gpu(want: Wanted) -> bool:
    return want.profile.type not in ("", "Consumption")


def _spot(site: _Site, name: str, report: Reporter) -> Spot:
    ref = DeploymentRef(site.subscription.id, site.group.name, name)
    page = f"{_group_page(site)}/providers/Microsoft.Resources/deployments/{name}"
    return Spot(ref, site.cloud, report, None if site.cloud.is_local else page)


def _group_page(site: _Site) -> str:
    return f"{PORTAL}/subscriptions/{site.subscription.id}/resourceGroups/{site.group.name}"


def _settled(existing: ExistingResources) -> bool:
    app = existing.app
    return (
        existing.storage_account
        and existing.file_share
        and kept.whole_environment(existing)
        and app is not None
        and app.provisioning_state == "Succeeded"
    )


async def _config(
    status: DeploymentStatus, want: Wanted, before: InferenceConfig, site: _Site
) -> InferenceConfig:
    outputs = {name.upper(): value for name, value in status.outputs.items() if isinstance(value, str)}
    app = outputs.get("ACA_APP_NAME") or want.names["acaAppName"]
    config = replace(
        before,
        subscription_id=outputs.get("SUBSCRIPTION_ID") or site.subscription.id,
        resource_group_name=outputs.get("RESOURCE_GROUP_NAME") or site.group.name,
        storage_account_name=outputs.get("STORAGE_ACCOUNT_NAME") or want.names["storageAccountName"],
        file_share_name=outputs.get("FILE_SHARE_NAME") or want.names["fileShareName"],
        aca_app_name=app,
        aca_app_endpoint=await _endpoint(outputs, app, site),
    )
    if config.missing():
        message = f"The deployment succeeded, but {', '.join(config.missing())} is not known."
        raise ProvisionFailed(
            message,
            ErrorNode("OutputMissing", message),
            suggestion="Give the app an external ingress in the template and run Provision again.",
        )
    return config


async def _endpoint(outputs: Mapping[str, str], app: str, site: _Site) -> str | None:
    """The address as a URL; the app's own word comes first, since it knows its scheme."""
    found = await site.cloud.apps.get(AppRef(site.subscription.id, site.group.name, app))
    value = (found.endpoint if found else None) or outputs.get("ACA_APP_ENDPOINT")
    return endpoint_url(value) if value else None


def _outcome(request: ProvisionRequest, config: InferenceConfig, site: _Site, report: Reporter) -> Outcome:
    path = write_config(request.project, config)
    report.step("Provision", f"Wrote {path.name}", 100)
    endpoint = config.endpoint_url or ""
    actions = [Action(ActionKind.RUN, "Deploy", "deploy")]
    actions.append(Action(ActionKind.OPEN_ENDPOINT, "Go to Inference Endpoint", endpoint))
    if not site.cloud.is_local:
        app = f"{_group_page(site)}/providers/Microsoft.App/containerApps/{config.aca_app_name}"
        actions.append(Action(ActionKind.OPEN_PORTAL, "Open in portal", app))
    return Outcome(
        f"Provisioned {config.aca_app_name} in {site.group.name} in {duration(report.elapsed)}. "
        "Deploy sends your code to it.",
        endpoint,
        path,
        tuple(actions),
        {
            "subscriptionId": site.subscription.id,
            "resourceGroup": site.group.name,
            "app": config.aca_app_name,
            "elapsedSeconds": round(report.elapsed, 3),
        },
    )
