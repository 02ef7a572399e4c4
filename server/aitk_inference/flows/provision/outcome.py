"""How a Provision ends: what is written into the project, and what its person is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template import open_expressions

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.arm_names import group_id
from aitk_inference.core.config import CONFIG_PATH, TENANT_KEY, InferenceConfig, endpoint_url, write_config
from aitk_inference.core.errors import ErrorNode, ProvisionFailed
from aitk_inference.core.percents import ProvisionPercent
from aitk_inference.core.portal import resource_page
from aitk_inference.core.progress import Reporter, duration
from aitk_inference.flows.app.protection import protection
from aitk_inference.flows.app.secret_variable import HF_TOKEN, gated_base
from aitk_inference.flows.outcome import Outcome

_PUBLIC = "Its endpoint is public: whoever knows the address may use it, until it is protected: aitk-inference protect --api-key"
_GATED = "Models like {base} mostly want an agreement on Hugging Face, and its token: aitk-inference secrets set {token}"

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template import Plan

    from aitk_inference.core.model import ContainerApp, Json
    from aitk_inference.core.prices import Price
    from aitk_inference.flows.api import ProvisionRequest
    from aitk_inference.flows.project.template_plan import ProjectResources
    from aitk_inference.flows.provision.inputs import Site


def group_page(site: Site) -> str:
    """Return the portal's page of the resource group."""
    return resource_page(group_id(site.subscription.id, site.group.name), site.subscription.sign_in_tenant)


def report_differences(outputs: Mapping[str, Json], plan: Plan, report: Reporter) -> None:
    """Say where the deployment's outputs differ from what was evaluated before it: one of the two is wrong."""
    answered = {name.lower(): value for name, value in outputs.items()}
    for name, item in plan.outputs.items():
        value = answered.get(name.lower())
        if value is not None and not open_expressions(item.value) and value != item.value:
            report.warn(f"The deployment says {name} is {value}; here the template gave {item.value}.")


async def app_made(outputs: Mapping[str, Json], project: ProjectResources, site: Site) -> ContainerApp | None:
    """Return the app as it is after a deployment; None where it is not there."""
    name = _named(outputs).get("ACA_APP_NAME") or project.app.name
    return await site.cloud.apps.get(site.app(name))


def configuration(
    outputs: Mapping[str, Json],
    project: ProjectResources,
    before: InferenceConfig,
    site: Site,
    app: ContainerApp | None,
) -> InferenceConfig:
    """Return the project's configuration after a deployment.

    Args:
        outputs: The deployment's; none of one that failed.
        project: What the template makes: the names where the outputs say none.
        before: The configuration as it was.
        site: Where it happened.
        app: The app as it is now.

    Raises:
        ProvisionFailed: the endpoint is not known.
    """
    named = _named(outputs)
    address = (app.endpoint if app else None) or named.get("ACA_APP_ENDPOINT")  # it knows its scheme
    tenant = site.subscription.sign_in_tenant
    others = {key: value for key, value in before.extra.items() if key != TENANT_KEY}
    config = replace(
        before,
        subscription_id=named.get("SUBSCRIPTION_ID") or site.subscription.id,
        resource_group_name=named.get("RESOURCE_GROUP_NAME") or site.group.name,
        storage_account_name=named.get("STORAGE_ACCOUNT_NAME") or project.account,
        file_share_name=named.get("FILE_SHARE_NAME") or project.share,
        aca_app_name=named.get("ACA_APP_NAME") or project.app.name,
        aca_app_endpoint=endpoint_url(address) if address else None,
        extra={TENANT_KEY: tenant, **others} if tenant else others,
    )
    if config.missing():
        message = f"The deployment succeeded, but {', '.join(config.missing())} is not known."
        raise ProvisionFailed(
            message,
            ErrorNode("OutputMissing", message),
            suggestion="Give the app an external ingress in the template and run Provision again.",
        )
    return config


def _named(outputs: Mapping[str, Json]) -> dict[str, str]:
    return {name.upper(): value for name, value in outputs.items() if isinstance(value, str)}


def provisioned(
    request: ProvisionRequest,
    config: InferenceConfig,
    site: Site,
    report: Reporter,
    *,
    app: ContainerApp | None,
    price: Price | None,
) -> Outcome:
    """Write the configuration, and return how it ended.

    Args:
        app: The app as it is now.
        price: What the app costs; None where nothing was deployed, so that nobody looked.
    """
    path = write_config(request.project, config)
    report.step("Provision", f"Wrote {CONFIG_PATH.as_posix()}", ProvisionPercent.DONE)
    protected = protection(app) if app is not None else ()
    is_public, gated = app is not None and not protected, gated_base(request.project)
    page = app.portal_url if app is not None else None
    offered = {
        Action(ActionKind.RUN, "Deploy", "deploy"): True,  # before it nothing answers at the endpoint
        Action(ActionKind.RUN, "Protect endpoint", "protect"): is_public and not site.cloud.is_local,
        Action(ActionKind.RUN, f"Set {HF_TOKEN}", "secrets"): bool(gated),
        Action(ActionKind.OPEN_PORTAL, "Open in portal", page or ""): bool(page),
    }
    actions = tuple(action for action, is_offered in offered.items() if is_offered)
    data: dict[str, Json] = {
        "subscriptionId": site.subscription.id,
        "resourceGroup": site.group.name,
        "app": config.aca_app_name,
        "public": is_public,
        "protection": [*protected],
        "elapsedSeconds": round(report.elapsed, 3),
    }
    if price is not None:
        data["price"] = price.as_json()
    summary = (
        f"Provisioned {config.aca_app_name} in {site.group.name} in {duration(report.elapsed)}. "
        f"Deploy sends your code to it."
    )
    notes = {
        price.meanwhile if price is not None else "": not site.cloud.is_local,
        _PUBLIC: is_public and not site.cloud.is_local,
        f"Protected: {'; '.join(protected)}.": bool(protected),
        _GATED.format(base=gated, token=HF_TOKEN): bool(gated),
    }
    told = " ".join([summary, *(words for words, is_so in notes.items() if words and is_so)])
    return Outcome(told, config.endpoint_url or "", path, actions, data)
