"""What a Provision begins with: the project's files, where it goes, and what the template makes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.config import InferenceConfig, read_config
from aitk_inference.core.model import AppRef, DeploymentRef, ResourceGroup, ShareRef
from aitk_inference.core.params import read_finetuning, read_parameters
from aitk_inference.flows.project.template import check_present, declared_values
from aitk_inference.flows.project.template_plan import Target, evaluate_template, project_resources
from aitk_inference.flows.provision import choose_target
from aitk_inference.flows.provision.existing_resources import Existing, fill
from aitk_inference.flows.provision.quota import Demand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arm_template import Plan

    from aitk_inference.core.model import Json, Subscription
    from aitk_inference.core.params import FineTuning, Parameters
    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import ProvisionRequest
    from aitk_inference.flows.project.template import Template
    from aitk_inference.flows.project.template_plan import ProjectResources


@dataclass(frozen=True)
class ProjectFiles:
    """What the project says, read before anything is asked or made."""

    config: InferenceConfig
    finetuning: FineTuning
    parameters: Parameters


@dataclass(frozen=True)
class Wanted:
    """What is to stand in the resource group.

    Attributes:
        wishes: Values that people chose, by the parameters' declared names.
        plan: What the template makes of them where nothing exists.
        project: The resources in it that the project lives on.
    """

    template: Template
    parameters: Parameters
    wishes: Mapping[str, Json]
    plan: Plan
    project: ProjectResources
    target: Target

    def put(self, existing: Existing) -> tuple[dict[str, Json], Plan]:
        """Return the deployment's parameters, and what it puts now that it knows what exists."""
        parameters = {**self.wishes, **fill(existing, self.project, self.template)}
        return parameters, evaluate_template(self.template, parameters, self.target)


@dataclass(frozen=True)
class Site:
    """Where it happens; ``exists`` tells whether the resource group is there already."""

    cloud: Cloud
    subscription: Subscription
    group: ResourceGroup
    exists: bool = True

    def app(self, name: str) -> AppRef:
        """Return an app of the group."""
        return AppRef(self.subscription.id, self.group.name, name)

    def deployment(self, name: str) -> DeploymentRef:
        """Return a deployment of the group."""
        return DeploymentRef(self.subscription.id, self.group.name, name)

    def share(self, project: ProjectResources) -> ShareRef:
        """Return the share that a project's app mounts."""
        return ShareRef(self.subscription.id, self.group.name, project.account, project.share)


def read_files(request: ProvisionRequest, report: Reporter) -> ProjectFiles:
    """Return what the project says. Raise InvalidProject before anything is asked."""
    check_present(request.project)
    files = ProjectFiles(
        read_config(request.project), read_finetuning(request.project), read_parameters(request.project)
    )
    for warning in files.parameters.warnings:
        report.warn(warning)
    return files


async def choose_site(
    request: ProvisionRequest,
    known: choose_target.Defaults,
    subscription: Subscription,
    wanted: Callable[[Site], Wanted],
    *,
    ui: UserInterface,
    cloud: Cloud,
) -> Site:
    """Return where to; a group that is not there yet is not made yet either.

    Args:
        request: It may name the group and its region.
        known: What is preselected.
        subscription: Where the group is.
        wanted: What the template makes at a site: it says what a region must have.
        ui: Who is asked.
        cloud: Where it is read.
    """
    name = await choose_target.choose_group(request, known, subscription=subscription, ui=ui, cloud=cloud)
    found = await cloud.subscriptions.resource_group(subscription.id, name)
    if found is not None:
        return Site(cloud, subscription, found)

    def demand() -> Demand:
        nowhere = Site(cloud, subscription, ResourceGroup(name, ""), exists=False)
        return Demand(wanted(nowhere).project, Existing(), None, "")

    location = ""
    if not request.changes_nothing or request.location or ui.can_ask or cloud.is_local:
        location = await choose_target.choose_location(
            request, name, demand, subscription=subscription, ui=ui, cloud=cloud
        )
    return Site(cloud, subscription, ResourceGroup(name, location), exists=False)


def wanted_of(files: ProjectFiles, template: Template, site: Site) -> Wanted:
    """Return what the template makes of the project's wishes: a parameter's value comes before fine-tuning's.

    Raises:
        InvalidProject: it can't be evaluated, or names are known to Azure alone.
    """
    wishes = {
        **declared_values(template, _finetuned(files.finetuning, site)),
        **declared_values(template, files.parameters.values),
    }
    target = Target(
        site.subscription.id, site.subscription.tenant_id, site.group.name, site.group.location or None
    )
    plan = evaluate_template(template, wishes, target)
    project = project_resources(plan, template, files.parameters)
    return Wanted(template, files.parameters, wishes, plan, project, target)


def _finetuned(finetuning: FineTuning, site: Site) -> Mapping[str, Json]:
    """Return the fine-tuning step's names where they hold: in another group they would be other resources."""
    here = (site.subscription.id.lower(), site.group.name.lower())
    made_in = (
        (finetuning.subscription_id or site.subscription.id).lower(),
        (finetuning.resource_group or site.group.name).lower(),
    )
    return dict(finetuning.names) if made_in == here else {}
